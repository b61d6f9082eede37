"""Lowering of ATen operations to programs, in files by their effect on axes."""
