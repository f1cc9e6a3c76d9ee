"""A study: its directory, database, lease, records and identity."""
