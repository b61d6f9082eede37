"""The model problem itself, on synthetic embeddings: what gated memories can learn, and in parallel the same."""

import os
import signal

import numpy as np
import pytest
import torch

from tolerances import assert_same
from watch_reels import CLASSES, busy_world, looked_at, shown
from wolfdog.errors import CheckpointError, WolfdogError
from wolfdog.tv import IdealObserver, Sampler, default_world
from wolfdog.watch.data.remixed_streams import RemixedStreams
from wolfdog.watch.evaluation.metrics import gap_table
from wolfdog.watch.evaluation.observers import remember
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.context import Context
from wolfdog.watch.training.jobs import ContextJob
from wolfdog.watch.training.objectives import ContextObjective
from wolfdog.watch.training.settings import ContextTraining
from wolfdog.watch.training.trainer import OptimizerSettings, Trainer
from wolfdog.watch.training.workers import train_contexts

E = 6
FAR = ((1, 10), (10, 30), (30, 100), (100, 300))
WORLD = default_world()


def short_of_ideal(said, programme):
    """In each bucket of gaps, how much less often right than the ideal observer on ambiguous moments."""

    def flat(values):
        return values.T.ravel()

    right = {
        "ideal": flat(IdealObserver(WORLD).perfect(programme).argmax(-1) == programme.label),
        "memory": np.concatenate([one.argmax(-1) for one in said]) == flat(programme.label),
    }
    table = gap_table(right, flat(programme.label), flat(programme.gap), flat(programme.ambiguous), FAR)
    assert min(table.counts) > 1000
    return np.subtract(table.accuracy["ideal"], table.accuracy["memory"])


@pytest.fixture(scope="module")
def test_broadcast():
    return Sampler(WORLD, 64, seed=99).draw(1200)


def test_a_gru_learns_the_model_problem(test_broadcast):
    torch.manual_seed(0)
    context = Context("gru", len(WORLD.labels), embedding=E, hidden=32)
    # Short deployments: many beginnings train much in little time.
    streams = RemixedStreams(shown(WORLD, 1200, 16, seed=1000), WORLD.labels, WORLD, 16, 0, deployment=1280.0)
    Trainer(ContextObjective(context, streams, 64), OptimizerSettings(400, 5e-3), {}).run()
    said = remember(context, looked_at(test_broadcast, seed=1))
    assert (short_of_ideal(said, test_broadcast) < 0.02).all()


def test_an_untaught_memory_is_far_from_it(test_broadcast):
    torch.manual_seed(0)
    said = remember(Context("gru", 5, embedding=E, hidden=32), looked_at(test_broadcast, seed=1))
    assert (short_of_ideal(said, test_broadcast) > 0.2).all()


def job(memory, seed=0, steps=6, **options):
    config = WatcherConfig(CLASSES, 5.0, embedding=E, hidden=4, memory=memory)
    plan = ContextTraining(OptimizerSettings(steps, 1e-2), chunk=5, streams=3, cut=busy_world())
    return ContextJob(config, shown(busy_world(), 100, 2), plan, seed, **options)


@pytest.mark.slow
def test_in_processes_the_weights_are_the_same_and_progress_is_told(tmp_path):
    jobs = {"a lstm": job("lstm"), "a gru": job("gru", checkpoint=tmp_path / "gru", save_every=4)}
    told = []
    trained = train_contexts(jobs, 2, lambda name, made: told.append((name, made.step, made.steps)))
    assert list(trained) == list(jobs)
    for name, context in trained.items():
        assert not context.training
        expected = job(context.memory.cell.__class__.__name__.removesuffix("Cell").lower()).run()
        for key, value in expected.state_dict().items():
            assert_same(context.state_dict()[key], value)
        assert [(step, steps) for told_name, step, steps in told if told_name == name] == [
            (n, 6) for n in range(1, 7)
        ]
    assert (tmp_path / "gru").is_file()


LONG = 10**9
"""Steps of a training that would outlast every test."""


def test_a_failing_job_s_error_ends_the_others_and_reaches_the_caller(tmp_path):
    (tmp_path / "broken").write_bytes(b"no checkpoint")
    jobs = {"good": job("gru", steps=LONG), "bad": job("lstm", checkpoint=tmp_path / "broken")}
    with pytest.raises(CheckpointError, match="broken"):
        train_contexts(jobs, 2, lambda name, made: None)


@pytest.mark.slow
def test_an_interrupt_ends_the_trainings():
    def interrupt(name, made):
        if made.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_contexts({"gru": job("gru", steps=LONG)}, 1, interrupt)


class Killed:
    """A job whose process is killed, as by a machine that runs out of memory."""

    def run(self, report):
        os.kill(os.getpid(), signal.SIGKILL)

    def reads_as(self, other):
        return False


def test_a_killed_process_is_told_in_our_words():
    with pytest.raises(WolfdogError, match="a process that trained a memory \\(gru\\) was killed"):
        train_contexts({"gru": Killed()}, 1, lambda name, made: None)
