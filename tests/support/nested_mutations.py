"""Mutations of nested binary formats that keep the lengths right: protocol buffers, MP4, TIFF, JPEG."""

import struct

NUMBERS = (0, 1, 2, 3, 7, 127, 128, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
TEXTS = (b"", b"a", b"\xff\xfe", b"a\0b", b"1e999", b"-1", b"[" * 200, b"9" * 40, b"../a")
_DEEPEST = 8


def message(data, rng, inner):
    """A protocol buffer with changed fields; None if the bytes are none.

    Args:
        data: The file.
        rng: Source of randomness.
        inner: Function that changes bytes.
    """
    fields = fields_of(data)
    if not fields:
        return None
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change_field(fields, rng, inner)
    return bytes_of(fields)


def fields_of(data, depth=0):
    """Fields [number, kind, value] of a protocol buffer, messages within it as lists; None if it is none."""
    fields, at = [], 0
    try:
        while at < len(data):
            key, at = _number(data, at)
            number, kind = key >> 3, key & 7
            if number == 0 or number > 1000:
                return None
            if kind == 0:
                value, at = _number(data, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
                value, at = data[at : at + size], at + size
            elif kind == 2:
                size, at = _number(data, at)
                value, at = data[at : at + size], at + size
                if len(value) < size:
                    return None
                within = fields_of(value, depth + 1) if depth < _DEEPEST and value else None
                value = value if within is None else within
            else:
                return None
            if at > len(data):
                return None
            fields.append([number, kind, value])
    except IndexError:
        return None
    return fields


def bytes_of(fields):
    """Bytes of the fields of a protocol buffer."""
    made = bytearray()
    for number, kind, value in fields:
        made += _varint(number << 3 | kind)
        if kind == 0:
            made += _varint(value)
        elif kind == 2:
            content = bytes_of(value) if isinstance(value, list) else value
            made += _varint(len(content)) + content
        else:
            made += value
    return bytes(made)


def _number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value % 2**64, at
        if shift > 63:
            raise IndexError("too long")


def _varint(value):
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def _places(holder, content, found):
    """Each entry of a list and of the lists within, beside the list that holds it; `content` is the place of those."""
    for one in holder:
        found.append((holder, one))
        if isinstance(one[content], list):
            _places(one[content], content, found)
    return found


def _change_field(fields, rng, inner):
    places = _places(fields, 2, [])
    if not places:
        return
    holder, one = rng.choice(places)
    match rng.randrange(6):
        case 0:
            holder.remove(one)
        case 1:
            holder.append([one[0], one[1], one[2]])
        case 2:
            one[0] = rng.choice((rng.randrange(1, 30), rng.choice(places)[1][0]))
        case 3:
            other = rng.choice(places)[1]
            if isinstance(other[2], list):
                one[1:] = [2, bytes_of(other[2])]
            else:
                one[1:] = other[1:]
        case _:
            if one[1] == 0:
                one[2] = rng.choice((*NUMBERS, one[2] + 1))
            elif one[1] == 2 and not isinstance(one[2], list):
                one[2] = rng.choice(TEXTS) if rng.random() < 0.5 or not one[2] else inner(one[2], rng)
            elif one[1] in (1, 5):
                one[2] = rng.choice((b"\xff", b"\0")) * len(one[2])


_CONTAINERS = (
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"edts",
    b"udta",
    b"dinf",
    b"mvex",
    b"moof",
    b"traf",
)


def film(data, rng):
    """An MP4 file with changed boxes; None if it is none.

    Args:
        data: The file.
        rng: Source of randomness.
    """
    if data[4:8] != b"ftyp":
        return None
    boxes = boxes_of(data)
    if boxes is None:
        return None
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = _places(boxes, 1, [])
        holder, one = rng.choice(places)
        match rng.randrange(8):
            case 0 if len(places) > 1:
                holder.remove(one)
            case 1:
                holder.append([*one])
            case 2:
                one[0] = rng.choice(places)[1][0]
            case 3 if not isinstance(one[1], list):
                other = rng.choice(places)[1]
                one[1] = other[1] if not isinstance(other[1], list) else one[1]
            case _ if not isinstance(one[1], list) and len(one[1]) >= 4:
                body = bytearray(one[1])
                at = rng.randrange(min(len(body), 400) // 4) * 4
                value = rng.choice(NUMBERS) % 2**32
                body[at : at + 4] = struct.pack(">I", value)
                one[1] = bytes(body)
    return box_bytes(boxes)


def boxes_of(data):
    """Boxes [kind, content] of an MP4 file, boxes within them as lists; None if lengths do not fit."""
    boxes, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + size]
        if size < 8 or at + size > len(data):
            return None
        within = boxes_of(content) if kind in _CONTAINERS else None
        boxes.append([kind, content if within is None else within])
        at += size
    return boxes


def box_bytes(boxes):
    """Bytes of boxes."""
    made = bytearray()
    for kind, content in boxes:
        body = box_bytes(content) if isinstance(content, list) else content
        made += struct.pack(">I", len(body) + 8) + kind + body
    return bytes(made)


def tiff(data, rng):
    """A TIFF file with a changed entry of its directories; None if it is none.

    Args:
        data: The file.
        rng: Source of randomness.
    """
    sign = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if sign is None or len(data) < 10:
        return None
    data = bytearray(data)
    [at] = struct.unpack_from(sign + "I", data, 4)
    if at + 2 > len(data):
        return None
    [count] = struct.unpack_from(sign + "H", data, at)
    entries = [at + 2 + 12 * n for n in range(min(count, 200)) if at + 14 + 12 * n <= len(data)]
    if not entries:
        return None
    for _ in range(rng.choice((1, 1, 2, 4))):
        place, other = rng.choice(entries), rng.choice(entries)
        match rng.randrange(6):
            case 0:
                struct.pack_into(
                    sign + "H",
                    data,
                    place,
                    rng.choice((256, 257, 258, 259, 270, 273, 279, 306, 0x8769, 36867)),
                )
            case 1:
                struct.pack_into(sign + "H", data, place + 2, rng.randrange(0, 18))
            case 2:
                struct.pack_into(sign + "I", data, place + 4, rng.choice(NUMBERS) % 2**32)
            case 3:
                data[place : place + 12] = data[other : other + 12]
            case 4:
                struct.pack_into(sign + "H", data, at, rng.choice((0, 1, (count + 1) % 65536, 65535)))
            case 5:
                struct.pack_into(sign + "I", data, place + 8, rng.choice((*NUMBERS, at, len(data))) % 2**32)
    return bytes(data)


def picture(data, rng, inner):
    """A JPEG file with a changed segment, its camera's notes by their structure; None if it is none.

    Args:
        data: The file.
        rng: Source of randomness.
        inner: Function that changes bytes.
    """
    if data[:2] != b"\xff\xd8":
        return None
    segments, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xD9, 0xDA):
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        segments.append([data[at + 1], data[at + 4 : at + 2 + size]])
        at += 2 + max(size, 2)
    if not segments:
        return None
    one = rng.choice(segments)
    exif = [found for found in segments if found[1][:6] == b"Exif\0\0"]
    if exif and rng.random() < 0.6:
        one = rng.choice(exif)
        one[1] = one[1][:6] + (tiff(one[1][6:], rng) or one[1][6:])
    elif rng.random() < 0.2:
        segments.remove(one)
    elif rng.random() < 0.2:
        segments.append([*one])
    else:
        one[1] = inner(one[1], rng)[:65_000]
    made = b"".join(struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body for kind, body in segments)
    return data[:2] + made + data[at:]
