"""What a search costs: epochs of training until a recorded table's front is found, for this project's search and others."""
