"""Pretrained image classifiers: video frames in, features and class probabilities out."""
