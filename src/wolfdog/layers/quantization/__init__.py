"""Quantization of layers: weights of int8."""

from .quantize import quantize as quantize
