"""The parts of the benchmark of a GPU: each measures one thing by ``measure(plan, until)`` and gives rows of the table."""
