"""Finished trials: records, tables, labels, and published results."""
