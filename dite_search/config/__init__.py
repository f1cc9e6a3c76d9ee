"""The search file: its sections, defaults and reference."""
