"""Report: the results of a folder as one HTML page that works without a network."""
