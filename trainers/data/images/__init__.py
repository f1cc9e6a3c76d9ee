"""Image files: decoding, orientation, structure."""
