"""Activations of a cell by the names in its source code."""
