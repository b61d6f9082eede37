"""Front end: one step of a cell, traced to a program."""
