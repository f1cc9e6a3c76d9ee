"""Bootstrap intervals, scores by image, importance of parameters."""
