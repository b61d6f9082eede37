"""Any-class memory: its form, its streaming, and its file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from any_class_networks import context, network, random_table
from wolfdog.errors import CheckpointError, InputError, ShapeError
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass, AnyClassMemory, any_class
from wolfdog.watch.smoothing.any_class_file import load_network, save_network
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig, AnyClassNetwork
from wolfdog.watch.smoothing.batch import as_batch, predict
from wolfdog.watch.smoothing.pretraining import Pretraining, _second_animal, pretrain
from wolfdog.watch.smoothing.simulation import simulate
from wolfdog.watch.smoothing.world import TRAINED


@pytest.mark.parametrize("pooling", ["mean", "weighted", "attention"])
def test_cells_run_as_kernels(pooling: Any) -> None:
    made = network(pooling=pooling)
    assert made.forwards.backend == made.backwards.backend == "llvm"


@pytest.mark.parametrize("ahead", [False, True])
def test_untrained_network_leaves_the_classifier(ahead: bool) -> None:
    table = random_table(1, 8)
    fresh = AnyClass(network=AnyClassNetwork())
    np.testing.assert_allclose(context(fresh, table, ahead), table.probabilities, atol=1e-5)


@given(
    seed=st.integers(0, 99),
    frames=st.integers(1, 9),
    classes=st.integers(2, 5),
    known=st.booleans(),
    times=st.booleans(),
    prudence=st.sampled_from([0.0, 1.5]),
)
@settings(max_examples=15, deadline=None)
def test_steps_give_the_numbers_of_the_sequence(
    seed: int, frames: int, classes: int, known: bool, times: bool, prudence: float
) -> None:
    table, made = random_table(seed, frames, classes, known), network(seed, times=times)
    whole = context(AnyClass(network=made, prudence=prudence), table)
    np.testing.assert_allclose(whole.sum(-1), 1, atol=1e-5)
    memory = AnyClassMemory(classes, table.blank_index, network=made, prudence=prudence)
    for frame in range(frames):
        rows = np.flatnonzero(table.frame == frame)
        said = memory.step(
            table.probabilities[rows],
            seconds=float(table.time[rows[0]]),
            confidence=table.confidence[rows],
            spread=table.spread[rows],
        )
        np.testing.assert_allclose(said, whole[rows], atol=2e-5)


@pytest.mark.parametrize("ahead", [False, True])
def test_prudence_holds_the_classifier_s_labels(ahead: bool) -> None:
    table = random_table(4, 40)
    p = table.probabilities
    free, firm = (context(AnyClass(network=network(), prudence=amount), table, ahead) for amount in (0, 1.5))
    second, first = np.sort(p)[:, -2:].T
    top = p.argmax(1)[:, None]
    logits = np.log(free)
    np.put_along_axis(
        logits, top, np.take_along_axis(logits, top, 1) + 1.5 * (1 - second / first)[:, None], 1
    )
    expected = np.exp(logits)
    np.testing.assert_allclose(firm, expected / expected.sum(1, keepdims=True), atol=1e-5)
    assert AnyClass(prudence=1.5).described().endswith("prudence=1.5, ahead=False)")


@pytest.mark.parametrize("ahead", [False, True])
def test_long_streams_in_chunks_give_the_same(monkeypatch: pytest.MonkeyPatch, ahead: bool) -> None:
    table, method = random_table(3, 11), AnyClass(network=network())
    whole = context(method, table, ahead)
    for chunk, kept in ((1, 10**6), (3, 10**6), (1, 0), (4, 0), (11, 0)):
        monkeypatch.setattr(any_class, "_CHUNK", chunk)
        monkeypatch.setattr(any_class, "_KEPT", kept)
        np.testing.assert_allclose(context(method, table, ahead), whole, atol=1e-5)


def test_causal_form_reads_no_later_frame_and_the_other_does() -> None:
    table, method = random_table(2, 10), AnyClass(network=network())
    first = table.take(table.frame < 5)
    np.testing.assert_allclose(context(method, table)[: len(first)], context(method, first), atol=1e-5)
    assert np.abs(context(method, table, True)[: len(first)] - context(method, first, True)).max() > 1e-3


@pytest.mark.parametrize("ahead", [False, True])
def test_order_of_the_classes_does_not_matter(ahead: bool) -> None:
    table, method = random_table(1, 7), AnyClass(network=network())
    order = [2, 0, 3, 1]
    turned = Predictions.from_columns(
        [table.classes[k] for k in order],
        table.probabilities[:, order],
        **{name: getattr(table, name) for name in ("time", "frame", "media", "detection", "confidence")},
        spread=table.spread,
        blank=table.blank,
    )
    np.testing.assert_allclose(
        context(method, turned, ahead), context(method, table, ahead)[:, order], atol=1e-5
    )


def test_every_input_is_read() -> None:
    table, method = random_table(1, 6), AnyClass(network=network())
    base = context(method, table)
    for change in (
        {"time": table.time * 3},
        {"time": np.full(len(table), np.nan)},
        {"confidence": np.full(len(table), 0.9)},
        {"spread": np.full(len(table), 0.5)},
        {"blank": None},
    ):
        columns = {
            name: getattr(table, name)
            for name in ("time", "frame", "media", "detection", "confidence", "spread", "blank")
        }
        other = Predictions.from_columns(table.classes, table.probabilities, **(columns | change))
        assert np.abs(context(method, other) - base).max() > 1e-4, change


@pytest.mark.parametrize("tracks", [1, 2])
@pytest.mark.parametrize("ahead", [False, True])
def test_training_reads_what_the_method_reads(tracks: int, ahead: bool) -> None:
    rng = np.random.default_rng(5)
    streams = [simulate(3, 9, 4, rng, TRAINED)]
    streams += [_second_animal(streams[0], rng, TRAINED)] * (tracks - 1)
    made = network()
    batch = as_batch(streams, streams[0].world.has_blank)
    with torch.no_grad():
        y, _ = made.states(batch.frames)
        y = torch.cat((y, made.states_ahead(batch.frames_back)[0]), -1) if ahead else y
        trained = predict(made, batch, y, ahead=ahead).exp().numpy()
    for n in range(3):
        present = (batch.labels[:, n] >= 0).numpy()
        frame, track = np.nonzero(present)
        table = Predictions.from_columns(
            ["blank", "a", "b", "c"],
            np.exp(np.stack([one.log_probabilities[:, n] for one in streams], 1))[present],
            time=np.cumsum(streams[0].seconds[:, n])[frame],
            frame=frame,
            media="a",
            detection=track,
            confidence=np.stack([one.confidence[:, n] for one in streams], 1)[present],
            spread=np.stack([one.spread[:, n] for one in streams], 1)[present],
            blank="blank" if streams[0].world.has_blank[n] else None,
        )
        np.testing.assert_allclose(
            context(AnyClass(network=made), table, ahead), trained[:, n][present], atol=1e-3
        )


def test_file_returns_the_network(tmp_path: Path) -> None:
    made, path = network(pooling="weighted", times=False), tmp_path / "a.safetensors"
    save_network(path, made, {"seed": 3})
    again = load_network(path)
    assert again.config == made.config
    table = random_table(1, 5)
    np.testing.assert_array_equal(
        context(AnyClass(network=again), table), context(AnyClass(network=made), table)
    )


def test_damaged_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_network(path, network())
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    with pytest.raises(CheckpointError):
        load_network(path)
    path.write_bytes(whole)
    tensors = load_file(path)
    metadata = {"kind": "wolfdog any-class memory"}
    for notes in ('{"config": {"width": 7}}', '{"config": {"width": "6"}}', '{"config": {"depth": 6}}', "{}"):
        save_file(tensors, path, metadata | {"notes": notes})
        with pytest.raises(CheckpointError, match="do not fit"):
            load_network(path)
    tensors["temperature"][0] = torch.nan
    notes = '{"config": {"width": 6, "pooling": "attention", "times": true}}'
    save_file(tensors, path, metadata | {"notes": notes})
    with pytest.raises(CheckpointError, match="finite"):
        load_network(path)
    save_file(tensors, path, {"kind": "another", "notes": notes})
    with pytest.raises(CheckpointError, match="expected"):
        load_network(path)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: AnyClassConfig(width=0), InputError, "width"),
        (lambda: AnyClassConfig(pooling="sum"), InputError, "pooling"),  # type: ignore[arg-type]
        (lambda: AnyClassMemory(3, blank=3), InputError, "blank"),
        (lambda: AnyClassMemory(3, prudence=-1), InputError, "prudence"),
        (lambda: AnyClass(prudence=float("nan")), InputError, "prudence"),
        (lambda: AnyClassMemory(3).step([[0.5, 0.5]]), ShapeError, "3"),
        (lambda: AnyClassMemory(2).step([[0.5, 0.5]], confidence=[1, 1]), ShapeError, "confidence"),
        (lambda: Pretraining(steps=0, ahead_steps=0), InputError, "step"),
        (lambda: Pretraining(rows=0), InputError, "row"),
        (lambda: pretrain(Pretraining(steps=0, ahead_steps=1)), InputError, "new network"),
        (lambda: Pretraining(harm=-1), InputError, "'harm' must be 0 or more"),
        (lambda: Pretraining(ahead_harm=float("nan")), InputError, "'ahead_harm' must be 0 or more"),
        (lambda: Pretraining(classes=(1, 3)), InputError, "classes"),
    ],
)
def test_wrong_arguments_are_refused(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
