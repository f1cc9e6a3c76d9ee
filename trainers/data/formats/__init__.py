"""Formats of annotation files."""
