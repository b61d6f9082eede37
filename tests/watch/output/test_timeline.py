import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from watch_moments import CLASSES, broadcasts, moment
from wolfdog.errors import InputError, ShapeError
from wolfdog.watch.moments import Event, events
from wolfdog.watch.output.palette import palette
from wolfdog.watch.output.time_axis import clock, time_axis
from wolfdog.watch.output.timeline import draw_timeline, timeline_figure

MANY = [f"{kind} {animal}" for kind in "abcdef" for animal in ("fox", "deer", "mouse", "hyena", "bat")]


def bars(figure):
    """The rectangles of the lanes: {lane name: [(start, end, fill as #RRGGBB)]} in order of time."""
    top = figure.axes[0]
    names = [t.get_text() for t in top.get_yticklabels()]
    lanes = {name: [] for name in names}
    for patch in top.patches:
        fill = "#" + "".join(f"{round(255 * c):02X}" for c in patch.get_facecolor()[:3])
        row = round(patch.get_y() + patch.get_height() / 2)
        lanes[names[row]].append((patch.get_x(), patch.get_x() + patch.get_width(), fill))
    return {name: sorted(lane) for name, lane in lanes.items()}


@settings(max_examples=10)
@given(broadcasts(min_size=1))
def test_lanes_hold_the_events(moments):
    lanes, paints = bars(timeline_figure(moments, CLASSES)), palette(CLASSES)
    assert list(lanes) == ["context", "snapshot"]
    span = moments[-1].time + moments[-1].duration - moments[0].time
    for which, lane in lanes.items():
        wanted = list(events(moments, which))
        assert [fill for _, _, fill in lane] == [paints[e.label].fill for e in wanted]
        for (start, end, _), e in zip(lane, wanted, strict=True):
            assert start == pytest.approx(e.start)
            assert end == pytest.approx(max(e.end, e.start + span / (10.8 * 120)))  # at least a dot wide


def test_a_second_in_two_hours_is_a_dot_wide():
    moments = [
        moment(0.0, "unknown", duration=3600.0),
        moment(3600.0, "bear", duration=1.0),
        moment(3601.0, "unknown", duration=3599.0),
    ]
    start, end, fill = bars(timeline_figure(moments, CLASSES))["context"][1]
    assert fill == palette(CLASSES)["bear"].fill
    assert end - start == pytest.approx(7200 / (10.8 * 120))


def test_truth_is_a_lane_of_its_own_on_top_and_may_hold_other_labels():
    truth = [Event("a.mp4", 0.0, 0.5, "wolf", 1.0, 1), Event("a.mp4", 0.5, 1.0, "wolverine", 1.0, 1)]
    figure = timeline_figure(
        [moment(0.0, "dog", duration=1.0)], CLASSES, truth=truth, title="A test broadcast"
    )
    lanes, paints = bars(figure), palette([*CLASSES, "wolverine"])
    assert list(lanes) == ["truth", "context", "snapshot"]
    assert [fill for _, _, fill in lanes["truth"]] == [paints["wolf"].fill, paints["wolverine"].fill]
    assert figure.axes[0].get_title(loc="left") == "A test broadcast"
    assert "wolverine" in [t.get_text() for t in figure.legends[0].get_texts()]


def test_probabilities_are_stacked_and_add_up_to_one():
    moments = [moment(float(i), CLASSES[i % 5], duration=1.0) for i in range(6)]
    strip = timeline_figure(moments, CLASSES).axes[1]
    assert len(strip.collections) == len(CLASSES)
    top = strip.collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(1)
    first = strip.collections[0].get_paths()[0].vertices
    assert set(np.round(first[:, 1], 6)) == {
        0.0,
        0.1,
        0.6,
    }  # wolf: sure at its own moments, doubtful at others


def test_a_crowded_lane_shows_shares_of_time():
    moments = [moment(i / 5, "wolf", "dog" if i % 4 == 0 else "wolf", duration=0.2) for i in range(4000)]
    figure = timeline_figure(moments, CLASSES)
    lanes = bars(figure)
    assert len(lanes["context"]) == 1
    assert lanes["snapshot"] == []
    wolf, dog = (c.get_paths()[0].vertices[:, 1] for c in figure.axes[0].collections)
    assert wolf.max() - np.median(wolf[wolf < wolf.max()]) == pytest.approx(0.84 * 0.75, abs=0.06)
    assert dog.min() == pytest.approx(1 - 0.42, abs=1e-6)  # together they fill the lane


@pytest.mark.parametrize(
    ("n", "step", "classes"), [(1, 1.0, CLASSES), (6, 1.0, CLASSES), (3000, 2.4, CLASSES), (90, 0.5, MANY)]
)
def test_a_picture_is_written_for_short_long_and_many(tmp_path, n, step, classes):
    moments = [
        moment(i * step, classes[i // 3 % len(classes)], duration=step, classes=classes) for i in range(n)
    ]
    path = tmp_path / "timeline.png"
    draw_timeline(moments, path, classes)
    with Image.open(path) as picture:
        assert picture.width == 1440
        colours = {c for _, c in picture.convert("RGB").getcolors(1 << 20)}
    said = {m.context for m in moments}
    assert {palette(classes)[name].rgb for name in said} <= colours
    assert list(tmp_path.iterdir()) == [path]


def test_the_length_of_the_last_frame_may_be_unknown(tmp_path):
    for n in (1, 3):
        figure = timeline_figure([moment(float(i), "wolf", duration=0.0) for i in range(n)], CLASSES)
        assert figure.axes[0].get_xlim() == (0, n)


@pytest.mark.parametrize("name", ["_hidden $x_{1$", "狼", "a\nb"])
def test_names_are_drawn_as_they_are(tmp_path, name):
    classes = (name, "dog")
    draw_timeline(
        [moment(0.0, name, duration=9, classes=classes)], tmp_path / "a.svg", classes, title="$\\frac"
    )
    assert (tmp_path / "a.svg").stat().st_size > 1000


def test_refusals_leave_nothing(tmp_path):
    two = [moment(0.0, "wolf"), moment(0.0, "wolf", video="b.mp4")]
    for wrong in ([], two):
        with pytest.raises(InputError, match="one video"):
            draw_timeline(wrong, tmp_path / "a.png", CLASSES)
    with pytest.raises(InputError, match=r"'\.mp3'.*png"):
        draw_timeline(two[:1], tmp_path / "a.mp3", CLASSES)
    with pytest.raises(ShapeError, match=r"expected \(2,\)"):
        draw_timeline(two[:1], tmp_path / "a.png", ("wolf", "dog"))
    with pytest.raises(FileNotFoundError):
        draw_timeline(two[:1], tmp_path / "nowhere" / "a.png", CLASSES)
    assert list(tmp_path.iterdir()) == []


class Axis:
    """Takes down what is set on an axis."""

    def set_xticks(self, ticks, labels):
        self.ticks, self.labels = ticks, labels

    def set_xlabel(self, text, fontsize):
        self.unit = text


@given(st.floats(0, 1e5), st.floats(0.05, 1e6))
def test_ticks_are_few_inside_and_told_apart(low, length):
    axis = Axis()
    time_axis(axis, low, low + length)
    assert 1 <= len(axis.ticks) <= 11
    assert all(low - 1e-6 * length <= t <= low + length * 1.000001 for t in axis.ticks)
    if low == 0:
        assert len(set(axis.labels)) == len(axis.labels)


def test_clock():
    assert [clock(t, 10) for t in (-0.0, 0.5, 3.0)] == ["0", "0.5", "3"]
    assert [clock(t, 1000) for t in (0, 59.99, 600)] == ["0:00", "1:00", "10:00"]
    assert clock(36_000, 40_000) == "10:00:00"


def test_no_window_and_no_global_state():
    code = (
        "import sys; import wolfdog.watch.output.timeline as t; assert 'matplotlib' not in sys.modules;"
        "sys.path.insert(0, sys.argv[1]); from watch_moments import *;"
        "t.timeline_figure([moment(0.0, 'wolf')], CLASSES); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(Path(__file__).parents[2] / "support")], check=True)
