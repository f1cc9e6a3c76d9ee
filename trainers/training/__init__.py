"""The training loop, its step, and Ray Train around it."""
