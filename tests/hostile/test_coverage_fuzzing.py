"""Coverage-guided fuzzing of each parser: its valid files are read; faults are found and said."""

import io
import json
import os
import random

import numpy as np
import pytest

import coverage_fuzzing
import fuzz_target
from coverage_fuzzing import Tally, campaign, still_open, table
from fuzz_target import Target
from fuzz_targets import TARGETS, reading, seeds
from structured_mutations import mutate
from wolfdog.errors import WolfdogError


@pytest.mark.parametrize("parser", TARGETS)
def test_valid_files_are_read(parser, tmp_path, monkeypatch):
    """Each valid file is accepted by a reader, and refused by the others in good order."""
    accepted = []
    check = fuzz_target.fault

    def noted(reader, place):
        def read(place):
            reader(place)
            accepted.append(reader)

        return check(read, place)

    monkeypatch.setattr(fuzz_target, "fault", noted)
    read = reading(parser, tmp_path)
    found = seeds(parser, tmp_path / "seeds")
    assert found
    for data in found:
        accepted.clear()
        assert set(read(data)) == {None}
        assert accepted


@pytest.mark.parametrize("parser", TARGETS)
def test_mutated_files_are_read_or_refused(parser, tmp_path):
    read, valid = reading(parser, tmp_path), seeds(parser, tmp_path / "seeds")
    head = 1 if len(TARGETS[parser].files) > 1 else 0
    for number in range(30):
        rng = random.Random(f"{parser} {number}")
        data = rng.choice(valid)
        assert set(read(data[:head] + mutate(data[head:], rng, valid))) == {None}


@pytest.mark.parametrize(
    ("parser", "data"),
    [
        ("job-state", b"\x00" + b"[" * 5000),
        ("job-state", b"\x03" + b"[" * 5000),
        ("suite-results", b"[" * 5000),
        ("camtrap-dp", b'\x03{"resources": [{"name": "media", "path": "a\\u0000.csv"}]}'),
        ("boris", b'{"observations": {}, "behaviors_conf": 5}'),
        (
            "results-folder",
            b"\x01deployment,video,time,utc,time_of_day,label\n,a,0,,1" + b"0" * 400 + b":0:0,\n",
        ),
        ("detections", b'{"detection_categories": {"1": "animal"}, "images": 1' + b"0" * 400 + b"}"),
    ],
)
def test_faults_that_fuzzing_found_are_mended(parser, data, tmp_path):
    assert set(reading(parser, tmp_path)(data)) == {None}


def test_archives_that_cannot_be_unpacked_are_refused(tmp_path):
    [valid] = seeds("photograph-banks", tmp_path / "seeds")
    read = reading("photograph-banks", tmp_path)
    for at in range(60, len(valid), 40):
        data = bytearray(valid)
        data[at] ^= 0xFF
        assert read(bytes(data)) == [None]
    with np.load(io.BytesIO(valid)) as arrays:
        whole = dict(arrays)
    for wrong in ({"version": np.array(np.inf)}, {"classes": np.array([[97, 2**31]], "<u4").view("<U2")}):
        made = io.BytesIO()
        np.savez(made, **whole | wrong)
        assert read(made.getvalue()) == [None]
    ways = bytearray(valid)
    ways[valid.rindex(b"PK\x01\x02") + 10] = 77  # a way to compress that is unknown
    assert read(bytes(ways)) == [None]


@pytest.mark.parametrize(
    "change",
    [
        {"unseen": 1.0},
        {"causal": {"heads": 1e999, "width": 3, "temperature": 1.0}},
        {"network": {"width": 2**70}},
    ],
)
def test_notes_of_memories_of_other_types_are_refused(change, tmp_path):
    data = seeds("memories", tmp_path / "seeds")[1]
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    notes = json.loads(header["__metadata__"]["notes"])
    header["__metadata__"]["notes"] = json.dumps(notes | change).replace("Infinity", "1e999")
    text = json.dumps(header).encode()
    made = len(text).to_bytes(8, "little") + text + data[8 + length :]
    assert set(reading("memories", tmp_path)(made)) == {None}


def test_a_predictions_file_with_a_class_that_is_no_text_is_refused(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    data = seeds("predictions", tmp_path / "seeds")[0]
    table = parquet.read_table(pa.BufferReader(data))
    [(key, notes)] = [pair for pair in table.schema.metadata.items() if b"classes" in pair[1]]
    text = json.dumps(json.loads(notes) | {"classes": ["\ud800", "dog"]})
    made = tmp_path / "a.parquet"
    parquet.write_table(table.replace_schema_metadata({key: text.encode()}), made)
    assert set(reading("predictions", tmp_path)(made.read_bytes())) == {None}


def test_kept_files_with_a_fault_are_read_again(tmp_path):
    (tmp_path / "fault a.py 7.bin").write_bytes(b"still")
    (tmp_path / "fault b.py 8.bin").write_bytes(b"mended")
    read = {b"still": [None, "a.py:7 KeyError: 1"], b"mended": [None, None]}
    assert still_open(tmp_path, read.get) == ["a.py:7 KeyError: 1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fault a.py 7.bin", "mended b.py 8.bin"]


def test_sums_of_a_corpus_are_a_table(tmp_path):
    (tmp_path / "boris" / "corpus").mkdir(parents=True)
    (tmp_path / "boris" / "corpus" / "one").write_bytes(b"{}")
    (tmp_path / "boris" / "mended a.py 1.bin").write_bytes(b"{}")
    Tally(61.4, 12345, ["a fault"]).write(tmp_path / "boris" / "tally.json")
    lines = table(tmp_path).splitlines()
    assert len(lines) == len(TARGETS) + 3
    assert "| boris | 61 s | 12,345 | 1 | 1 | 1 |" in lines
    assert "| mp4 | 0 s | 0 | 0 | 0 | 0 |" in lines
    assert lines[-1] == "| all | 61 s | 12,345 | 1 | 1 | 1 |"


def _broken(monkeypatch, call):
    monkeypatch.setitem(TARGETS, "broken", Target(("a",), lambda folder: {"a": [b"1"]}, lambda: [call], ()))


def test_faults_are_seen(tmp_path, monkeypatch):
    def broken(folder):
        raise KeyError((folder / "a").read_text())

    _broken(monkeypatch, broken)
    assert reading("broken", tmp_path)(b"{}") == ["? KeyError: '{}'"]


def test_errors_of_wolfdog_are_no_faults(tmp_path, monkeypatch):
    def refused(folder):
        raise WolfdogError("no")

    _broken(monkeypatch, refused)
    assert reading("broken", tmp_path)(b"{}") == [None]


def test_mutated_json_is_json_most_of_the_time():
    data = b'{"a": [1, {"b": null}], "c": "d"}'
    changed = [mutate(data, random.Random(seed)) for seed in range(300)]
    assert sum(_is_json(one) for one in changed) > 200
    assert len(set(changed)) > 100


def _is_json(data):
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def test_a_mutated_table_is_a_table():
    changed = [mutate(b"video,start,label\na.mp4,1,wolf\n", random.Random(seed)) for seed in range(300)]
    assert len(set(changed)) > 200
    assert sum(one.count(b",") >= 4 for one in changed) > 200


def test_any_bytes_can_be_mutated():
    for seed in range(200):
        rng = random.Random(seed)
        assert isinstance(mutate(rng.randbytes(seed), rng), bytes)
    for seed in range(50):
        for data in (b"[]", b"7", b"{}"):
            assert isinstance(mutate(data, random.Random(seed)), bytes)


@pytest.mark.soak
def test_a_fault_ends_up_in_the_report(tmp_path, monkeypatch):
    """The process of a campaign is this file's own, whose readers refuse every file by an error of Python."""
    pytest.importorskip("atheris")
    script = tmp_path / "broken.py"
    script.write_text(
        "import runpy, hostile_inputs\n"
        "def broken(path):\n    raise KeyError('a fault')\n"
        "hostile_inputs.readers = lambda path: [broken]\n"
        f"runpy.run_path({coverage_fuzzing.__file__!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(coverage_fuzzing, "__file__", str(script))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(["src", "tests/support", os.environ.get("PYTHONPATH", "")])
    )
    for runs in (1, 2):  # the second goes on from the first
        tally = campaign("megadetector", 2, tmp_path / "fuzz")
        assert tally.files > 10 * runs
        assert 2 * runs < tally.seconds < 2 * runs + 10
        assert len(tally.faults) == 1
        assert "a fault" in tally.faults[0]


@pytest.mark.soak
@pytest.mark.parametrize("parser", TARGETS)
def test_fuzzing_finds_no_fault(parser, tmp_path):
    """For an hour of processor time, or for as many seconds as WOLFDOG_FUZZ_SECONDS says."""
    pytest.importorskip("atheris")
    seconds = int(os.environ.get("WOLFDOG_FUZZ_SECONDS", "3600"))
    tally = campaign(parser, seconds, tmp_path / "fuzz")
    print(f"{parser}: {tally.files:,} files read in {tally.seconds:.0f} s")
    assert tally.faults == []
    assert tally.files > 10
