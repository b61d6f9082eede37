"""Neural Turing machine."""
