"""The onnx package, which only the bridge needs: loaded when it is first used."""

from importlib import import_module
from types import ModuleType

from ...extras import needs_extra

LARGEST = 2**31 - 1
"""Bytes that an ONNX file may have at the most: the limit of a protocol buffer."""


def onnx_package(name: str = "onnx") -> ModuleType:
    """The package onnx, or a module of it, such as "onnx.checker".

    Raises MissingPackageError where onnx is not installed.

    >>> onnx_package().__name__
    'onnx'
    """
    with needs_extra("onnx", "reading and writing ONNX"):
        return import_module(name)
