"""Several contexts trained in step: the weights of each training by itself, from streams that are drawn once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tolerances import assert_same
from watch_reels import CLASSES, busy_world, shown
from wolfdog.errors import InputError
from wolfdog.watch.data.remixed_streams import RemixedStreams
from wolfdog.watch.data.shared_streams import SharedStreams
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.training.in_step import TOGETHER, groups_in_step, train_in_step
from wolfdog.watch.training.jobs import ContextJob
from wolfdog.watch.training.settings import ContextTraining
from wolfdog.watch.training.trainer import OptimizerSettings

FOOTAGE = shown(busy_world(), 100, 2)


def job(memory, *, steps=6, rate=1e-2, **changes):
    config = WatcherConfig(CLASSES, 5.0, embedding=FOOTAGE[0].events.shape[1], hidden=4, memory=memory)
    plan = ContextTraining(OptimizerSettings(steps, rate), chunk=5, streams=3, cut=busy_world())
    return replace(ContextJob(config, FOOTAGE, plan, 0), **changes)


def test_weights_are_those_of_each_training_by_itself(monkeypatch):
    jobs = {"lstm": job("lstm"), "gru": job("gru", rate=3e-3), "attention": job("attention")}
    drawn, told = [], []
    draw = RemixedStreams.draw
    monkeypatch.setattr(RemixedStreams, "draw", lambda self, *a: drawn.append(a) or draw(self, *a))
    trained = train_in_step(jobs, lambda name, made: told.append((name, made.step)))
    assert len(drawn) == 6
    assert told == [(name, step) for step in range(1, 7) for name in jobs]
    for name, one in jobs.items():
        assert not trained[name].training
        for key, value in one.run().state_dict().items():
            assert_same(trained[name].state_dict()[key], value)


def test_random_numbers_are_those_of_each_training_by_itself(monkeypatch):
    """A memory with dropout would draw from the generator that all trainings of a process share."""
    from wolfdog.watch.model.context import Context

    def noisy(self, embeddings, state=None, resets=None, times=None, query=slice(None)):
        remembered, state = self.memory(embeddings, state, resets=resets, times=times, query=query)
        return self.head(nn.functional.dropout(remembered, 0.5)), state

    monkeypatch.setattr(Context, "forward", noisy)
    jobs = {"lstm": job("lstm"), "gru": job("gru")}
    trained = train_in_step(jobs, lambda name, made: None)
    for name, one in jobs.items():
        for key, value in one.run().state_dict().items():
            assert_same(trained[name].state_dict()[key], value)


def test_jobs_on_other_streams_are_not_grouped(tmp_path):
    jobs = {
        "a": job("lstm"),
        "other rate": job("lstm", rate=1e-3),
        "other seed": job("lstm", seed=1),
        "other length": job("lstm", steps=7),
        "checkpoint": job("lstm", checkpoint=tmp_path / "x"),
        "other footage": job("lstm", footage=list(FOOTAGE)),
    }
    assert [set(group) for group in groups_in_step(jobs, 1)] == [
        {"a", "other rate"},
        {"other seed"},
        {"other length"},
        {"checkpoint"},
        {"other footage"},
    ]


@pytest.mark.parametrize(
    ("count", "workers", "sizes"), [(6, 2, [3, 3]), (6, 4, [2, 2, 1, 1]), (2, 8, [1, 1])]
)
def test_groups_keep_processes_busy(count, workers, sizes):
    jobs = {str(number): job("gru") for number in range(count)}
    groups = groups_in_step(jobs, workers)
    assert sorted(map(len, groups), reverse=True) == sizes
    assert sorted(name for group in groups for name in group) == sorted(jobs)
    assert max(map(len, groups_in_step({str(n): job("gru") for n in range(13)}, 1))) == TOGETHER


def test_readers_out_of_step_are_refused():
    streams = RemixedStreams(FOOTAGE, CLASSES, busy_world(), 3, 0)
    shared = SharedStreams(streams)
    one, other = shared.reader(), shared.reader()
    first = one.draw(4, 0.0)
    with pytest.raises(InputError, match="in step"):
        one.draw(4, 0.1)
    with pytest.raises(InputError, match="in step"):
        other.draw(5, 0.0)
    assert other.draw(4, 0.0) is first
    assert np.any(torch.ne(one.draw(4, 0.1).events, first.events).numpy())
