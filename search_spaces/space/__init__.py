"""Search spaces over the networks of a family: sampling, encoding, budgets, files."""
