"""Explanation of a context label: the moments that made it."""
