"""Figures of these networks on a GPU, in one command of some minutes: ``python -m benchmarks.gpu --minutes 8``."""
