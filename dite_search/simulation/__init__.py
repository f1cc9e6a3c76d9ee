"""Searches played back on recorded learning curves."""
