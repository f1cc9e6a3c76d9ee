"""Data: COCO records, crops and augmentation, heatmap codecs, the data set of one training, synthetic people."""
