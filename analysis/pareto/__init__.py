"""Pareto fronts: dominance, hypervolume, budgets, recommendations."""
