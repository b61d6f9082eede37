"""The neural Turing machine."""
