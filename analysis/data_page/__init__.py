"""One page on a data set: the people that were read, remarks on them, and pictures of what networks will learn from."""
