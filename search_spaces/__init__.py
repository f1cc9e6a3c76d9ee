"""What can be built, what it is called and what it costs: no torch, no Ray."""
