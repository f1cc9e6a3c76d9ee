"""Searches of others, which take the place of the sampler and of early stopping."""
