"""The budget of a search: what is spent, what is left, and which trainings may still begin."""
