"""Execution of a cell over a sequence: eager loop, compiled kernels, torch.compile."""
