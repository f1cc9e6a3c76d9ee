"""People in pictures: what networks predict on validation photographs, and which of their errors to fix first."""
