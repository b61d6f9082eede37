"""Execution of compiled recurrences inside PyTorch."""
