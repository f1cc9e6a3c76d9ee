"""The cost of a search: epochs of training until a recorded table's front is found, for this project's search and others."""
