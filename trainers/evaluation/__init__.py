"""Evaluation: from a network and its crops to keypoints in the image, and from those to COCO figures."""
