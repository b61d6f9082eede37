import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save

import wolfdog as wd
from objectives import FRAMES, LESSONS, STEPS, trainer
from tolerances import assert_same
from wolfdog.errors import CheckpointError, InputError
from wolfdog.watch.model.frame_classifier import FrameClassifier
from wolfdog.watch.training.objectives import FrameObjective
from wolfdog.watch.training.trainer import OptimizerSettings, Trainer


def weights(one):
    return {key: value.clone() for key, value in one.objective.module.state_dict().items()}


def assert_same_weights(actual, expected):
    assert actual.keys() == expected.keys()
    for name in expected:
        assert_same(actual[name], expected[name])


class KilledError(Exception):
    pass


def killed_after(step):
    def report(made):
        if made.step == step:
            raise KilledError

    return report


@pytest.mark.parametrize("name", LESSONS)
def test_a_killed_run_goes_on_to_the_same_weights(name, tmp_path):
    whole = trainer(name)
    whole.run()
    expected = weights(whole)
    for saved in range(1, STEPS):  # a checkpoint at that step, and the kill at the next or the one after
        path = tmp_path / f"{saved}.safetensors"
        with pytest.raises(KilledError):
            trainer(name).run(killed_after(min(saved + 1 + saved % 2, STEPS)), path, every=saved)
        again = trainer(name)
        torch.manual_seed(1234 + saved)  # nothing may hang on the global random numbers after the beginning
        np.random.seed(saved)
        torch.rand(3)
        told = []
        again.run(told.append, path, every=2)
        assert told[0].step > 1, "it did not begin from the checkpoint"
        assert told[-1].step == STEPS
        assert_same_weights(weights(again), expected)
        assert not again.objective.module.training


def test_the_comparison_of_weights_sees_a_difference():
    expected = weights(trainer("classifier"))
    changed = dict(expected, **{"snapshot.bias": expected["snapshot.bias"] + 1e-7})
    with pytest.raises(AssertionError):
        assert_same_weights(changed, expected)
    with pytest.raises(AssertionError):
        assert_same_weights({}, expected)


def test_a_resumed_run_needs_what_is_carried(tmp_path):
    """Without the streams' place, the weights would differ: the test above can fail."""
    whole = trainer("recut-lstm")
    whole.run()
    path = tmp_path / "a.safetensors"
    with pytest.raises(KilledError):
        trainer("recut-lstm").run(killed_after(4), path, every=3)
    again = trainer("recut-lstm")
    again.objective.load_state_dict = lambda tensors, notes: None
    again.run(checkpoint=path)
    with pytest.raises(AssertionError):
        assert_same_weights(weights(again), weights(whole))


def test_a_finished_run_is_taken_as_it_is(tmp_path):
    path = tmp_path / "a.safetensors"
    first = trainer("footage-elman")
    first.run(checkpoint=path, every=4)
    again, told = trainer("footage-elman"), []
    again.run(told.append, path)
    assert told == []
    assert_same_weights(weights(again), weights(first))


def test_steps_are_reported_and_saved(tmp_path):
    told = []
    trainer("classifier").run(told.append)
    assert [(made.step, made.steps) for made in told] == [(n, STEPS) for n in range(1, STEPS + 1)]
    assert all(made.loss > 0 for made in told)
    with pytest.raises(InputError, match="every"):
        trainer("classifier").run(checkpoint=tmp_path / "a", every=0)


def test_training_learns():
    torch.manual_seed(0)
    told = []
    objective = FrameObjective(FrameClassifier(3, width=4, embedding=8), FRAMES, batch=16, seed=3)
    Trainer(objective, OptimizerSettings(40, 1e-2), {}).run(lambda made: told.append(made.loss))
    assert np.mean(told[-5:]) < 0.2 * np.mean(told[:5])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("training") / "a.safetensors"
    with pytest.raises(KilledError):
        trainer("recut-lstm").run(killed_after(4), path, every=3)
    return path


def test_another_training_is_refused_and_the_difference_told(checkpoint):
    other = trainer("recut-lstm", {"what": "recut-lstm", "config": {"hidden": 5}})
    with pytest.raises(CheckpointError, match=r"another training \(config.hidden was None, is 5\)"):
        other.resume(checkpoint)
    with pytest.raises(CheckpointError, match=r"plan.steps was 6, is 7"):
        trainer("recut-lstm", steps=7).resume(checkpoint)


def test_weights_of_another_lesson_are_refused(checkpoint):
    with pytest.raises(CheckpointError, match="does not fit this training"):
        trainer("recut-gru", {"what": "recut-lstm"}).resume(checkpoint)


def test_what_is_no_checkpoint_is_refused(checkpoint, tmp_path):
    for content in (b"", b"\x00" * 200, checkpoint.read_bytes()[:-20], save({"a": torch.ones(2)})):
        path = tmp_path / "other"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="other"):
            trainer("recut-lstm").run(checkpoint=path)
    with pytest.raises(CheckpointError, match="no such file"):
        trainer("recut-lstm").resume(tmp_path / "none")


def rewritten(path, out, tensors=None, notes=None):
    """The checkpoint with some tensors and notes changed."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    kept = load_file(path) | (tensors or {})
    kept = {name: value for name, value in kept.items() if value is not None}
    metadata["notes"] = json.dumps(json.loads(metadata["notes"]) | (notes or {}))
    out.write_bytes(save(kept, metadata))
    return out


def test_a_rewritten_checkpoint_is_still_one(checkpoint, tmp_path):
    one = trainer("recut-lstm")
    one.resume(rewritten(checkpoint, tmp_path / "a"))
    assert one.step == 3


@pytest.mark.parametrize(
    "change",
    [
        {"tensors": {"adam.0.exp_avg": torch.ones(3)}},
        {"tensors": {"adam.0.exp_avg": None}},
        {"tensors": {"adam.77.step": torch.ones(())}},
        {"tensors": {"adam.x.step": torch.ones(())}},
        {"tensors": {"carried.state.0": None}},
        {"tensors": {"module.head.bias": torch.ones(3)}},
        {"notes": {"objective": None}},
        {"notes": {"objective": {}}},
        {"notes": {"step": "soon"}},
        {"notes": {"step": 1e999}},
        {"notes": {"step": -1}},
        {"notes": {"step": STEPS + 1}},
    ],
    ids=str,
)
def test_a_checkpoint_that_does_not_fit_is_refused(checkpoint, tmp_path, change):
    with pytest.raises(CheckpointError, match="does not fit"):
        trainer("recut-lstm").resume(rewritten(checkpoint, tmp_path / "a", **change))


@given(st.data())
def test_bytes_flipped_in_the_header_are_never_another_error(checkpoint, tmp_path_factory, data):
    content = bytearray(checkpoint.read_bytes())
    end = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    path.write_bytes(content)
    one = trainer("recut-lstm")
    try:
        one.resume(path)
    except CheckpointError:
        return
    one.advance()  # what was taken can be gone on from


def test_a_checkpoint_is_never_half_written(checkpoint, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    one = trainer("recut-lstm")
    one.save(path)
    before = path.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    one.advance()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        one.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_learning_rate_is_held_and_then_falls():
    plan = OptimizerSettings(100, 0.4)
    rates = [plan.rate(step) for step in range(100)]
    assert set(rates[:51]) == {0.4}
    assert all(a > b for a, b in itertools.pairwise(rates[50:]))
    assert 0 < rates[-1] < 0.001


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"learning_rate": -1.0}, {"clip": float("nan")}])
def test_a_plan_of_nothing_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        OptimizerSettings(**({"steps": 1, "learning_rate": 0.1} | wrong))


def test_weight_decay_pulls_at_weights_and_peepholes_and_leaves_biases_and_scales_alone():
    class Still:
        """A objective whose gradient is zero: what moves is moved by the decay."""

        def __init__(self):
            memory = wd.cells.PeepholeLSTMCell(2, 2, peephole="diagonal")
            self.module = torch.nn.ModuleDict({"memory": memory, "scale": torch.nn.BatchNorm1d(2)})
            with torch.no_grad():
                for one in self.module.parameters():
                    one.copy_(1 + torch.rand_like(one))

        def loss(self, progress):
            return 0 * sum(one.sum() for one in self.module.parameters())

    objective = Still()
    before = {name: one.detach().clone() for name, one in objective.module.named_parameters()}
    Trainer(objective, OptimizerSettings(5, 0.01, weight_decay=0.1), {}).run()
    moved = {name for name, one in objective.module.named_parameters() if not torch.equal(one, before[name])}
    assert moved == {"memory.weight_ih", "memory.weight_hh", "memory.weight_ch"}
    assert all((objective.module.get_parameter(name).abs() < before[name].abs()).all() for name in moved)
    with pytest.raises(InputError, match="weight_decay"):
        OptimizerSettings(5, 0.01, weight_decay=-1.0)
