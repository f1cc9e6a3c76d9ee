"""What a GPU does with these networks, in one command of some minutes: ``python -m benchmarks.gpu --minutes 8``."""
