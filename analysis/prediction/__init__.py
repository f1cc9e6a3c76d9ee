"""Predictions for users: the boxes of a person detector, tables and results files, drawn pictures and videos."""
