"""The networks that can be built, their names and their costs: no torch, no Ray."""
