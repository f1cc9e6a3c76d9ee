"""The surface for Python: searches, studies and networks as objects, which ``import dite_search`` hands out."""
