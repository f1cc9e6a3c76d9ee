"""Samples of people: crops, augmentation, batches."""
