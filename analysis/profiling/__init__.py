"""Costs and latencies of networks and their parts."""
