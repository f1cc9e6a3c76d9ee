"""Benchmarks of shared weights: the agreement of inherited scores with trainings, and searches that use them."""
