"""Training on verified labels."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from wolfdog.errors import CheckpointError, InputError
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass
from wolfdog.watch.smoothing.class_head import ClassHead
from wolfdog.watch.smoothing.fit import Fitting, fit_memory
from wolfdog.watch.smoothing.temperature import fit_temperature
from wolfdog.watch.smoothing.trained import Heads, TrainedMemory
from wolfdog.watch.smoothing.trained_file import load_trained, save_trained

QUICK = Fitting(epochs=25, folds=2, width=24, rate=0.01, dropout=0.1)


def procedure(
    streams: int, frames: int, seed: int, rows: int = 1
) -> tuple[Predictions, np.ndarray[Any, Any]]:
    """Streams whose labels follow each other in one order, and a classifier that takes 3 for 0."""
    rng = np.random.default_rng(seed)
    labels = np.stack([(np.arange(frames) // 5 + start) % 4 for start in rng.integers(0, 4, streams)])
    seen = np.where((labels == 3) & (rng.random(labels.shape) < 0.6), 0, labels)
    logits = 1.5 * np.eye(4)[seen] + rng.normal(size=(streams, frames, 4))
    p = np.exp(logits.reshape(-1, 4)).repeat(rows, 0)
    table = Predictions.from_columns(
        list("abcd"),
        p / p.sum(-1, keepdims=True),
        deployment=np.array([f"stream {i}" for i in range(streams)], object).repeat(frames * rows),
        frame=np.tile(np.arange(frames).repeat(rows), streams),
        detection=np.tile(np.arange(rows), streams * frames),
    )
    return table, labels.ravel().repeat(rows)


def right(method: Any, table: Predictions, labels: np.ndarray[Any, Any], ahead: bool) -> float:
    return float((method.smooth(table, ahead=ahead).labels(context=True) == labels).mean())


@pytest.fixture(scope="module")
def fitted() -> TrainedMemory:
    table, labels = procedure(10, 60, 0)
    return fit_memory(table, labels, options=QUICK)


@pytest.mark.parametrize("ahead", [False, True])
def test_training_learns_what_the_any_class_memory_cannot_know(fitted: TrainedMemory, ahead: bool) -> None:
    table, labels = procedure(6, 60, 1)
    before, after = right(AnyClass(), table, labels, ahead), right(fitted, table, labels, ahead)
    assert after > before + 0.1
    context = fitted.smooth(table, ahead=ahead).context
    assert context is not None
    np.testing.assert_allclose(context.sum(-1), 1, atol=1e-5)


def test_causal_form_reads_no_later_frame(fitted: TrainedMemory) -> None:
    table, _ = procedure(1, 20, 2)
    whole, first = (fitted.smooth(one).context for one in (table, table.take(slice(0, 9))))
    assert whole is not None
    assert first is not None
    np.testing.assert_allclose(whole[:9], first, atol=1e-5)


def test_labels_of_part_of_the_rows_and_several_rows_a_frame() -> None:
    table, labels = procedure(6, 30, 3, rows=2)
    known = np.where(np.arange(len(labels)) % 3 == 0, -1, labels)
    options = Fitting(epochs=8, folds=2, width=8, rate=0.01)
    one = fit_memory(table, known, options=options)
    again = fit_memory(table, known, options=options)
    assert right(one, table, labels, False) > right(AnyClass(), table, labels, False)
    np.testing.assert_array_equal(one.smooth(table).context, again.smooth(table).context)


def test_random_labels_leave_the_memory_untrained() -> None:
    table, labels = procedure(4, 30, 4)
    shuffled = np.random.default_rng(0).permutation(labels)
    notes: list[tuple[str, int, float, float]] = []
    made = fit_memory(table, shuffled, options=Fitting(epochs=3, folds=2, width=4, rate=1e-9),
                      progress=lambda *note: notes.append(note))  # fmt: skip
    assert made.causal_heads.heads == made.ahead_heads.heads == ()
    np.testing.assert_array_equal(made.smooth(table).context, AnyClass().smooth(table).context)
    assert [note[:2] for note in notes] == [("causal", 0), ("causal", 1), ("ahead", 0), ("ahead", 1)]
    assert all(after <= before for _, _, before, after in notes)


def test_padding_does_not_reach_the_states() -> None:
    torch.manual_seed(0)
    head = ClassHead(3, width=5, ahead=True, dropout=0.0).eval()
    x = torch.randn(7, 2, 6)
    lengths = torch.tensor([7, 4])
    y = head.states(x, lengths)
    torch.testing.assert_close(y[:4, 1], head.states(x[:4, 1:])[:, 0])
    torch.testing.assert_close(y[:, 0], head.states(x[:, :1])[:, 0])


def test_wrong_labels_are_refused(fitted: TrainedMemory) -> None:
    table, labels = procedure(2, 10, 5)
    for wrong in (labels[:-1], labels + 1, labels - 2, labels * 1.0):
        with pytest.raises(InputError, match="labels must be"):
            fit_memory(table, wrong)
    with pytest.raises(InputError, match="at least 2 deployments"):
        fit_memory(table, np.where(table.deployment == "stream 0", labels, -1))
    with pytest.raises(InputError, match="trained for the classes a, b, c, d"):
        fitted.smooth(Predictions.from_columns(["a", "b"], [[0.5, 0.5]]))
    with pytest.raises(InputError, match="folds"):
        Fitting(folds=1)


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_temperature_is_found(scale: float) -> None:
    torch.manual_seed(0)
    logits = 2 * torch.randn(20_000, 4)
    labels = torch.distributions.Categorical(logits=logits).sample()
    labels[:10] = -1
    assert abs(fit_temperature(logits * scale, labels) / scale - 1) < 0.06
    assert fit_temperature(logits, torch.full((20_000,), -1)) == 1.0


def test_file_returns_the_memory(fitted: TrainedMemory, tmp_path: Path) -> None:
    table, _ = procedure(2, 20, 6)
    untrained = TrainedMemory(classes=fitted.classes, causal_heads=Heads((), 1.0), ahead_heads=Heads((), 1.0))
    for number, memory in enumerate((fitted, untrained)):
        path = tmp_path / f"{number}.safetensors"
        save_trained(path, memory, {"labels": 3})
        again = load_trained(path)
        for ahead in (False, True):
            np.testing.assert_array_equal(
                again.smooth(table, ahead=ahead).context, memory.smooth(table, ahead=ahead).context
            )


def test_damaged_files_are_refused(fitted: TrainedMemory, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_trained(path, fitted)
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    notes = json.loads(metadata["notes"])
    for change in (
        {"classes": ["a", "b"]},
        {"classes": 3},
        {"network": {"width": 10**9}},
        {"causal": notes["causal"] | {"heads": 99}},
        {"causal": notes["causal"] | {"width": -1}},
        {"ahead": notes["ahead"] | {"temperature": 0}},
        {"ahead": {}},
    ):
        save_file(tensors, path, metadata | {"notes": json.dumps(notes | change)})
        with pytest.raises(CheckpointError, match="do not fit"):
            load_trained(path)
    tensors["network/temperature"][0] = torch.inf
    save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match="finite"):
        load_trained(path)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError):
        load_trained(path)


def test_a_class_without_labels_keeps_the_classifier_s_probability(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 40)
    heads = Heads((ClassHead(3, width=4, ahead=False, dropout=0.0).eval(),), 1.0)
    whole = TrainedMemory(classes=("red", "green", "blue"), causal_heads=heads, ahead_heads=Heads((), 1.0))
    memory = replace(whole, unseen=("green",))
    table = Predictions.from_columns(whole.classes, p, time=np.arange(40) / 5)
    before, after = whole.smooth(table).context, memory.smooth(table).context
    np.testing.assert_allclose(after[:, 1], p[:, 1], atol=1e-6)
    np.testing.assert_allclose(after[:, 0] / after[:, 2], before[:, 0] / before[:, 2], rtol=1e-3)
    save_trained(tmp_path / "m.safetensors", memory)
    assert load_trained(tmp_path / "m.safetensors").unseen == ("green",)
    labels = np.where(np.arange(40) % 2, 0, 2)
    two = Predictions.from_columns(
        whole.classes, p, time=np.arange(40) / 5, deployment=["a"] * 20 + ["b"] * 20
    )
    assert fit_memory(two, labels, options=Fitting(epochs=1)).unseen == ("green",)
