"""Video sources: containers, decoding, timestamps, sampling."""
