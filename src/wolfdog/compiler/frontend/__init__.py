"""Front end: tracing one step of a cell to a program."""
