"""Training of watchers."""
