"""Optional package onnx, imported on first use."""

from importlib import import_module
from types import ModuleType

from ...extras import needs_extra

MAX_FILE_SIZE = 2**31 - 1
"""Maximum size of an ONNX file in bytes: the limit of a protocol buffer."""


def onnx_package(name: str = "onnx") -> ModuleType:
    """Package onnx, or one of its modules, such as "onnx.checker".

    Raises:
        MissingPackageError: The package onnx is not installed.

    Examples:
        >>> onnx_package().__name__
        'onnx'
    """
    with needs_extra("onnx", "reading and writing ONNX"):
        return import_module(name)
