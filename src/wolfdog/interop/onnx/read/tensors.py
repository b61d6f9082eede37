"""Tensors of ONNX files, read with every size checked before anything is allocated."""

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
    "INT32": ("<i4", "int32_data"),
    "INT64": ("<i8", "int64_data"),
}
"""Formats that weights and lengths come in: NumPy's name, and the field that may hold them one by one."""


MOST_AXES = 8
"""More axes than any tensor of a recurrent operator has; the product of millions of sizes would take hours."""


def read_tensor(
    proto: "TensorProto", folder: Path | None, outside: Mapping[bytes, memoryview] | None = None
) -> Numbers:
    """The numbers of a tensor, which may not be written to.

    Args:
        proto: the tensor.
        folder: where the model lies, and with it the files that tensors may be kept in; None for none.
        outside: bytes that were not parsed with the model, by what stands in their place.

    Raises ONNXError for negative sizes, sizes that the data do not have, formats that no weight has, data
    outside the folder, and numbers that are not finite.
    """
    name = f"tensor {proto.name!r}"
    names = onnx_package("onnx").TensorProto.DataType
    kind = names.Name(proto.data_type) if proto.data_type in names.values() else str(proto.data_type)
    if kind not in _TYPES:
        raise ONNXError(f"{name}: holds {kind}; expected one of {', '.join(_TYPES)}")
    if len(proto.dims) > MOST_AXES:
        raise ONNXError(f"{name}: has {len(proto.dims):,} axes; expected {MOST_AXES} at the most")
    shape = tuple(proto.dims)
    if any(size < 0 for size in shape):
        raise ONNXError(f"{name}: its shape {list(shape)} has a negative size")
    dtype, field = np.dtype(_TYPES[kind][0]), _TYPES[kind][1]
    count = prod(shape)
    if not count:
        raise ONNXError(f"{name}: its shape {list(shape)} has no numbers in it")
    if proto.HasField("segment"):
        raise ONNXError(f"{name}: is cut into segments, which no tool writes any more")
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
        if kind == "FLOAT16":  # as the bits of whole numbers
            array = np.fromiter((bits & 0xFFFF for bits in listed), np.uint16, count).view(np.float16)
        else:
            array = np.fromiter(listed, dtype, count)
    if array.dtype.kind == "f" and not _finite(array):
        raise ONNXError(f"{name}: holds numbers that are not finite")
    return array.astype(dtype.newbyteorder("="), copy=False).reshape(shape)


LISTS: dict[str, tuple[str, type[Any]]] = {
    "value_int": ("i", np.int64),
    "value_ints": ("ints", np.int64),
    "value_float": ("f", np.float32),
    "value_floats": ("floats", np.float32),
}
"""Attributes of the operator Constant that hold numbers without a tensor: the field, and the format."""


def read_attribute(proto: "AttributeProto") -> Numbers:
    """The numbers of one of `LISTS`.

    Raises ONNXError for numbers that are not finite.
    """
    field, dtype = LISTS[proto.name]
    array = np.array(getattr(proto, field), dtype)
    if not np.isfinite(array).all():
        raise ONNXError(f"a constant's {proto.name} holds numbers that are not finite")
    return array


def _finite(array: Numbers) -> bool:
    """Whether every number is finite, looked at in pieces: the answers take memory too."""
    return all(np.isfinite(array[at : at + 2**18]).all() for at in range(0, len(array), 2**18))


def _check_count(name: str, shape: tuple[int, ...], found: int, expected: int, what: str) -> None:
    if found != expected:
        raise ONNXError(f"{name}: its shape {list(shape)} needs {expected:,} {what}; got {found:,}")


def _external(proto: "TensorProto", folder: Path | None, size: int) -> Numbers:
    """The bytes of a tensor that is kept in a file of its own."""
    name = f"tensor {proto.name!r}"
    entries = {entry.key: entry.value for entry in proto.external_data}
    location = entries.get("location", "")
    if not isinstance(location, str):  # protobuf gives bytes for what is not UTF-8
        raise ONNXError(f"{name}: the name of the file that it is kept in is not text: {location!r}")
    if folder is None:
        raise ONNXError(
            f"{name}: is kept in the file {location!r}: pass the model's path, to say where that lies"
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
    """The file of that name, if it is one and lies in the folder, links followed."""
    if not location or "\0" in location:
        raise ONNXError(f"{name}: is kept in a file, but the name of that is {location!r}")
    root = Path(os.path.realpath(folder))
    path = Path(os.path.realpath(root / location))
    if Path(location).is_absolute() or not path.is_relative_to(root):
        raise ONNXError(f"{name}: is kept in {location!r}, which is outside the model's folder; not read")
    if not path.is_file():
        raise ONNXError(f"{name}: is kept in {location!r}, which is no file beside the model")
    return path
