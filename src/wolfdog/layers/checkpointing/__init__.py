"""Training over long sequences with recomputed states."""
