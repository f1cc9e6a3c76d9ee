"""What networks will learn from a data set, on one page: what was read, what looks wrong, and people in pictures."""
