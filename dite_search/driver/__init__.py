"""The driver of a search: Ray Tune, trials, scheduler."""
