"""Mutations that keep the structure of a file, its lengths and checksums: readers get beyond the syntax."""

import copy
import json
import tomllib

import array_mutations
import nested_mutations
from hostile_inputs import TOKENS, mutated

VALUES = (
    None, True, False, 0, -1, 1, 0.5, 1e308, 1e999, -1e999, 2**31, 2**63, 10**400, "", "0", "1e999", "-1", "a" * 300,
    "../a", "/a", "a\0b", "\ud800", "2024-13-45 25:61:61", "2024:01:01 00:00:00", "=1+1", [], {}, [[]], [None], {"": 0},
)  # fmt: skip
CELLS = (
    "", "0", "-1", "1e999", "nan", "inf", "9" * 400, "2024-01-01 00:00:00", "2024-13-45T25:61:61Z", "00:00:01",
    "99999999:00:00", "../a", "/a.mp4", "a\0", '"', "=1+1", " ", "wolf", "a.mp4", "True", "\ufeff", "é", "9999-12-31",
    "0001-01-01T00:00:00+14:00", "animal", "-0", "1,5", "0x10", "1_0",
)  # fmt: skip


def mutate(data, rng, others=()):
    """A changed file: by its structure where it has one that is known, else by its bytes.

    Args:
        data: The file.
        rng: Source of randomness.
        others: Files of the same kind, for pieces.
    """
    if rng.random() < 0.3:
        return mutated(data, rng, others)
    made = _binary(data, rng)
    if made is not None:
        return made
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = _from_toml(data)
        if value is None:
            return _table(data, rng) if _looks_like_a_table(data) else mutated(data, rng, others)
        for _ in range(rng.choice((1, 1, 2, 4))):
            value = _json(value, rng)
        return _as_toml(value)
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = _json(value, rng)
    return json.dumps(value).replace("Infinity", "1e999").encode("utf-8", "replace")


def _binary(data, rng):
    """A changed file of one of the binary formats; None if it is of none."""
    inner = mutate
    match data[:4]:
        case b"PK\x03\x04":
            return array_mutations.archive(data, rng, inner)
        case b"\x93NUM":
            return array_mutations.array(data, rng)
        case b"PAR1":
            return array_mutations.table(data, rng, _json)
        case b"II*\0" | b"MM\0*":
            return nested_mutations.tiff(data, rng)
    if data[:2] == b"\xff\xd8":
        return nested_mutations.picture(data, rng, inner)
    if data[4:8] == b"ftyp":
        return nested_mutations.film(data, rng)
    if data[8:9] == b"{":
        return array_mutations.safetensors(data, rng, _json)
    return nested_mutations.message(data, rng, inner) if data[:1] == b"\x08" else None


def _places(value, found):
    """Containers and keys of all values within a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found.append((value, key))
        if len(found) < 2000:
            _places(inner, found)
    return found


def _json(value, rng):
    top = [value]
    places = _places(top, [])
    holder, key = rng.choice(places)
    if isinstance(holder[key], str) and holder[key][:1] in ("{", "[") and rng.random() < 0.7:
        try:
            holder[key] = json.dumps(_json(json.loads(holder[key]), rng)).replace("Infinity", "1e999")
        except (ValueError, RecursionError):
            holder[key] += "}"
        return top[0]
    match rng.randrange(6):
        case 0 | 1:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        case 2:
            other, at = rng.choice(places)
            holder[key] = copy.deepcopy(other[at])
        case 3 if holder is not top:
            del holder[key]
        case 4 if isinstance(holder, list) and holder is not top:
            holder.insert(key, copy.deepcopy(holder[key]))
        case 4 if isinstance(holder, dict):
            holder[rng.choice([str(one) for _, one in places])] = copy.deepcopy(holder[key])
        case 5:
            one = holder[key]
            if isinstance(one, int | float) and not isinstance(one, bool):
                holder[key] = rng.choice((one + 1, -one, one * 1000, str(one), [one], bool(one)))
            else:
                holder[key] = [one]
    return top[0]


def _from_toml(data):
    """Value of a TOML file; None if it is none."""
    try:
        return tomllib.loads(data.decode()) or None
    except (ValueError, RecursionError):
        return None


def _as_toml(value):
    """TOML file of a value, a key on each line; null, which TOML does not have, becomes the name of a key."""
    if not isinstance(value, dict):
        return _inline(value).encode("utf-8", "replace")
    lines = (f"{json.dumps(str(key))} = {_inline(one)}\n" for key, one in value.items())
    return "".join(lines).encode("utf-8", "replace")


def _inline(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}.get(text := json.dumps(value), text)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value, default=str)


def _looks_like_a_table(data):
    first = data.partition(b"\n")[0]
    return any(sign in first for sign in (b",", b"\t", b";")) and b"\0" not in data[:2000]


def _table(data, rng):
    text = data.decode("utf-8", "replace")
    sign = max(",\t;", key=text.partition("\n")[0].count)
    rows = [line.split(sign) for line in text.split("\n")]
    for _ in range(rng.choice((1, 1, 2, 4))):
        row = rng.choice(rows)
        at = rng.randrange(len(row))
        match rng.randrange(7):
            case 0 | 1 | 2:
                row[at] = rng.choice(CELLS)
            case 3:
                other = rng.choice(rows)
                row[at] = rng.choice(other)
            case 4:
                rows.insert(rng.randrange(len(rows)), list(row))
            case 5:
                for one in rows:
                    if at < len(one):
                        one.insert(at, one[at])
            case 6:
                row[at] += rng.choice(TOKENS).decode("latin-1")
    return "\n".join(sign.join(row) for row in rows).encode("utf-8", "replace")
