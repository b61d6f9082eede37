"""Layers to ONNX files."""
