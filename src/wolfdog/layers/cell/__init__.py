"""Cells: call protocol, states, arguments, and wrappers."""
