"""The needs of a search, checked before it starts: see `dite_search.doctor.preflight`."""
