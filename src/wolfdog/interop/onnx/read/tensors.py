"""Tensors of ONNX files, with all sizes checked before allocation."""

import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....errors import ONNXError
from ...arrays import Numbers
from ..package import onnx_package

if TYPE_CHECKING:
    from onnx import AttributeProto, TensorProto

_TYPES: dict[str, tuple[str, str]] = {
    "FLOAT": ("<f4", "float_data"),
    "DOUBLE": ("<f8", "double_data"),
    "FLOAT16": ("<f2", "int32_data"),
    "INT8": ("<i1", "int32_data"),
    "INT32": ("<i4", "int32_data"),
    "INT64": ("<i8", "int64_data"),
}
"""Supported types of weights and lengths: NumPy's name, and the field that may hold single numbers."""


MAX_AXES = 8
"""Maximum number of axes, more than any recurrent operator needs: the product of millions of sizes is slow."""


def read_tensor(
    proto: "TensorProto", folder: Path | None, outside: Mapping[bytes, memoryview] | None = None
) -> Numbers:
    """Read-only array of a tensor.

    Args:
        proto: The tensor.
        folder: Folder of the model, for tensors in external files; None for none.
        outside: Bytes of large tensors that were not parsed, by their placeholders.

    Raises:
        ONNXError: A size is negative or contradicts the data, the type is not one of weights, the data are outside the
            folder, or some number is not finite.
    """
    name = f"tensor {proto.name!r}"
    names = onnx_package("onnx").TensorProto.DataType
    kind = names.Name(proto.data_type) if proto.data_type in names.values() else str(proto.data_type)
    if kind not in _TYPES:
        raise ONNXError(f"{name}: holds {kind}; expected one of {', '.join(_TYPES)}")
    if len(proto.dims) > MAX_AXES:
        raise ONNXError(f"{name}: has {len(proto.dims):,} axes; expected at most {MAX_AXES}")
    shape = tuple(proto.dims)
    if any(size < 0 for size in shape):
        raise ONNXError(f"{name}: its shape {list(shape)} has a negative size")
    dtype, field = np.dtype(_TYPES[kind][0]), _TYPES[kind][1]
    count = prod(shape)
    if not count:
        raise ONNXError(f"{name}: its shape {list(shape)} has no numbers in it")
    if proto.HasField("segment"):
        raise ONNXError(f"{name}: is stored in segments, an obsolete format")
    if proto.data_location == 1:
        array = _external(proto, folder, count * dtype.itemsize).view(dtype)
    elif proto.HasField("raw_data"):
        own = proto.raw_data
        raw = (outside or {}).get(own, own)
        _check_count(name, shape, len(raw), count * dtype.itemsize, "bytes")
        array = np.frombuffer(raw, dtype)
    else:
        listed = getattr(proto, field)
        _check_count(name, shape, len(listed), count, "numbers")
        if kind == "FLOAT16":  # stored as the bits of integers
            array = np.fromiter((bits & 0xFFFF for bits in listed), np.uint16, count).view(np.float16)
        elif kind == "INT8":
            wide = np.fromiter(listed, np.int32, count)
            array = wide.astype(dtype)
            if not np.array_equal(array, wide):
                raise ONNXError(f"{name}: holds numbers that are no int8")
        else:
            array = np.fromiter(listed, dtype, count)
    if array.dtype.kind == "f" and not _finite(array):
        raise ONNXError(f"{name}: holds numbers that are not finite")
    return array.astype(dtype.newbyteorder("="), copy=False).reshape(shape)


NUMBER_ATTRIBUTES: dict[str, tuple[str, type[Any]]] = {
    "value_int": ("i", np.int64),
    "value_ints": ("ints", np.int64),
    "value_float": ("f", np.float32),
    "value_floats": ("floats", np.float32),
}
"""Attributes of the operator Constant that hold numbers without a tensor: the field, and the type."""


def read_attribute(proto: "AttributeProto") -> Numbers:
    """Array of an attribute in `NUMBER_ATTRIBUTES`.

    Raises:
        ONNXError: Some number is not finite.
    """
    field, dtype = NUMBER_ATTRIBUTES[proto.name]
    array = np.array(getattr(proto, field), dtype)
    if not np.isfinite(array).all():
        raise ONNXError(f"a constant's {proto.name} holds numbers that are not finite")
    return array


def _finite(array: Numbers) -> bool:
    """Whether all numbers are finite, tested in chunks to bound the memory of the test."""
    return all(np.isfinite(array[at : at + 2**18]).all() for at in range(0, len(array), 2**18))


def _check_count(name: str, shape: tuple[int, ...], found: int, expected: int, what: str) -> None:
    if found != expected:
        raise ONNXError(f"{name}: its shape {list(shape)} needs {expected:,} {what}; got {found:,}")


def _external(proto: "TensorProto", folder: Path | None, size: int) -> Numbers:
    """Bytes of a tensor in an external file."""
    name = f"tensor {proto.name!r}"
    entries = {entry.key: entry.value for entry in proto.external_data}
    location = entries.get("location", "")
    if not isinstance(location, str):  # protobuf returns bytes for invalid UTF-8
        raise ONNXError(f"{name}: the name of its external file is not text: {location!r}")
    if folder is None:
        raise ONNXError(
            f"{name}: is stored in the file {location!r}: pass the model's path instead of a ModelProto"
        )
    try:
        offset, length = (
            int(entries.get(key) or default) for key, default in (("offset", 0), ("length", size))
        )
    except ValueError:
        raise ONNXError(
            f"{name}: offset and length in {location!r} must be whole numbers; got {entries}"
        ) from None
    if length != size:
        raise ONNXError(
            f"{name}: its shape {list(proto.dims)} needs {size:,} bytes; {location!r} should have {length:,}"
        )
    try:
        path = _inside(name, folder, location)
        with path.open("rb") as file:
            held = os.fstat(file.fileno()).st_size
            if offset < 0 or offset + length > held:
                raise ONNXError(
                    f"{name}: {location!r} has {held:,} bytes; expected {length:,} from byte {offset:,}"
                )
            return np.fromfile(file, np.uint8, length, offset=offset)
    except OSError as error:
        raise ONNXError(f"{name}: {location!r} cannot be read: {error.strerror or error}") from error


def _inside(name: str, folder: Path, location: str) -> Path:
    """Path of an external file, checked to be a file inside the folder after links are resolved."""
    if not location or "\0" in location:
        raise ONNXError(f"{name}: its external file has the invalid name {location!r}")
    root = Path(os.path.realpath(folder))
    path = Path(os.path.realpath(root / location))
    if Path(location).is_absolute() or not path.is_relative_to(root):
        raise ONNXError(f"{name}: is stored in {location!r}, which is outside the model's folder; not read")
    if not path.is_file():
        raise ONNXError(f"{name}: is stored in {location!r}, which is not a file in the model's folder")
    return path
