"""A search while it runs, for its user's eyes: only read, in a terminal or on a page."""
