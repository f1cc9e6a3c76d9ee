"""Comparisons of networks, trials, studies and published baselines."""
