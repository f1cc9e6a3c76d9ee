"""People in a user's own pictures and videos: which files, whose boxes, and the keypoints of a trained network."""
