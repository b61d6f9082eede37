import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.errors import LabelsError, MediaError
from wolfdog.labels import LabelSpan, labels_at, read_labels, write_labels
from wolfdog.labels.rows import media_name
from wolfdog.labels.times import seconds_of_text

HEADER = "video,start,end,label\n"


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


times = st.lists(st.floats(0, 1e5, allow_nan=False), min_size=2, max_size=12, unique=True).map(sorted)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1
).filter(lambda name: media_name(name) == name)


@given(times, names, names)
def test_written_spans_are_read_back_exactly(tmp_path_factory, edges, video, label):
    spans = [LabelSpan(a, b, label, look="canine") for a, b in pairwise(edges)]
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    write_labels(path, {video: spans})
    assert read_labels(path) == {video: spans}


def test_rows_are_sorted_and_other_columns_ignored(tmp_path):
    path = _file(
        tmp_path, "\ufeffmood,video,start,end,label\nx,a.mp4,2,3,dog\ny,b.mp4,0,1,bear\nz,a.mp4,0,2,wolf\n"
    )
    labels = read_labels(path)
    assert [span.label for span in labels["a.mp4"]] == ["wolf", "dog"]
    assert [span.label for span in labels["b.mp4"]] == ["bear"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got nothing"),
        (HEADER, "at least one span"),
        ("video,start,label\na.mp4,0,wolf\n", "line 1: missing end"),
        ("video,start,end\na.mp4,0,1\n", "line 1: missing label"),
        ("video,start,end,label,start\na.mp4,0,1,wolf,3\n", "twice"),
        (HEADER + "a.mp4,0,1,wolf\na.mp4,one,2,dog\n", "line 3: start: expected seconds"),
        (HEADER + "a.mp4,0,nan,wolf\n", "line 2: end: expected seconds as a number"),
        (HEADER + "a.mp4,0,inf,wolf\n", "line 2: end"),
        (HEADER + "a.mp4,-1,2,wolf\n", "line 2: start"),
        (HEADER + "a.mp4,2,2,wolf\n", "line 2: the span ends at 2 seconds, at or before"),
        (HEADER + "a.mp4,0,2, \n", "line 2: label"),
        (HEADER + ",0,2,wolf\n", "line 2: video"),
        (HEADER + "a.mp4,0\n", "line 2: label: expected a name"),
        (HEADER + "a.mp4,,2,wolf\n", "line 2: start: expected seconds"),
        (HEADER + "a.mp4,0,2,wolf,more\n", "line 2: expected 4 fields as in the header, got 5"),
        (
            HEADER + "a.mp4,0,00:61:00,wolf\n",
            "line 2: end: expected seconds as a number (such as 12.5) or hh:mm",
        ),
        (HEADER + 'a.mp4,0,2,"wolf\n', "line 2: cannot be read as a table"),
        (b"video,start,end,label\na.mp4,0,1,caf\xe9\n", "expected text in UTF-8"),
        (
            "video,start_frame,end_frame,label\na.mp4,0,2.5,wolf\n",
            "end_frame: expected the number of a frame",
        ),
        (
            HEADER + "a.mp4,0,1,wolf\na.mp4,2,1,dog\nb.mp4,x,2,dog\n",
            "(1 more; `wolfdog labels check` shows all)",
        ),
        (
            HEADER + "a.mp4,0,1,Red\na.mp4,1,2,red\nb.mp4,0,1,red\n",
            "the labels 'red' (2 times) and 'Red' (1 times) differ in capital letters or spaces alone",
        ),
        ("file,label,site\na.mp4,wolf,north\na.mp4,dog,south\n", "line 3: a.mp4 has the site 'north'"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named_with_its_line(tmp_path, text, said):
    path = _file(tmp_path, text)
    with pytest.raises(LabelsError) as caught:
        read_labels(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_a_labels_error(tmp_path):
    with pytest.raises(LabelsError, match="cannot be read"):
        read_labels(tmp_path / "none.csv")


def test_a_file_that_cannot_be_written_is_a_media_error(tmp_path):
    with pytest.raises(MediaError, match="cannot write"):
        write_labels(tmp_path / "no" / "labels.csv", {"a.mp4": [LabelSpan(0, 1, "wolf")]})


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = _file(tmp_path, "old")

    def spans():
        yield LabelSpan(0, 1, "wolf")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_labels(path, {"a.mp4": spans()})
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_labels_at_takes_spans_half_open():
    spans = [LabelSpan(0.0, 0.8, "wolf"), LabelSpan(0.8, 1.0, "dog"), LabelSpan(3.0, 4.0, "bear")]
    assert labels_at(spans, [0.0, 0.79, 0.8, 0.99, 1.0, 2.9, 3.0, 4.0]) == [
        "wolf", "wolf", "dog", "dog", None, None, "bear", None,
    ]  # fmt: skip
    assert labels_at([], [1.0]) == [None]
    assert labels_at(spans, []) == []


@given(
    st.sampled_from([5.0, 24000 / 1001, 30.0, 12.5]), st.lists(st.integers(1, 20), min_size=1, max_size=20)
)
def test_rounded_timestamps_fall_into_their_own_span(fps, lengths):
    spans, expected, start = [], [], 0
    for number, length in enumerate(lengths):
        spans.append(LabelSpan(start / fps, (start + length) / fps, f"label {number}"))
        expected += [f"label {number}"] * length
        start += length
    stamps = [math.floor(frame / fps * 1e7) / 1e7 for frame in range(start)]  # a container's coarser clock
    assert labels_at(spans, stamps) == expected


def test_guarded_cells_are_read_as_they_were(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "video,start,end,label\n'=1+1.mp4,0,1,'-wolf\n'plain.mp4,0,1,'''@x\n"
    )
    assert {name: spans[0].label for name, spans in read_labels(tmp_path / "labels.csv").items()} == {
        "=1+1.mp4": "-wolf",
        "'plain.mp4": "''@x",
    }


def test_hours_of_thousands_of_digits_are_refused():
    with pytest.raises(LabelsError, match="expected seconds"):
        seconds_of_text("1" * 5000 + ":00:00", "start")
