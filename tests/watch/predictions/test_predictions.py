"""Predictions table: its checks, its order, its file."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wolfdog.errors import InputError, MissingPackageError, ShapeError
from wolfdog.watch.predictions import Predictions, PredictionsWriter, read_predictions, write_predictions

CLASSES = ["blank", "wolf", "Ünicode, with comma"]
COLUMNS = [
    *("deployment", "media", "frame", "time", "duration", "detection", "box", "confidence", "clarity"),
    *("spread", "probabilities", "context"),
]


def some(rows: int = 6, seed: int = 0, utc: bool = False, context: bool = False) -> Predictions:
    """Table with whole frames and detections, with known and unknown numbers."""
    rng = np.random.default_rng(seed)
    whole = rng.random(rows) < 0.5
    return Predictions.from_columns(
        CLASSES,
        rng.dirichlet(np.ones(3), rows),
        time=np.where(rng.random(rows) < 0.2, np.nan, np.round(1.7e9 * utc + rng.random(rows) * 100, 3)),
        deployment=np.array([f"site {i}" for i in rng.integers(0, 3, rows)], object),
        media=np.array([f"{i}.jpg" for i in rng.integers(0, 3, rows)], object),
        duration=np.where(rng.random(rows) < 0.5, np.nan, 0.04),
        detection=np.where(whole, -1, rng.integers(0, 3, rows)),
        box=np.where(whole[:, None], np.nan, rng.random((rows, 4))),
        confidence=np.where(whole, np.nan, rng.random(rows)),
        clarity=np.where(rng.random(rows) < 0.2, np.nan, rng.random(rows)),
        spread=rng.random(rows) * 0.1,
        context=rng.dirichlet(np.ones(3), rows) if context else None,
        blank="blank",
        utc=utc,
        classifier="lite0 1.0",
        method="none" if context else "",
    )


def assert_same(a: Predictions, b: Predictions) -> None:
    for name in ("classes", "blank", "utc", "classifier", "method"):
        assert getattr(a, name) == getattr(b, name)
    for name in COLUMNS:
        left, right = getattr(a, name), getattr(b, name)
        if left is None or right is None:
            assert left is right is None
        else:
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right, err_msg=name)


@given(rows=st.integers(0, 30), seed=st.integers(0, 99), utc=st.booleans(), context=st.booleans())
@settings(max_examples=25, deadline=None)
def test_file_returns_the_table(
    tmp_path_factory: pytest.TempPathFactory, rows: int, seed: int, utc: bool, context: bool
) -> None:
    table = some(rows, seed, utc, context)
    path = tmp_path_factory.mktemp("table") / "a.parquet"
    write_predictions(path, table)
    assert_same(read_predictions(path), table)


def test_comparison_sees_a_corrupted_table() -> None:
    table = some()
    wrong = table.take(slice(None))
    wrong.time[2] += 1
    with pytest.raises(AssertionError):
        assert_same(table.take([0, 1, 3, 2, 4, 5]), table)


def test_files_without_clarity_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_predictions(path, some())
    pq.write_table(pq.read_table(path).drop_columns(["clarity"]), path)
    read = read_predictions(path)
    assert np.isnan(read.clarity).all()
    np.testing.assert_array_equal(read.probabilities, some().probabilities)


def test_file_has_the_documented_columns(tmp_path: Path) -> None:
    write_predictions(tmp_path / "a.parquet", some(utc=True, context=True))
    file = pq.read_table(tmp_path / "a.parquet")
    probabilities = [f"{letter}_{name}" for letter in "pc" for name in CLASSES]
    assert file.column_names == [*COLUMNS[:10], *probabilities]
    assert file.schema.field("time").type == pa.timestamp("us", tz="UTC")
    notes = json.loads(file.schema.metadata[b"wolfdog.predictions"])
    assert notes["version"] == 1
    assert notes["classes"] == CLASSES


def test_writer_appends_and_leaves_nothing_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    tables = [some(5, seed) for seed in range(3)]
    with PredictionsWriter(path, CLASSES, blank="blank", classifier="lite0 1.0") as writer:
        for table in tables:
            writer.write(table)
        assert not path.exists()
    assert_same(read_predictions(path), Predictions.concat(tables))
    with pytest.raises(RuntimeError), PredictionsWriter(tmp_path / "b.parquet", CLASSES) as writer:
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]
    with (
        pytest.raises(InputError, match="must agree"),
        PredictionsWriter(path, CLASSES, blank="blank") as writer,
    ):
        writer.write(some(context=True))
    with pytest.raises(InputError, match="not open"):
        writer.write(tables[0])


def test_streams_are_in_the_order_of_time() -> None:
    table = Predictions.from_columns(
        ["wolf", "dog"],
        np.full((7, 2), 0.5),
        deployment=np.array(["b", "a", "b", "b", "a", "b", "b"], object),
        media=np.array(["2", "1", "1", "1", "2", "2", "3"], object),
        frame=[0] * 7,
        time=[5, 3, 1, 1, 2, 5, np.nan],
        detection=[1, -1, 1, 0, -1, 0, -1],
    )
    rows = {name: rows.tolist() for name, rows in table.stream_rows()}
    assert rows == {"b": [3, 2, 5, 0, 6], "a": [4, 1]}
    first, second = table.streams()
    assert first.deployments() == ("b",)
    assert first.frame_numbers().tolist() == [0, 0, 1, 1, 2]
    assert_same(second, table.of_deployment("a"))
    with pytest.raises(InputError, match="'c'"):
        table.of_deployment("c")


@given(rows=st.integers(0, 30), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_streams_hold_each_row_once(rows: int, seed: int) -> None:
    table = some(rows, seed)
    positions = [row for _, chosen in table.stream_rows() for row in chosen.tolist()]
    assert sorted(positions) == list(range(rows))
    for stream in table.streams():
        frames = list(dict.fromkeys(zip(stream.media.tolist(), stream.frame.tolist(), strict=True)))
        assert stream.frame_numbers()[-1] == len(frames) - 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "sum": ({"probabilities": [[0.5, 0.4]]}, "sum"),
    "negative": ({"probabilities": [[1.5, -0.5]]}, "sum to 1"),
    "not a number": ({"probabilities": [[np.nan, 1.0]]}, "sum to 1"),
    "classes": ({"probabilities": [[0.2, 0.3, 0.5]]}, "shape"),
    "same names": ({"classes": ["a", "a"]}, "different"),
    "empty name": ({"classes": ["a", ""]}, "at least one character"),
    "one text": ({"classes": "ab"}, "several names"),
    "blank": ({"blank": "nothing"}, "one of the classes"),
    "infinite time": ({"time": [np.inf]}, "column time, row 0"),
    "rows": ({"time": [0, 1]}, "shape"),
    "half a frame": ({"frame": [0.5]}, "whole number"),
    "detection": ({"detection": [-2]}, "from -1"),
    "duration": ({"duration": [-1.0]}, "column duration"),
    "confidence": ({"confidence": [1.5]}, "from 0 to 1"),
    "text as number": ({"confidence": ["high"]}, "expected numbers"),
    "half a box": ({"box": [[0, 0, np.nan, 1]]}, "four NaN"),
    "box turned round": ({"box": [[0, 0, -1, 1]]}, "four NaN"),
    "number as text": ({"media": [3]}, "expected a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused(case: str) -> None:
    wrong, message = WRONG[case]
    good: dict[str, Any] = {"classes": ["a", "b"], "probabilities": [[0.25, 0.75]]}
    Predictions.from_columns(**good)
    with pytest.raises(InputError, match=message):
        Predictions.from_columns(**(good | wrong))


def test_context_and_concat() -> None:
    table = some()
    with pytest.raises(InputError, match="no context"):
        table.labels(context=True)
    turned = table.with_context(table.probabilities[:, ::-1], "turned")
    assert turned.labels(context=True).tolist() == (2 - table.labels()).tolist()
    both = Predictions.concat([turned, turned.take([0])])
    assert len(both) == 7
    assert both.method == "turned"
    with pytest.raises(InputError, match="none"):
        Predictions.concat([turned, table])
    with pytest.raises(InputError, match="utc"):
        Predictions.concat([table, some(utc=True)])
    with pytest.raises(InputError, match="at least one"):
        Predictions.concat([])
    with pytest.raises(ShapeError):
        table.with_context(table.probabilities[:2], "short")


def rewritten(path: Path, **notes: Any) -> Path:
    """The file with other notes in its metadata."""
    table = pq.read_table(path)
    metadata = json.loads(table.schema.metadata[b"wolfdog.predictions"]) | notes
    pq.write_table(table.replace_schema_metadata({"wolfdog.predictions": json.dumps(metadata)}), path)
    return path


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_predictions(path, some())
    whole = path.read_bytes()
    for cut in (0, 3, len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match="damaged"):
            read_predictions(path)
    with pytest.raises(InputError, match="no such file"):
        read_predictions(tmp_path / "none.parquet")
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(InputError, match="not a predictions file"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ({"version": 2}, "Update"),
        ({"version": "1"}, "no format version"),
        ({"classes": ["wolf", "bear"]}, "not a sound"),
        ({"classes": CLASSES * 2}, "not a sound"),
        ({"classes": []}, "not a sound"),
        ({"classes": "wolf"}, "must hold classes"),
        ({"blank": "bear"}, "one of the classes"),
        ({"utc": "yes"}, "must hold"),
    ],
)
def test_notes_that_cannot_be_are_refused(tmp_path: Path, notes: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.parquet"
    write_predictions(path, some())
    with pytest.raises(InputError, match=message):
        read_predictions(rewritten(path, **notes))


def test_missing_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_predictions(path, some(2))
    table = pq.read_table(path)
    column = table.column_names.index("p_wolf")
    pq.write_table(table.set_column(column, "p_wolf", pa.array([None, 0.5], pa.float32())), path)
    with pytest.raises(InputError, match="missing"):
        read_predictions(path)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError, match="pip install"):
        read_predictions(tmp_path / "a.parquet")
    with pytest.raises(MissingPackageError, match="pyarrow"):
        write_predictions(tmp_path / "a.parquet", some())


def test_a_column_s_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seen.parquet"
    pq.write_table(pa.table({"clarity?": [1.0]}), path)
    path.write_bytes(path.read_bytes().replace(b"clarity?", b"clarity\xba"))
    with pytest.raises(InputError, match=r"damaged|not a predictions file"):
        read_predictions(path)
