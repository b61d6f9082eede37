import csv
import html
import itertools
import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch_moments import CLASSES, broadcasts, moment
from wolfdog.errors import InputError, MediaError, ShapeError
from wolfdog.watch.formats import read_results
from wolfdog.watch.moments import Moment, events
from wolfdog.watch.output.sinks import EventsCSV, MomentsCSV, WebVTT

ODD = ("wolf, grey", 'so-called "dog"', "a --> b <i>&", "bär", "two\nlines")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sinks")


def write(sink, moments):
    with sink:
        for m in moments:
            sink.write(m)
    return sink.path


def table(path):
    with path.open(newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f, strict=True))


@given(broadcasts(ODD), st.sampled_from(["a.mp4", "Taï/card 1,2/x.AVI", 'a"b\n.mp4']))
def test_moments_round_trip(folder, moments, video):
    moments = [replace(m, video=video) for m in moments]
    path = write(MomentsCSV(folder / "moments.csv", ODD, all_probabilities=True), moments)
    rows = table(path)
    assert len(rows) == len(moments)
    for row, m in zip(rows, moments, strict=True):
        assert (row["video"], int(row["frame"])) == (video, m.frame)
        assert (row["snapshot"], row["context"]) == (m.snapshot, m.context)
        assert float(row["time"]) == pytest.approx(m.time, abs=5.1e-4)
        assert float(row["snapshot_probability"]) == pytest.approx(m.probability("snapshot"), abs=5.1e-4)
        ranked = sorted(zip(-m.context_probabilities, ODD, strict=True), key=lambda pair: pair[0])
        named = [row["context"], row["context_2"], row["context_3"]]
        assert set(named) - {""} == {name for p, name in ranked[:3] if -p >= 0.0005} | {m.context}
        for which, wanted in (("p", m.snapshot_probabilities), ("c", m.context_probabilities)):
            got = [float(row[f"{which}_{name}"]) for name in ODD]
            np.testing.assert_allclose(got, wanted, atol=5.1e-7)


def test_moments_columns_and_line_ends(folder):
    path = write(
        MomentsCSV(folder / "m.csv", ("wolf", "dog")), [moment(1.25, "wolf", classes=("wolf", "dog"))]
    )
    assert path.read_bytes() == (
        b"deployment,video,frame,time,utc,time_of_day,snapshot,snapshot_probability,context,context_probability,"
        b"context_2,context_2_probability,context_3,context_3_probability\r\n"
        b",a.mp4,0,1.250,,,wolf,0.600,wolf,0.600,dog,0.400,,\r\n"
    )


@pytest.mark.parametrize("every", [False, True])
def test_moments_are_read_as_results(folder, every):
    classes = ("wolf", "dog", "bear", "fish")
    p = np.array([[0.7, 0.2, 0.1, 0.0], [0.1, 0.5, 0.2, 0.2]])
    seen = [
        Moment(f"{n}.mp4", 0, 0.0, classes[p[n].argmax()], "dog", p[n], p[1 - n][::-1], deployment="d")
        for n in range(2)
    ]
    seen = [replace(m, context=classes[m.context_probabilities.argmax()]) for m in seen]
    path = write(MomentsCSV(folder / "r.csv", classes, all_probabilities=every), seen)
    found = read_results(path).predictions
    assert found.media.tolist() == found.deployment.tolist() == ["0.mp4", "1.mp4"]
    assert found.label_names().tolist() == ["wolf", "dog"]
    assert found.label_names(context=True).tolist() == [m.context for m in seen]
    for name in classes if every else found.classes:
        at = found.classes.index(name)
        wanted = [m.context_probabilities[classes.index(name)] for m in seen]
        np.testing.assert_allclose(found.context[:, at], wanted, atol=1e-3)
    np.testing.assert_allclose(found.probabilities.max(1), [0.7, 0.5], atol=1e-3)


EVENT_COLUMNS = [
    *("deployment", "video", "start", "last_video", "end", "utc", "utc_end", "time_of_day"),
    *("label", "probability", "moments"),
]


@given(broadcasts(ODD), st.sampled_from(["context", "snapshot"]), st.floats(0, 3))
def test_events_round_trip(folder, moments, which, least):
    path = write(EventsCSV(folder / "events.csv", which=which, min_duration=least), moments)
    rows, wanted = table(path), list(events(moments, which, min_duration=least))
    assert list(rows[0] if rows else []) in ([], EVENT_COLUMNS)
    assert [(r["video"], r["label"], int(r["moments"])) for r in rows] == [
        (e.video, e.label, e.moments) for e in wanted
    ]
    for row, e in zip(rows, wanted, strict=True):
        numbers = [float(row[name]) for name in ("start", "end", "probability")]
        assert numbers == pytest.approx([e.start, e.end, e.probability], abs=5.1e-4)


TIMING = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")


def read_webvtt(text):
    """Parse WebVTT by the rules of the standard, strictly; cues as (start ms, end ms, text)."""
    head, *blocks = re.split(r"\n{2,}", text.removesuffix("\n"))
    assert head == "WEBVTT"
    cues = []
    for block in blocks:
        timing, *payload = block.split("\n")
        match = TIMING.fullmatch(timing)
        assert match, timing
        h, m, s, ms, h2, m2, s2, ms2 = map(int, match.groups())
        start, end = ((h * 60 + m) * 60 + s) * 1000 + ms, ((h2 * 60 + m2) * 60 + s2) * 1000 + ms2
        assert end > start
        assert not cues or start >= cues[-1][0]
        assert len(payload) == 1
        assert "-->" not in payload[0]
        assert not re.search(r"<|&(?!amp;|lt;|gt;)", payload[0])
        cues.append((start, end, html.unescape(payload[0])))
    return cues


@pytest.mark.parametrize(
    "wrong",
    ["WEBVTT\n\n00:00.000 --> 00:01.000\nx\n", "WEBVTT\n\n00:00:02.000 --> 00:00:01.000\nx\n",
     "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<b\n", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nx\ny\n"],
)  # fmt: skip
def test_the_reader_of_webvtt_is_strict(wrong):
    with pytest.raises(AssertionError):
        read_webvtt(wrong)


@given(broadcasts(ODD))
def test_webvtt_reads_back(folder, moments):
    cues = read_webvtt(write(WebVTT(folder / "a.vtt"), moments).read_text("utf-8"))
    for m in moments:
        at = m.time * 1000
        (text,) = {text for start, end, text in cues if start - 0.6 < at < end - 0.6}
        wanted = m.context if m.snapshot == m.context else f"{m.context} [{m.snapshot}]"
        assert text == " ".join(wanted.split())
    for (_, end, text), (start, _, following) in itertools.pairwise(cues):
        assert end == start
        assert text != following


def test_webvtt_hours_and_cues_too_short_to_tell(folder):
    moments = [moment(360_000.0, "wolf", duration=0.0001), moment(360_000.0001, "dog", duration=0.0001)]
    cues = read_webvtt(write(WebVTT(folder / "long.vtt"), moments).read_text("utf-8"))
    assert cues == [(360_000_000, 360_000_001, "wolf"), (360_000_000, 360_000_001, "dog")]


def test_webvtt_is_for_one_video(folder):
    with pytest.raises(InputError, match="one video"):
        write(WebVTT(folder / "two.vtt"), [moment(0.0, "wolf"), moment(0.0, "wolf", video="b.mp4")])
    assert not (folder / "two.vtt").exists()


def sinks(folder, **options):
    return [
        MomentsCSV(folder / "m.csv", CLASSES, **options),
        EventsCSV(folder / "e.csv", **options),
        WebVTT(folder / "w.vtt", **options),
    ]


def breaking(error):
    yield moment(0.0, "wolf")
    yield moment(1.0, "dog")
    raise error


@pytest.mark.parametrize("i", range(3))
def test_an_error_leaves_the_old_file_alone(tmp_path, i):
    sink = sinks(tmp_path)[i]
    sink.path.write_text("old")
    with pytest.raises(MediaError):
        write(sink, breaking(MediaError("breaks off")))
    assert sink.path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [sink.path]


@pytest.mark.parametrize("i", range(3))
def test_a_partial_result_is_kept_whole_when_asked_for(tmp_path, i):
    partial, whole = sinks(tmp_path, keep_partial=True)[i], sinks(tmp_path)[i]
    with pytest.raises(MediaError):
        write(partial, breaking(MediaError("breaks off")))
    kept = partial.path.read_bytes()
    write(whole, [moment(0.0, "wolf"), moment(1.0, "dog")])
    assert kept == whole.path.read_bytes()
    assert list(tmp_path.iterdir()) == [whole.path]


@pytest.mark.parametrize("i", range(3))
def test_an_interrupt_leaves_nothing(tmp_path, i):
    with pytest.raises(KeyboardInterrupt):
        write(sinks(tmp_path, keep_partial=True)[i], breaking(KeyboardInterrupt()))
    assert list(tmp_path.iterdir()) == []


class FullDisk:
    """A file that takes half a text, and the next whole again, as when somebody has made room."""

    def __init__(self, file):
        self.file, self.full = file, True

    def write(self, text):
        if not self.full:
            return self.file.write(text)
        self.full = False
        self.file.write(text[: len(text) // 2])
        raise OSError(28, "No space left on device")


def fill_the_disk(sink):
    with sink:
        sink.write(moment(0.0, "wolf"))
        sink._file = FullDisk(sink._file)
        sink.write(moment(1.0, "dog"))  # the first event and the first cue are over now, too


@pytest.mark.parametrize("i", range(3))
def test_half_a_line_is_never_kept(tmp_path, i):
    with pytest.raises(OSError, match="No space"):
        fill_the_disk(sinks(tmp_path, keep_partial=True)[i])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("i", range(3))
def test_writing_outside_the_block_and_to_nowhere(tmp_path, i):
    sink = sinks(tmp_path)[i]
    write(sink, [])
    with pytest.raises(InputError, match="not open"):
        sink.write(moment(0.0, "wolf"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write(sinks(tmp_path / "nowhere")[i], [])


def test_probabilities_must_fit_the_classes(tmp_path):
    with pytest.raises(ShapeError, match=r"expected \(2,\).*wolf, dog"):
        write(MomentsCSV(tmp_path / "m.csv", ("wolf", "dog")), [moment(0.5, "wolf")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sink", [EventsCSV, WebVTT])
def test_an_event_that_goes_on_takes_no_memory(tmp_path, sink):
    p = np.array([0.25, 0.75])
    moments = (Moment("a.mp4", n, n / 5, "dog", "wolf", p, p, duration=0.2) for n in range(5000))
    with sink(tmp_path / "out") as one:
        for m in itertools.islice(moments, 100):
            one.write(m)
        tracemalloc.start()
        for m in moments:
            one.write(m)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert kept < 10_000  # 8 bytes for each moment would be 39,200
