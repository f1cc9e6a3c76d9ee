"""The work of a GPU on these networks, in one command of some minutes: ``python -m benchmarks.gpu --minutes 8``."""
