"""Memory bound of a serialised protocol buffer, computed before parsing.

Parsing a file of two-byte empty messages takes a hundred times its size in memory. Here its fields are counted first,
by the rules of the wire format, without creating objects.
"""

from bisect import bisect_left
from secrets import token_bytes
from typing import Any

import numpy as np

from ....errors import ONNXError

MESSAGE, TEXT, NUMBER = 200, 40, 16
"""Maximum memory of a field in bytes besides its content; measured with protobuf 7."""

MAX_DEPTH = 64
"""Maximum nesting of messages; protobuf itself allows 100."""

ALLOWANCE = 32 * 2**20
"""Memory in bytes that any file may take besides twice its size."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


LARGE = 4096
"""Minimum size in bytes of a tensor whose numbers are not parsed."""

Span = tuple[int, int]


def check_wire(data: bytes, descriptor: Any) -> list[Span]:
    """Check a serialised message.

    Args:
        data: The bytes.
        descriptor: Descriptor of the message's type.

    Returns:
        The spans of large tensors' numbers, in bytes, in the order of the file.

    Raises:
        ONNXError: The bytes are not such a message, or are truncated, nested too deeply, or would take more memory than
            twice their size.
    """
    budget = len(data) + ALLOWANCE
    kinds: dict[str, tuple[dict[int, Any], dict[int, int]]] = {}
    raw: list[Span] = []
    whole = memoryview(data)
    # (start, end, depth, type of the message)
    left = [(0, len(data), 0, descriptor)]
    while left:
        position, end, depth, of = left.pop()
        if depth > MAX_DEPTH:
            raise ONNXError(f"messages are nested more than {MAX_DEPTH} deep")
        if of.full_name not in kinds:
            kinds[of.full_name] = _messages(of), _packed(of)
        inner, packed = kinds[of.full_name]
        while position < end:
            tag, position = _varint(whole, position, end)
            number, kind = tag >> 3, tag & 7
            budget -= NUMBER
            if kind == _VARINT:
                _, position = _varint(whole, position, end)
            elif kind == _BYTES:
                size, position = _varint(whole, position, end)
                message = inner.get(number)
                budget -= TEXT if message is None else MESSAGE
                if message is not None and position + size <= end:
                    left.append((position, position + size, depth + 1, message))
                elif size >= LARGE and of.full_name == TENSOR and number in RAW:
                    raw.append((position, position + size))
                elif number in packed:
                    budget -= packed[number] * _count(whole[position : position + size])
                position += size
            elif kind in (_FIXED64, _FIXED32):
                position += 8 if kind == _FIXED64 else 4
            else:
                raise ONNXError(f"byte {position:,} does not start a field")
            if position > end:
                raise ONNXError(f"truncated: a field ends {position - end:,} bytes after its message")
            if budget < 0:
                raise ONNXError("so many small fields that it would need more memory than twice its size")
    return sorted(raw)


def _messages(of: Any) -> dict[int, Any]:
    """Types of a message's submessage fields, by field number."""
    return {field.number: field.message_type for field in of.fields if field.message_type is not None}


def _packed(of: Any) -> dict[int, int]:
    """Bytes of a parsed number, by field number, for a message's fields that may be packed."""
    return {field.number: _WIDTHS[field.cpp_type] for field in of.fields if field.cpp_type in _WIDTHS}


_WIDTHS = {1: 8, 2: 16, 3: 8, 4: 16, 7: 2, 8: 8}
"""Bytes by protobuf's code of int32, int64, uint32, uint64, bool and enum; doubled, as growing lists double."""


def _count(row: memoryview) -> int:
    """Number of varints in a packed field: each ends with a byte below 128."""
    parts = (np.frombuffer(row[at : at + 2**18], np.uint8) for at in range(0, len(row), 2**18))
    return sum(int(np.count_nonzero(part < 0x80)) for part in parts)


TENSOR, RAW_DATA = "onnx.TensorProto", 9

RAW = (RAW_DATA, 4, 10)
"""Fields of a tensor that hold its numbers as bytes: raw_data, and packed float_data and double_data."""


def extract_large(data: bytes, raw: list[Span], descriptor: Any) -> tuple[bytes, dict[bytes, memoryview]]:
    """Checked message without the numbers of large tensors, and those numbers by their placeholders.

    The bytes of the file are in memory already; parsing would add a second copy, and the weights a third. Extracted
    numbers become raw_data, whichever field held them: the bytes are the same.
    """
    whole, taken = memoryview(data), {}

    def rewritten(start: int, end: int, of: Any) -> bytes:
        inner = _messages(of)
        parts: list[bytes | memoryview] = []
        kept = position = start  # all before `kept` is in `parts`
        while position < end:
            tag, after = _varint(whole, position, end)
            number, kind = tag >> 3, tag & 7
            if kind != _BYTES:
                position = (
                    _varint(whole, after, end)[1]
                    if kind == _VARINT
                    else after + (8 if kind == _FIXED64 else 4)
                )
                continue
            size, first = _varint(whole, after, end)
            found = bisect_left(raw, (first, 0))
            if found < len(raw) and raw[found][0] < first + size:
                parts.append(whole[kept:position])
                if number in inner:
                    content = rewritten(first, first + size, inner[number])
                else:
                    number, content = RAW_DATA, token_bytes(16)  # a placeholder that no file can contain
                    taken[content] = whole[first : first + size]
                parts += [_as_varint(number << 3 | _BYTES), _as_varint(len(content)), content]
                kept = first + size
            position = first + size
        return b"".join([*parts, whole[kept:end]])

    return rewritten(0, len(data), descriptor), taken


def _as_varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _varint(data: memoryview, position: int, end: int) -> tuple[int, int]:
    """Varint of up to ten bytes, and the position behind it."""
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise ONNXError(f"byte {position:,}: a number without an end")
