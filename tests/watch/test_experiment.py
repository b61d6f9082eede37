import json
from dataclasses import replace

import numpy as np
import pytest

from tiny_experiment import TINY
from watch_reels import CLASSES
from wolfdog.errors import InputError
from wolfdog.labels import read_labels
from wolfdog.watch.evaluation.observers import IDEAL, IDEAL_GIVEN_CLASSIFIER, SNAPSHOT
from wolfdog.watch.evaluation.scores import Scores, write_scores
from wolfdog.watch.experiment import Airtime, run
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.progress import silent
from wolfdog.watch.training.settings import FrameClassifierTraining
from wolfdog.watch.training.trainer import OptimizerSettings


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("experiment")
    told = []

    def stages(title, total):
        told.append((title, total))
        return silent(title, total)

    return run(TINY, out, stages), out, told


def test_everyone_is_judged_on_the_whole_evening(done):
    outcome, _, _ = done
    judged = outcome.predictions
    assert set(judged.probabilities) == {SNAPSHOT, "gru", "elman", IDEAL, IDEAL_GIVEN_CLASSIFIER}
    assert judged.classes == CLASSES
    for said in judged.probabilities.values():
        assert said.shape == (240, 5)
        np.testing.assert_allclose(said.sum(-1), 1, atol=1e-6)
    programme = outcome.test_broadcast.programme
    assert np.array_equal(judged.truth, programme.label.T.ravel())
    assert outcome.seconds > 0


def test_everything_is_left_in_its_place(done):
    outcome, out, _ = done
    for part in ("classifier", "memory", "test"):
        folder = out / "television" / part
        assert {path.name for path in folder.iterdir()} == {
            "labels.csv",
            "world.toml",
            "tv-0000.mp4",
            "tv-0001.mp4",
        }
        assert set(read_labels(folder / "labels.csv")) == {"tv-0000.mp4", "tv-0001.mp4"}
    for memory, folder in outcome.watchers.items():
        watcher = Watcher.load(folder)
        assert watcher.config == TINY.config(memory)
        assert len(list(watcher.watch(outcome.test_broadcast.videos[0]))) == 120
    assert set(outcome.watchers) == {"none", "gru", "elman"}
    assert not list(out.rglob(".*")), "nothing half-written is left"


def test_saved_watchers_say_what_was_judged(done):
    outcome, _, _ = done
    for name, folder in (("gru", outcome.watchers["gru"]), (SNAPSHOT, outcome.watchers["none"])):
        moments = list(Watcher.load(folder).watch(outcome.test_broadcast.videos[0]))
        said = np.stack([moment.context_probabilities for moment in moments])
        np.testing.assert_allclose(said, outcome.predictions.probabilities[name][:120], atol=1e-5)


def test_every_stage_is_told(done):
    _, _, told = done
    titles = " / ".join(title for title, _ in told)
    for part in ("broadcasting", "training the frame classifier", "training", "watching the test broadcast"):
        assert part in titles
    assert all(total > 0 for _, total in told)


@pytest.mark.slow
def test_the_same_seed_gives_the_same(done, tmp_path):
    outcome, _, _ = done
    again = run(replace(TINY, memories=("gru",)), tmp_path)
    for name in (SNAPSHOT, "gru", IDEAL, IDEAL_GIVEN_CLASSIFIER):
        assert np.array_equal(
            again.predictions.probabilities[name], outcome.predictions.probabilities[name]
        ), name
    assert Scores.of(again.predictions).ambiguous["gru"] == Scores.of(outcome.predictions).ambiguous["gru"]


def test_scores_are_written(done, tmp_path):
    outcome, _, _ = done
    write_scores(tmp_path / "scores.json", [Scores.of(outcome.predictions, TINY.seed)], {})
    whole = json.loads((tmp_path / "scores.json").read_text())
    assert set(whole["memories"]) == {SNAPSHOT, "gru", "elman"}
    assert whole["seed"] == TINY.seed
    assert sum(whole["counts"]) <= int(outcome.predictions.ambiguous.sum())


@pytest.mark.parametrize("wrong", [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_airtime_of_nothing_is_refused(wrong):
    with pytest.raises(InputError, match="airtime"):
        Airtime(*wrong)


def test_footage_that_lacks_what_the_world_shows_is_told(tmp_path):
    """The error of a memory's objective, in a process of its own, reaches the caller."""
    short = replace(
        TINY,
        memory_training=Airtime(1, 0.02),
        frame_classifier=FrameClassifierTraining(OptimizerSettings(1, 3e-3), batch=2),
    )
    with pytest.raises(InputError, match="no labelled shot shows"):
        run(short, tmp_path)
