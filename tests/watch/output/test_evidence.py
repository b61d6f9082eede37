"""What predictions rest on: which are chosen, what is shown of them, and that it takes bounded memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from watch_moments import CLASSES, moment
from watch_watchers import frames, made
from wolfdog.errors import InputError
from wolfdog.watch.model.memory import Reach
from wolfdog.watch.model.window import EntryWindow, extend
from wolfdog.watch.moments import Evidence, Moment
from wolfdog.watch.output.evidence import (
    AHEAD,
    SHOWN,
    EvidenceSelector,
    ExplainedMoment,
    PastFrame,
    ThumbnailBuffer,
    past_frames,
)
from wolfdog.watch.output.evidence_plot import HIGH, draw_evidence, evidence_picture
from wolfdog.watch.video.source import Frame


def shots(times):
    """Frames whose pictures say their number."""
    for number, time in enumerate(times):
        yield Frame(number, float(time), 0.2, np.full((4, 4, 3), number % 256, np.uint8))


def passed(times, reach):
    thumbnails = ThumbnailBuffer(reach)
    assert [frame.time for frame in thumbnails.passing(shots(times))] == list(times)
    return thumbnails


def test_frames_are_held_as_long_as_the_memory_holds_them_and_not_much_longer():
    times = np.arange(1000) / 5
    thumbnails = passed(times, Reach(50, 0.0, 0.2))
    for back in range(1, 51):
        assert (thumbnails.at(times[-back]) == (1000 - back) % 256).all()
    assert thumbnails.at(times[-50 - AHEAD - 1]) is None
    assert sum(thumbnails.at(time) is not None for time in times) == 50 + AHEAD


@given(st.integers(0, 99), st.floats(0.3, 5.0))
def test_of_a_bank_the_same_frames_are_held_as_entries(seed, stride):
    times = np.random.default_rng(seed).uniform(0.05, 1.0, 300).cumsum()
    thumbnails = passed(times, Reach(20, stride, 0.2))
    import torch

    events, when = torch.zeros(300, 1, 1), torch.from_numpy(times)[:, None]
    _, kept = extend(EntryWindow.empty(1, 20, 1), events, when, None, stride)
    for time in kept.times[0, 20 - int(kept.held) :].tolist():
        assert thumbnails.at(time) is not None


def looking(time, evidence, context="wolf", sure=0.9, alone=0.5):
    """A moment whose context label the frame alone holds for less probable."""
    said = moment(time, context, sure=sure)
    doubt = moment(time, context, sure=alone)
    pieces = tuple(Evidence(*piece) for piece in evidence)
    return Moment(
        "a.mp4", 0, time, doubt.snapshot, said.context, doubt.snapshot_probabilities,
        said.context_probabilities, duration=0.2, evidence=pieces,
    )  # fmt: skip


def test_near_moments_are_shown_as_one_and_the_moment_itself_is_not():
    thumbnails = passed(range(100), Reach(100, 0.0, 1.0))
    shown = past_frames(
        looking(90.0, [(40.0, 0.3), (90.0, 0.25), (42.0, 0.1), (80.0, 0.08), (43.0, 0.05), (60.0, 0.01)]),
        thumbnails,
    )
    assert [past_frame.time for past_frame in shown] == [40.0, 80.0, 43.0]
    assert [past_frame.weight for past_frame in shown] == pytest.approx([0.4, 0.08, 0.05])
    assert (shown[0].image == 40).all()


def test_one_verdict_of_each_event_that_memory_changed():
    told = []
    selector = EvidenceSelector(passed(range(100), Reach(100, 0.0, 1.0)), told.append)
    for said in (
        looking(10.0, [(5.0, 1.0)], "wolf", sure=0.8),
        looking(11.0, [(6.0, 1.0)], "wolf", sure=0.9),  # the same event, changed more
        looking(12.0, [(6.0, 1.0)], "wolf", sure=0.85),
        looking(20.0, [(6.0, 1.0)], "dog", sure=0.6),  # hardly changed
        looking(30.0, [(1.0, 1.0)], "dog", sure=0.8),
    ):
        selector.add(said)
    assert [said.time for said in told] == [11.0]
    assert [explained.moment.time for explained in selector.selected()] == [11.0, 30.0]
    assert [said.time for said in told] == [11.0, 30.0]


def test_the_largest_changes_are_kept_and_few_that_rest_on_the_same():
    selector = EvidenceSelector(passed(range(400), Reach(400, 0.0, 1.0)), lambda moment: None)
    for number in range(100):
        label = ("wolf", "dog")[number % 2]
        seen = 0.0 if number < 50 else 3.0 * number  # half of them rest on one moment
        selector.add(looking(300.0 + number, [(seen, 0.9)], label, sure=0.95 if number % 3 else 0.75))
    kept = selector.selected()
    assert len(kept) == SHOWN
    assert sum(explained.past_frames[0].time == 0.0 for explained in kept) == 2
    assert all(explained.change > 0.4 for explained in kept)
    assert [one.moment.time for one in kept] == sorted(one.moment.time for one in kept)


def explained(count, context="wolf"):
    image = np.zeros((4, 4, 3), np.uint8)
    seen = tuple(PastFrame(50.0 - n, 0.5 / (n + 1), np.full((4, 4, 3), 255, np.uint8)) for n in range(count))
    return ExplainedMoment(looking(60.0, [], context), image, seen)


def test_the_picture_has_a_row_for_each_verdict_and_the_frames_in_it(tmp_path):
    one, two = (evidence_picture([explained(2)] * rows, CLASSES, "a.mp4") for rows in (1, 2))
    assert two.width == one.width
    row = two.height - one.height
    assert row > HIGH
    wide = evidence_picture([explained(2)], CLASSES, "a.mp4", aspect=16 / 9)
    assert wide.width - one.width == 3 * (round(HIGH * 16 / 9) - HIGH)
    assert (np.asarray(one) == 0).all(-1).sum() >= HIGH * HIGH  # the frame itself, black
    draw_evidence([explained(6, label) for label in CLASSES], tmp_path / "e.png", CLASSES, "long " * 300)
    with Image.open(tmp_path / "e.png") as picture:
        assert picture.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["e.png"]


@pytest.mark.parametrize("memory", ["attention", "memory-network", "gru+bank", "lstmn"])
def test_moments_say_what_they_looked_at(memory, monkeypatch):
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
    watcher = made(memory, window=6, **({"stride": 0.5} if memory == "gru+bank" else {}))
    plain, told = (list(watcher.watch(frames(40), evidence=query)) for query in (False, True))
    times = [moment.time for moment in told]
    for number, (one, other) in enumerate(zip(plain, told, strict=True)):
        np.testing.assert_allclose(other.context_probabilities, one.context_probabilities, atol=1e-6)
        assert one.evidence == ()
        seen = [piece.time for piece in other.evidence]
        assert set(seen) <= set(times[: number + 1])
        assert len(seen) <= 6
        weights = [piece.weight for piece in other.evidence]
        assert weights == sorted(weights, reverse=True)
        if memory in ("attention", "memory-network"):  # stick-breaking leaves a part to nothing
            assert 0 < sum(weights) <= 1 + 1e-6
        else:
            assert sum(weights) == pytest.approx(1, abs=0.05) or (memory == "lstmn" and number == 0)


@pytest.mark.parametrize("memory", ["gru", "none"])
def test_evidence_of_a_memory_that_cannot_say(memory):
    with pytest.raises(InputError, match=f"{memory} cannot say"):
        next(made(memory).watch(frames(2), evidence=True))
