"""Networks in the runtimes of other people: converted to them, opened and timed."""
