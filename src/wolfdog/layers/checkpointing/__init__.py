"""Gradient checkpointing over time: training over long sequences with recomputed states."""
