"""Sets of labelled predictions for benchmarks/smoothing.py, the metrics, and the tuning of methods."""
