"""Contributions are those of the definition, and gradients are gradients."""

import numpy as np
import pytest
import torch

from wolfdog.errors import InputError
from wolfdog.watch.counterfactuals.frames import Frames
from wolfdog.watch.counterfactuals.memory import frames_memory
from wolfdog.watch.explanation import leave_one_out as module
from wolfdog.watch.explanation.gradients import gradient_contributions
from wolfdog.watch.explanation.leave_one_out import (
    by_separate_runs,
    leave_one_out,
    leave_runs_out,
    log_odds,
    nearest_first,
)
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass, HiddenMarkov
from wolfdog.watch.smoothing.method import Stream
from wolfdog.watch.world_memory.method import WorldMemory

CLASSES = ["wolf", "dog", "bear", "goldfish", "unknown"]
FORMS = [(AnyClass(), False), (AnyClass(), True), (WorldMemory(), False)]


def stream(frames=8, seed=0, timed=True):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(5, 0.4), frames)
    time = rng.exponential(3.0, frames).cumsum() if timed else None
    return Stream(Predictions.from_columns(CLASSES, p, time=time, blank="unknown"))


@pytest.mark.parametrize(("method", "ahead"), FORMS)
@pytest.mark.parametrize("frame", [0, 5, 7])
def test_contributions_are_those_of_separate_runs(method, ahead, frame):
    whole = stream()
    found = leave_one_out(method, whole, frame, ahead=ahead)
    label = int(method.of_stream(whole, ahead=ahead)[frame].argmax())
    part = whole if ahead else Stream(whole.table.take(slice(0, frame + 1)))
    others = [s for s in range(len(part.first)) if s != frame]
    slow = by_separate_runs(method, part, frame, [(s, s + 1) for s in others], label=label, ahead=ahead)
    np.testing.assert_allclose(found[others], slow, atol=1e-4)
    assert np.isnan(found[frame])
    if not ahead:
        assert (found[frame + 1 :] == 0).all()


@pytest.mark.parametrize(("method", "ahead"), [*FORMS, (HiddenMarkov(), False)])
def test_runs_are_left_out_together(method, ahead):
    whole = stream(frames=12, seed=3)
    snapshot = whole.p.argmax(1)
    runs = leave_runs_out(method, whole, 9, label=0, ahead=ahead)
    covered = [s for run in runs for s in range(run.first, run.last + 1)]
    assert covered == [s for s in range(12 if ahead else 9) if s != 9]
    assert all((snapshot[run.first : run.last + 1] == run.label).all() for run in runs)
    part = whole if ahead else Stream(whole.table.take(slice(0, 10)))
    spans = [(run.first, run.last + 1) for run in runs]
    slow = by_separate_runs(method, part, 9, spans, label=0, ahead=ahead)
    np.testing.assert_allclose([run.contribution for run in runs], slow, atol=1e-4)


def test_batches_change_nothing(monkeypatch):
    whole = stream()
    found = leave_one_out(AnyClass(), whole, 6)
    monkeypatch.setattr(module, "_BATCH", 1)
    np.testing.assert_allclose(leave_one_out(AnyClass(), whole, 6), found, atol=1e-5)


@pytest.mark.parametrize(("method", "ahead"), FORMS)
def test_gates_pass_frames_by(method, ahead):
    """Without times nothing but its own step is left of a frame: a gate of 0 is leaving it out."""
    whole = stream(timed=False)
    memory = frames_memory(method, classes=whole.table.classes, blank=whole.blank)
    frames, frame = Frames.of(whole), 5
    with torch.no_grad():
        opened = memory.gated(frames, frame, torch.ones(8), ahead=ahead).exp().numpy()
        np.testing.assert_allclose(opened, method.of_stream(whole, ahead=ahead)[frame], atol=2e-6)
        for s in (0, 4, 6):
            if s > frame and not ahead:
                continue
            shut = memory.gated(frames, frame, (torch.arange(8) != s).float(), ahead=ahead).exp().numpy()
            rest = Stream(whole.table.take(np.delete(np.arange(8), s)))
            expected = method.of_stream(rest, ahead=ahead)[frame - (s < frame)]
            np.testing.assert_allclose(shut, expected, atol=2e-6)


@pytest.mark.parametrize(("method", "ahead"), FORMS)
def test_gradients_are_those_of_the_gates(method, ahead):
    whole = stream()
    memory = frames_memory(method, classes=whole.table.classes, blank=whole.blank)
    found = gradient_contributions(method, whole, 5, label=1, ahead=ahead)
    last, step = 8 if ahead else 6, 2e-2
    frames = Frames.of(Stream(whole.table.take(slice(0, last))))
    for s in range(last):
        if s == 5:
            continue
        values = []
        for sign in (1, -1):
            gates = torch.ones(last)
            gates[s] += sign * step
            with torch.no_grad():
                values.append(float(log_odds(memory.gated(frames, 5, gates, ahead=ahead), 1)))
        assert found[s] == pytest.approx((values[0] - values[1]) / (2 * step), rel=0.02, abs=2e-4)


def test_what_has_no_gradients_is_told():
    with pytest.raises(InputError, match="hmm has no gradients"):
        gradient_contributions(HiddenMarkov(), stream(), 3)
    with pytest.raises(InputError, match="frame must be from 0 to 7"):
        leave_one_out(AnyClass(), stream(), 8)


@pytest.mark.parametrize(("method", "ahead"), [*FORMS, (HiddenMarkov(), True)])
def test_the_nearest_count_first(method, ahead):
    whole = stream(frames=12, seed=3)
    runs = nearest_first(method, whole, 7, label=0, ahead=ahead)
    part = whole if ahead else Stream(whole.table.take(slice(0, 8)))
    for run in runs:  # with the run and without it, of what is left when all that is farther is left out
        without = (
            [(0, run.first), (0, run.last + 1)] if run.last < 7 else [(run.last + 1, 12), (run.first, 12)]
        )
        with_run, alone = by_separate_runs(method, part, 7, without, label=0, ahead=ahead)
        assert run.contribution == pytest.approx(alone - with_run, abs=1e-4)
    total = by_separate_runs(method, part, 7, [(0, 7)], label=0, ahead=ahead)[0]
    assert sum(run.contribution for run in runs if run.last < 7) == pytest.approx(total, abs=1e-4)


def test_of_two_that_say_the_same_the_nearer_counts():
    say, nothing = [0.9, 0.1], [0.45, 0.55]
    p = [nothing, say, say, nothing, say, say, nothing, nothing]
    seen = Stream(Predictions.from_columns(["wolf", "dog"], p, time=np.arange(8)))
    runs = {run.first: run.contribution for run in nearest_first(HiddenMarkov(stay=0.99), seen, 7, label=0)}
    assert runs[4] > runs[1] > 0.01
