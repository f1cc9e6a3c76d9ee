"""Errors, files and redaction: what every package needs."""
