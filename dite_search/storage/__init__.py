"""The state of a search between processes: the lease of its driver, its outbox, a pause, and errors of its database."""
