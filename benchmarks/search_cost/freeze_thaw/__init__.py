"""Freeze-thaw in place of rungs."""
