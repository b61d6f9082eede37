"""Runs of rows against the moments and events that the recorder writes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report_tables import stream_table
from wolfdog.watch.labelling.moments_table import moments_of
from wolfdog.watch.moments import EVENT_GAP, events
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.report.row_runs import disagreement_runs, event_runs, in_stream_order, shown_rows
from wolfdog.watch.video.media import Medium


def events_by_moments(table):
    """Labels, frames and mean probabilities of the events, by the recorder's own rule."""
    moments = []
    for place in table.streams():
        for _, rows in itertools.groupby(range(len(place)), key=lambda row: place.media[row]):
            part = place.take(list(rows))
            medium = Medium("a", part.media[0], str(part.deployment[0]), utc=float(part.time[0]))
            moments += moments_of(part, medium, start=float(part.time[0]))
    return [(one.label, one.moments, round(one.probability, 5)) for one in events(moments)]


def events_by_rows(table):
    table = in_stream_order(table)
    shown = shown_rows(table)
    runs, label = event_runs(table, shown), table.label_names(context=True)
    found = []
    for start, stop in zip(runs.start, runs.stop, strict=True):
        rows = np.arange(start, stop)[shown[start:stop]]
        found.append(
            (label[rows[0]], len(rows), round(float(table.context[rows].max(1).astype(float).mean()), 5))
        )
    return found


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([0.2, 30.0, 70.0])),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 3),
)
def test_events_are_those_of_the_recorder(steps, cut):
    """Labels, files and pauses at random."""
    rows = [(0, label, 0.0) for label, _, _ in steps[:1]] + [
        (number // (cut + 1), label, pause) for number, (label, _, pause) in enumerate(steps[1:], start=1)
    ]
    q = 0.6 * np.eye(3)[[label for _, label, _ in rows]] + 0.4 / 3
    media = np.array([f"{medium}.mp4" for medium, _, _ in rows], object)
    table = Predictions.from_columns(
        ["wolf", "dog", "unknown"], q, context=q, media=media, deployment="site",
        time=np.cumsum([pause for _, _, pause in rows]), duration=[0.1] * len(rows), utc=True,
    )  # fmt: skip
    assert events_by_rows(table) == events_by_moments(table)


def test_the_surest_detection_stands_for_its_frame():
    q = [[0.1, 0.9], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8]]
    table = Predictions.from_columns(
        ["dog", "unknown"],
        q,
        context=q,
        media="a.mp4",
        frame=[0, 0, 1, 2],
        time=[0, 0, 1, 2],
        detection=[0, 1, 0, 0],
    )
    assert shown_rows(table).tolist() == [False, True, True, True]
    assert events_by_rows(table) == events_by_moments(table) == [("dog", 2, 0.65), ("unknown", 1, 0.8)]


@pytest.mark.parametrize("pause", [EVENT_GAP, EVENT_GAP + 1, np.nan])
def test_an_event_runs_on_into_a_file_that_begins_soon(pause):
    table = Predictions.from_columns(
        ["dog", "wolf"],
        [[1, 0]] * 2,
        context=[[1, 0]] * 2,
        media=["a.jpg", "b.jpg"],
        deployment="x",
        time=[0, pause],
    )
    assert len(event_runs(table, shown_rows(table))) == (1 if pause == EVENT_GAP else 2)


def test_disagreements_by_hand():
    p = np.eye(2)[[0, 1, 1, 0, 1, 1]]
    q = np.eye(2)[[0, 0, 0, 0, 0, 1]]
    media = np.array(["a", "a", "a", "a", "b", "b"], object)
    runs = disagreement_runs(Predictions.from_columns(["dog", "wolf"], p, context=q, media=media))
    assert (runs.start.tolist(), runs.stop.tolist()) == ([1, 4], [3, 5])


def test_every_disagreeing_row_is_in_one_run():
    table = in_stream_order(stream_table(300, deployments=3))
    runs = disagreement_runs(table)
    within = np.zeros(len(table), int)
    for start, stop in zip(runs.start, runs.stop, strict=True):
        within[start:stop] += 1
        assert len(set(table.media[start:stop])) == 1
    assert (within == (table.labels() != table.labels(context=True))).all()
