"""A protocol buffer looked through before it is parsed, for what it would take in memory.

A file of two-byte empty messages grows a hundredfold when it is parsed. Here its fields are counted first, by the same
rules, without making anything of them.
"""

from bisect import bisect_left
from secrets import token_bytes
from typing import Any

import numpy as np

from ....errors import ONNXError

MESSAGE, TEXT, NUMBER = 200, 40, 16
"""Bytes of memory that a field takes at the most besides its contents; measured on protobuf 7."""

DEPTH = 64
"""Messages within messages, at the most; protobuf itself allows 100."""

ROOM = 32 * 2**20
"""Bytes that any file may take besides twice its own size."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


LARGE = 4096
"""Bytes from which on a tensor's numbers are left where they are in the file."""

Span = tuple[int, int]


def check_wire(data: bytes, descriptor: Any) -> list[Span]:
    """Look through a serialised message.

    Args:
        data: the bytes.
        descriptor: of the message's type.

    Returns:
        Where the numbers of large tensors lie, as bytes, in the order of the file.

    Raises ONNXError where the bytes are no such message, or are cut off, or nested too deep, or would take more memory
    than twice their size.
    """
    budget = len(data) + ROOM
    kinds: dict[str, tuple[dict[int, Any], dict[int, int]]] = {}
    raw: list[Span] = []
    whole = memoryview(data)
    # (start, end, depth, type of the message)
    left = [(0, len(data), 0, descriptor)]
    while left:
        place, end, depth, of = left.pop()
        if depth > DEPTH:
            raise ONNXError(f"messages within messages, more than {DEPTH} deep")
        if of.full_name not in kinds:
            kinds[of.full_name] = _messages(of), _packed(of)
        inner, packed = kinds[of.full_name]
        while place < end:
            tag, place = _varint(whole, place, end)
            number, kind = tag >> 3, tag & 7
            budget -= NUMBER
            if kind == _VARINT:
                _, place = _varint(whole, place, end)
            elif kind == _BYTES:
                size, place = _varint(whole, place, end)
                message = inner.get(number)
                budget -= TEXT if message is None else MESSAGE
                if message is not None and place + size <= end:
                    left.append((place, place + size, depth + 1, message))
                elif size >= LARGE and of.full_name == TENSOR and number in RAW:
                    raw.append((place, place + size))
                elif number in packed:
                    budget -= packed[number] * _count(whole[place : place + size])
                place += size
            elif kind in (_FIXED64, _FIXED32):
                place += 8 if kind == _FIXED64 else 4
            else:
                raise ONNXError(f"byte {place:,} begins no field")
            if place > end:
                raise ONNXError(f"cut off: a field ends {place - end:,} bytes behind what it is part of")
            if budget < 0:
                raise ONNXError("so many small parts that it would take more memory than twice its size")
    return sorted(raw)


def _messages(of: Any) -> dict[int, Any]:
    """The types of a message's fields that are messages, by number."""
    return {field.number: field.message_type for field in of.fields if field.message_type is not None}


def _packed(of: Any) -> dict[int, int]:
    """The bytes that a number takes, parsed, of a message's fields that may hold many in a row, by number."""
    return {field.number: _WIDTHS[field.cpp_type] for field in of.fields if field.cpp_type in _WIDTHS}


_WIDTHS = {1: 8, 2: 16, 3: 8, 4: 16, 7: 2, 8: 8}
"""By protobuf's number for int32, int64, uint32, uint64, bool and enum; twice, for lists double as they grow."""


def _count(row: memoryview) -> int:
    """How many whole numbers there are in a row: each ends with a byte below 128."""
    parts = (np.frombuffer(row[at : at + 2**18], np.uint8) for at in range(0, len(row), 2**18))
    return sum(int(np.count_nonzero(part < 0x80)) for part in parts)


TENSOR, RAW_DATA = "onnx.TensorProto", 9

RAW = (RAW_DATA, 4, 10)
"""The fields of a tensor that hold its numbers as their bytes: raw_data, and float_data and double_data in a row."""


def without(data: bytes, raw: list[Span], descriptor: Any) -> tuple[bytes, dict[bytes, memoryview]]:
    """A checked message with the numbers of large tensors taken out, and those by what stands in their place.

    A file's bytes are in memory already: parsed, they would be there twice, and a third time as weights. What is taken
    out becomes raw_data, whatever field it was in: the bytes are the same.
    """
    whole, taken = memoryview(data), {}

    def rewritten(start: int, end: int, of: Any) -> bytes:
        inner = _messages(of)
        parts: list[bytes | memoryview] = []
        kept = place = start  # all before `kept` is in `parts`
        while place < end:
            tag, after = _varint(whole, place, end)
            number, kind = tag >> 3, tag & 7
            if kind != _BYTES:
                place = (
                    _varint(whole, after, end)[1]
                    if kind == _VARINT
                    else after + (8 if kind == _FIXED64 else 4)
                )
                continue
            size, first = _varint(whole, after, end)
            found = bisect_left(raw, (first, 0))
            if found < len(raw) and raw[found][0] < first + size:
                parts.append(whole[kept:place])
                if number in inner:
                    content = rewritten(first, first + size, inner[number])
                else:
                    number, content = RAW_DATA, token_bytes(16)  # what no file can have guessed
                    taken[content] = whole[first : first + size]
                parts += [_as_varint(number << 3 | _BYTES), _as_varint(len(content)), content]
                kept = first + size
            place = first + size
        return b"".join([*parts, whole[kept:end]])

    return rewritten(0, len(data), descriptor), taken


def _as_varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _varint(data: memoryview, place: int, end: int) -> tuple[int, int]:
    """A whole number of up to ten bytes, and the place behind it."""
    value = shift = 0
    while place < end and shift < 70:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise ONNXError(f"byte {place:,}: a number that does not end")
