"""Metrics of watchers against labels."""
