"""What PyTorch's operations mean in ours: the one place that knows ATen, in files by what operations do to axes."""
