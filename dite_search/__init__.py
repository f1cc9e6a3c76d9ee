"""Which trial next, where does it run, where is it recorded? And the command line."""
