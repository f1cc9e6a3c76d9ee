"""Signs of life on a terminal, for every command and every room that takes more than a moment."""
