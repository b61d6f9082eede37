"""Labelled video and the streams that training draws from it."""
