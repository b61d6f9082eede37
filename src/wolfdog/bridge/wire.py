"""A protocol buffer looked through before it is parsed, for what it would take in memory.

A file of two-byte empty messages grows a hundredfold when it is parsed. Here its fields are counted first, by the same
rules, without making anything of them.
"""

from bisect import bisect_left
from secrets import token_bytes
from typing import Any

from ..errors import ONNXError

MESSAGE, TEXT, NUMBER = 200, 40, 16
"""Bytes of memory that a field takes at the most besides its contents; measured on protobuf 7."""

DEPTH = 64
"""Messages within messages, at the most; protobuf itself allows 100."""

ROOM = 32 * 2**20
"""Bytes that any file may take besides twice its own size."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


LARGE = 4096
"""Bytes from which on a tensor's are left where they are in the file."""

Span = tuple[int, int]


def check_wire(data: bytes, descriptor: Any) -> list[Span]:
    """Look through a serialised message.

    Args:
        data: the bytes.
        descriptor: of the message's type.

    Returns:
        Where the raw bytes of large tensors lie, in the order of the file.

    Raises ONNXError where the bytes are no such message, or are cut off, or nested too deep, or would take more memory
    than twice their size.
    """
    budget = len(data) + ROOM
    kinds: dict[str, dict[int, Any]] = {}
    raw: list[Span] = []
    whole = memoryview(data)
    # (start, end, depth, type of the message)
    left = [(0, len(data), 0, descriptor)]
    while left:
        place, end, depth, of = left.pop()
        if depth > DEPTH:
            raise ONNXError(f"messages within messages, more than {DEPTH} deep")
        inner = kinds.get(of.full_name)
        if inner is None:
            inner = {
                field.number: field.message_type for field in of.fields if field.message_type is not None
            }
            kinds[of.full_name] = inner
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
                elif size >= LARGE and (of.full_name, number) == RAW_DATA:
                    raw.append((place, place + size))
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


RAW_DATA = ("onnx.TensorProto", 9)


def without(data: bytes, raw: list[Span], descriptor: Any) -> tuple[bytes, dict[bytes, memoryview]]:
    """A checked message with the raw bytes of large tensors taken out, and those by what stands in their place.

    A file's bytes are in memory already: parsed, they would be there twice, and a third time as weights.
    """
    whole, taken = memoryview(data), {}

    def rewritten(start: int, end: int, of: Any) -> bytes:
        inner = {field.number: field.message_type for field in of.fields if field.message_type is not None}
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
                if number in inner:
                    content = rewritten(first, first + size, inner[number])
                else:
                    content = token_bytes(16)  # what no file can have guessed
                    taken[content] = whole[first : first + size]
                parts += [whole[kept:after], _as_varint(len(content)), content]
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
