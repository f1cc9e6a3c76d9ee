"""Tasks about shared weights: their training, their scores, and what a search trains first by them."""
