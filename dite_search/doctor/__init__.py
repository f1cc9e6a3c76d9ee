"""What a search needs, looked at before it starts: see `dite_search.doctor.preflight`."""
