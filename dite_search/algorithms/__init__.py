"""Which trial is next and which one stops: samplers, admission, successive halving."""
