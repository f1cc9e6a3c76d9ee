"""Studies as a whole: what there is, and how one is taken away."""
