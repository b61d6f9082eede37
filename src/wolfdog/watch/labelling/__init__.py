"""Labelling of videos: classification of their frames, then a memory over the predictions."""
