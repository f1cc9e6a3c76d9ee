"""Annotation formats: files, keypoints, people."""
