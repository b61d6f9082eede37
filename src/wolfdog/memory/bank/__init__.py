"""Bounded stores of past observations."""
