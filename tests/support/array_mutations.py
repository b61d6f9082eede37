"""Mutations of archives, arrays, tensors and Parquet tables that keep lengths, offsets and checksums right."""

import ast
import io
import json
import math
import zipfile

DTYPES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
DESCRIPTIONS = (
    "<f4",
    "<f8",
    "<f2",
    ">f4",
    "<i8",
    "<i4",
    "|i1",
    "|u1",
    "|b1",
    "|O",
    "<U3",
    "|S2",
    "<M8[s]",
    "<c8",
    "|V4",
)
SIZES = (0, 1, 2, 3, 5, 17, 255, -1, 2**31, 2**63)
NAMES = ("", "weight", "c_wolf", "p_wolf", "../a", "a\0b", "é", "a" * 300)
LONGEST = 40_000


def safetensors(data, rng, inner):
    """A file of other tensors or notes, whose offsets agree with its data; None if it is no safetensors file.

    Args:
        data: The file.
        rng: Source of randomness.
        inner: Function that changes a value of JSON.
    """
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= len(data) - 8 or data[8:9] != b"{":
        return None
    try:
        fields = json.loads(data[8 : 8 + length])
        body = data[8 + length :]
        notes = fields.pop("__metadata__", {})
        tensors = [
            [name, one["dtype"], one["shape"], body[slice(*one["data_offsets"])]]
            for name, one in fields.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not all(map(_is_sound, tensors)):
        return None
    if rng.random() < 0.5 or not tensors:
        notes = inner(notes, rng)
    else:
        for _ in range(rng.choice((1, 1, 2))):
            _change_tensor(tensors, rng)
    header = {} if notes is None else {"__metadata__": notes}
    at = 0
    for name, dtype, shape, values in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(values)]}
        at += len(values)
    text = json.dumps(header).encode("utf-8", "replace")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(one[3] for one in tensors)


def _is_sound(tensor):
    """Whether the type of a tensor is known and its shape one of sizes."""
    _, dtype, shape, _ = tensor
    return (
        isinstance(dtype, str)
        and isinstance(shape, list)
        and all(type(one) is int and one >= 0 for one in shape)
    )


def _change_tensor(tensors, rng):
    one = rng.choice(tensors)
    match rng.randrange(7):
        case 0 if len(tensors) > 1:
            tensors.remove(one)
        case 1:
            one[0] = rng.choice((*NAMES, rng.choice(tensors)[0] + ".1"))
        case 2:
            tensors.append([f"{one[0]}.{rng.randrange(9)}", *one[1:]])
        case 3:
            other = rng.choice(tensors)
            one[2:] = other[2:]
            one[1] = other[1]
        case 4:
            one[1] = rng.choice(list(DTYPES))
            _fill(one)
        case 5:
            shape = list(one[2])
            at = rng.randrange(len(shape) + 1)
            shape[at : at + rng.randrange(2)] = [rng.choice((0, 1, 2, 3, 7))]
            one[2] = shape
            _fill(one)
        case 6:
            size = DTYPES.get(one[1], 1)
            values = bytearray(one[3])
            if values:
                at = rng.randrange(len(values)) // size * size
                values[at : at + size] = rng.choice(
                    (b"\xff" * size, b"\0" * (size - 2) + b"\x80\x7f", b"\0" * size)
                )[:size]
            one[3] = bytes(values)


def _fill(one):
    """Give a tensor as many bytes as its shape needs."""
    size = DTYPES.get(one[1], 1) * math.prod(one[2])
    if size <= LONGEST:
        one[3] = (one[3] * (size // max(1, len(one[3])) + 1) or bytes(size))[:size]
        one[3] += bytes(size - len(one[3]))


def archive(data, rng, inner):
    """A ZIP archive with a changed member, whose checksums are right; None if it is no archive.

    Args:
        data: The file.
        rng: Source of randomness.
        inner: Function that changes a member.
    """
    if data[:2] != b"PK":
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = [[one.filename, file.read(one)] for one in file.infolist() if one.file_size <= LONGEST]
    except Exception:  # an archive that is damaged already
        return None
    if not members:
        return None
    for _ in range(rng.choice((1, 1, 2))):
        one = rng.choice(members)
        match rng.randrange(8):
            case 0 if len(members) > 1:
                members.remove(one)
            case 1:
                one[0] = rng.choice((*NAMES, one[0] + ".npy", one[0].removesuffix(".npy")))
            case 2:
                one[1] = rng.choice(members)[1]
            case _:
                one[1] = inner(one[1], rng)
    made = io.BytesIO()
    way = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(made, "w", way) as file:
        for name, content in dict(members).items():
            file.writestr(zipfile.ZipInfo(name.replace("\0", "") or "a"), content)
    return made.getvalue()


def array(data, rng):
    """A `.npy` file of another type, shape or content; None if it is no such file.

    Args:
        data: The file.
        rng: Source of randomness.
    """
    if data[:8] != b"\x93NUMPY\x01\x00":
        return None
    end = 10 + int.from_bytes(data[8:10], "little")
    try:
        header = ast.literal_eval(data[10:end].decode("latin-1").strip())
        shape = list(header["shape"])
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        return None
    body = data[end:]
    match rng.randrange(6):
        case 0:
            header["descr"] = rng.choice(DESCRIPTIONS)
        case 1:
            at = rng.randrange(len(shape) + 1)
            shape[at : at + rng.randrange(2)] = [rng.choice(SIZES)]
        case 2:
            header["fortran_order"] = not header.get("fortran_order")
        case 3:
            header[rng.choice(("extra", "shape", "descr", "fortran_order"))] = rng.choice(
                (None, "", 1, (), [["a", "<f4"]])
            )
            shape = None if header["shape"] != tuple(shape) else shape
        case 4:
            body = body[: rng.randrange(len(body) + 1)] if rng.random() < 0.5 else body * 2
        case 5:
            at = rng.randrange(len(body) + 1) // 4 * 4
            body = (
                body[:at]
                + rng.choice((b"\xff\xff\xff\xff", b"\0\0\x80\x7f", b"\0\0\xc0\x7f", bytes(8)))
                + body[at + 4 :]
            )
    if shape is not None:
        header["shape"] = tuple(shape)
    text = repr(header).encode("latin-1", "replace")[:60_000] + b"\n"
    return data[:8] + len(text).to_bytes(2, "little") + text + body


def table(data, rng, inner):
    """A Parquet file with another column, type, value or note; None if it is no such file.

    Args:
        data: The file.
        rng: Source of randomness.
        inner: Function that changes a value of JSON.
    """
    if data[:4] != b"PAR1":
        return None
    import pyarrow as pa
    from pyarrow import parquet

    try:
        whole = parquet.read_table(io.BytesIO(data))
        names = whole.column_names  # decodes them
    except Exception:  # a file that is damaged already
        return None
    if whole.num_rows > 1000 or not whole.num_columns:
        return None
    at = rng.randrange(whole.num_columns)
    name, column = names[at], whole.column(at)
    other = whole.column(rng.randrange(whole.num_columns))
    try:
        match rng.randrange(8):
            case 0:
                whole = whole.remove_column(at)
            case 1:
                whole = whole.rename_columns(
                    [*whole.column_names[:at], rng.choice(NAMES), *whole.column_names[at + 1 :]]
                )
            case 2:
                whole = whole.append_column(rng.choice((name, "c_wolf", "clarity")), other)
            case 3:
                whole = whole.set_column(at, name, other)
            case 4:
                kinds = (
                    pa.string(),
                    pa.float64(),
                    pa.int64(),
                    pa.float32(),
                    pa.int8(),
                    pa.bool_(),
                    pa.timestamp("us"),
                )
                whole = whole.set_column(at, name, column.cast(rng.choice(kinds), safe=False))
            case 5:
                values = column.to_pylist()
                if values:
                    spoilt = (
                        None,
                        math.nan,
                        math.inf,
                        -1.0,
                        2.0,
                        1e30,
                        "",
                        "a\0b",
                        2**31 - 1,
                        -(2**31),
                        [0.0] * 4,
                    )
                    values[rng.randrange(len(values))] = rng.choice(spoilt)
                whole = whole.set_column(at, name, pa.array(values, type=column.type))
            case 6:
                whole = (
                    whole.slice(rng.randrange(whole.num_rows + 1))
                    if rng.random() < 0.5
                    else pa.concat_tables([whole] * 2)
                )
            case 7:
                notes = dict(whole.schema.metadata or {})
                if notes:
                    key = rng.choice(sorted(notes))
                    notes[key] = _note(notes[key], rng, inner)
                    whole = whole.replace_schema_metadata(notes)
        made = io.BytesIO()
        parquet.write_table(whole, made, compression=rng.choice(("zstd", "none", "snappy")))
    except Exception:  # pyarrow does not write it
        return None
    return made.getvalue()


def _note(text, rng, inner):
    try:
        return (
            json.dumps(inner(json.loads(text), rng)).replace("Infinity", "1e999").encode("utf-8", "replace")
        )
    except (ValueError, RecursionError):
        return text[: rng.randrange(len(text) + 1)]
