"""The mistakes of a file of settings, all in one run and in the words of the file."""
