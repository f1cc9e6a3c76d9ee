"""Geometry between an image and the network's input, and the augmentation of a crop."""
