"""Cells, their states, and wrappers around cells."""
