"""Attention over past events or over another sequence."""
