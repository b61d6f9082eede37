"""Mutations that keep the structure of a file: unchanged pieces come back to the byte, and changed files are whole."""

import json
import random
import tomllib
import zipfile
from io import BytesIO

import numpy as np
import pytest
from pyarrow import parquet
from safetensors import SafetensorError
from safetensors.torch import load

import array_mutations
import nested_mutations
from fuzz_targets import seeds
from structured_mutations import mutate


def test_nested_formats_are_taken_apart_and_put_together(tmp_path):
    for data in seeds("onnx-layers", tmp_path / "onnx"):
        assert nested_mutations.bytes_of(nested_mutations.fields_of(data)) == data
    for data in seeds("mp4", tmp_path / "mp4"):
        assert nested_mutations.box_bytes(nested_mutations.boxes_of(data)) == data


def test_changed_tensors_are_a_whole_file(tmp_path):
    valid, read = seeds("memories", tmp_path), 0
    for number in range(40):
        read += _whole(valid, random.Random(number))
    assert read > 20


def _whole(valid, rng):
    """Whether a changed file, whose lengths must fit, is read; types and shapes may be refused."""
    data = rng.choice(valid)
    made = array_mutations.safetensors(data, rng, lambda value, _: value | {"kind": "x"})
    length = int.from_bytes(made[:8], "little")
    fields = json.loads(made[8 : 8 + length])
    ends = [one["data_offsets"][1] for name, one in fields.items() if name != "__metadata__"]
    assert max(ends, default=0) == len(made) - 8 - length
    try:
        load(made)
        return True
    except SafetensorError:
        return False


def test_changed_members_of_an_archive_keep_their_checksums(tmp_path):
    [data] = seeds("photograph-banks", tmp_path)
    changed = 0
    for number in range(30):
        rng = random.Random(number)
        made = array_mutations.archive(data, rng, lambda member, rng: member + bytes([rng.randrange(256)]))
        with zipfile.ZipFile(BytesIO(made)) as file:
            assert file.testzip() is None
            changed += {one.filename: file.read(one) for one in file.infolist()} != dict(_members(data))
    assert changed > 20


def _members(data):
    with zipfile.ZipFile(BytesIO(data)) as file:
        return [(one.filename, file.read(one)) for one in file.infolist()]


def test_changed_arrays_and_tables_are_read_as_a_rule(tmp_path):
    table = seeds("predictions", tmp_path / "tables")[0]
    array = BytesIO()
    np.save(array, np.eye(3, dtype=np.float32))
    read = {"table": 0, "array": 0}
    for number in range(60):
        rng = random.Random(number)
        made = array_mutations.table(table, rng, lambda value, _: value)
        read["table"] += made is None or parquet.ParquetFile(BytesIO(made)).read().num_columns >= 0
        try:
            np.load(BytesIO(array_mutations.array(array.getvalue(), rng)), allow_pickle=False)
            read["array"] += 1
        except (ValueError, MemoryError, EOFError, IndexError):
            pass
    assert read["table"] == 60
    assert read["array"] >= 20


def test_changed_toml_is_toml_as_a_rule(tmp_path):
    valid, sound = seeds("toml-worlds", tmp_path), 0
    for number in range(100):
        rng = random.Random(number)
        made = mutate(rng.choice(valid), rng)
        try:
            tomllib.loads(made.decode("utf-8", "replace"))
            sound += 1
        except ValueError:
            pass
    assert sound > 50


@pytest.mark.parametrize(
    "parser",
    ["tiff", "jpeg", "mp4", "safetensors", "photograph-banks", "array-labels", "onnx", "toml-worlds"],
)
def test_files_that_were_changed_many_times_are_changed_again(parser, tmp_path):
    """Each change begins with what the one before has made, as in fuzzing."""
    valid = seeds(parser, tmp_path)
    for number in range(4):
        rng = random.Random(f"{parser} {number}")
        data = rng.choice(valid)
        for _ in range(100):
            data = mutate(data, rng, valid)[:20_000]
            assert isinstance(data, bytes)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"PAR1", b"II*\0", b"\xff\xd8\xff", b"\x08"]
)
def test_damaged_files_are_changed_as_bytes(data):
    for number in range(50):
        assert isinstance(mutate(data, random.Random(number)), bytes)
