"""Recurrent layers from ONNX files."""
