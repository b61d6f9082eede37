"""Any-class memory: its form, its streaming, its file, and the network that comes with the package."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from wolfdog.errors import CheckpointError, InputError, ShapeError
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass, AnyClassMemory, any_class, pretraining
from wolfdog.watch.smoothing.any_class_file import PRETRAINED, load_network, pretrained_network, save_network
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig, AnyClassNetwork
from wolfdog.watch.smoothing.batch import Batch, as_batch, predict
from wolfdog.watch.smoothing.calibration import Bounds, _keeps, _predict, calibrate
from wolfdog.watch.smoothing.pretraining import Pretraining, _harm, _second_animal, batches, loss_of, pretrain
from wolfdog.watch.smoothing.simulation import simulate
from wolfdog.watch.smoothing.variation import Variation, vary
from wolfdog.watch.smoothing.world import EXACT, TRAINED, WIDER, draw_world


def network(seed: int = 0, **config: Any) -> AnyClassNetwork:
    """Small network with weights that change what is put in."""
    torch.manual_seed(seed)
    made = AnyClassNetwork(AnyClassConfig(**({"width": 6} | config)))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def random_table(seed: int, frames: int, classes: int = 4, known: bool = True) -> Predictions:
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(frames), rng.integers(1, 4, frames))
    seconds = np.cumsum(rng.exponential(10, frames)).round(2)
    return Predictions.from_columns(
        [f"class {k}" for k in range(classes)],
        rng.dirichlet(np.ones(classes), len(frame)),
        time=seconds[frame] if known else np.full(len(frame), np.nan),
        frame=frame,
        media="a.mp4",
        detection=np.concatenate([np.arange(n) for n in np.bincount(frame)]),
        confidence=np.where(rng.random(len(frame)) < 0.5, np.nan, rng.random(len(frame))),
        spread=rng.random(len(frame)) * 0.3,
        blank="class 0" if seed % 2 else None,
    )


def context(method: AnyClass, table: Predictions, ahead: bool = False) -> np.ndarray[Any, Any]:
    found = method.smooth(table, ahead=ahead).context
    assert found is not None
    return found


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
)
@settings(max_examples=15, deadline=None)
def test_steps_give_the_numbers_of_the_sequence(
    seed: int, frames: int, classes: int, known: bool, times: bool
) -> None:
    table, made = random_table(seed, frames, classes, known), network(seed, times=times)
    whole = context(AnyClass(network=made), table)
    np.testing.assert_allclose(whole.sum(-1), 1, atol=1e-5)
    memory = AnyClassMemory(classes, table.blank_index, network=made)
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


def test_pretraining_learns_and_repeats() -> None:
    options = Pretraining(steps=40, ahead_steps=10, rows=64, frames=24, classes=(4, 4), rate=0.01)
    config = AnyClassConfig(width=8)
    made, again = (pretrain(options, config) for _ in range(2))
    for one, other in zip(made.state_dict().values(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    batch = next(batches(Pretraining(rows=512, frames=24, classes=(4, 4), seed=9, guard=0)))
    fresh = AnyClassNetwork(config)
    for ahead in (False, True):
        with torch.no_grad():
            after = loss_of(made, batch, options, ahead=ahead)
            before = loss_of(fresh, batch, options, ahead=ahead)
        assert after < before - 0.1


def test_without_steps_the_looking_ahead_form_stays_as_it_is() -> None:
    start = network(width=4)
    options = Pretraining(steps=2, ahead_steps=0, rows=16, frames=8, classes=(3, 3))
    made = pretrain(options, start=start)
    pairs = list(zip(start.causal_parameters(), made.causal_parameters(), strict=True))
    assert not any(torch.equal(before, after) for before, after in pairs[:4])
    table = random_table(3, 9)
    np.testing.assert_array_equal(
        context(AnyClass(network=made), table, True), context(AnyClass(network=start), table, True)
    )


def test_without_steps_the_causal_form_stays_as_it_is() -> None:
    start = network(width=4)
    options = Pretraining(steps=0, ahead_steps=2, rows=16, frames=8, classes=(3, 3))
    made = pretrain(options, start=start)
    assert made.config.separate
    for before, after in zip(start.causal_parameters(), made.causal_parameters(), strict=True):
        assert torch.equal(before, after)
    before_cells = [*start.forwards.parameters(), *start.ahead_parameters()]
    for before, after in zip(before_cells, made.ahead_parameters(), strict=True):
        assert before.shape == after.shape
    assert not torch.equal(made.forwards_ahead.cell.h.weight, start.forwards.cell.h.weight)
    table = random_table(3, 9)
    np.testing.assert_array_equal(
        context(AnyClass(network=made), table), context(AnyClass(network=start), table)
    )


def test_each_form_is_calibrated_within_bounds_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(
        pretraining, "calibrate", lambda network, held_out, bounds, forms: found.append((bounds, forms))
    )
    quick = Pretraining(steps=1, ahead_steps=1, rows=16, frames=8, classes=(3, 3))
    made = pretrain(quick, AnyClassConfig(width=4))
    assert found == [(None, (0,)), (pretraining.AHEAD_BOUNDS, (1,))]
    found.clear()
    pretrain(replace(quick, steps=0), start=made)
    assert found == [(pretraining.AHEAD_BOUNDS, (1,))]


def test_prudence_keeps_harm_within_its_bounds() -> None:
    bounds = Bounds(worst=0.1, rare=0.05, accurate=0.02)
    held_out = list(islice(batches(Pretraining(rows=96, frames=24, classes=(4, 4))), 4))
    made = AnyClassNetwork(AnyClassConfig(width=4))
    calibrate(made, held_out, Bounds(worst=0, rare=0, accurate=0))
    assert made.prudence.tolist() == [0, 0]  # an untrained network does no harm
    for readout, states in ((made.causal, 4), (made.ahead, 8)):
        with torch.no_grad():
            for parameter in readout.parameters():
                parameter.zero_()
            readout.own.weight[0, states + 2] = 1  # the feature of the most probable class
            readout.out.weight[0, 0] = -0.6  # which now loses that much
    calibrate(made, held_out, bounds)
    for form in (0, 1):
        prudence = round(float(made.prudence[form]), 1)
        assert 0 < prudence < 3
        with torch.no_grad():
            made.prudence[form], made.temperature[form] = 0, 1
            found = [_predict(made, batch, ahead=bool(form)) for batch in held_out]
        assert _keeps(bounds, found, held_out, prudence)
        assert not _keeps(bounds, found, held_out, prudence - 0.1)


def test_each_bound_of_harm_by_hand() -> None:
    """Ten frames of class 0 and one of class 1, all named rightly; the last is changed."""
    labels = torch.tensor([0] * 10 + [1]).reshape(11, 1, 1)
    log_p = (0.6 * torch.eye(3)[labels] + 0.2).log()
    log_q = log_p.clone()
    log_q[10, 0, 0] = torch.tensor([0.6, 0.2, 0.2]).log()
    nothing = torch.zeros(0)
    batch = Batch(labels, log_p, nothing, nothing, nothing)
    wide = Bounds(worst=1, rare=1, accurate=1)
    assert _keeps(wide, [log_q], [batch], 0.0)
    for name, harm in (("worst", 1 / 11), ("rare", 1.0), ("accurate", 1 / 11)):
        assert _keeps(replace(wide, **{name: harm + 1e-4}), [log_q], [batch], 0.0)
        assert not _keeps(replace(wide, **{name: harm - 1e-4}), [log_q], [batch], 0.0)
    lead = 1 - 0.25
    assert _keeps(Bounds(worst=0, rare=0, accurate=0), [log_q], [batch], float(np.log(3)) / lead + 0.01)


def test_loss_of_harm_by_hand() -> None:
    """Two classes that weigh the same: one frame that stays right, one that is changed, one that was wrong."""
    labels = torch.tensor([0, 0, 1]).reshape(3, 1, 1)
    log_p = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]).log().reshape(3, 1, 1, 2)
    log_q = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]]).log().reshape(3, 1, 1, 2)
    nothing = torch.zeros(0)

    def softplus(margin: float) -> float:
        return 0.3 * float(np.log1p(np.exp(-margin / 0.3)))

    expected = 0.25 * softplus(float(np.log(9))) + 0.5 * softplus(float(np.log(3 / 7)))
    found = _harm(log_q, Batch(labels, log_p, nothing, nothing, nothing))
    torch.testing.assert_close(found, torch.tensor([expected]))


def streams_as_table(ranges: Any, classes: int, seed: int) -> tuple[Predictions, np.ndarray[Any, Any]]:
    streams = simulate(24, 150, classes, np.random.default_rng(seed), ranges)
    _, N, K = streams.log_probabilities.shape
    parts = [
        Predictions.from_columns(
            ["blank", *map(str, range(1, K))],
            np.exp(streams.log_probabilities[:, n]),
            time=np.cumsum(streams.seconds[:, n]),
            deployment=str(n),
            confidence=streams.confidence[:, n],
            spread=streams.spread[:, n],
            blank="blank",
        )
        for n in range(N)
        if streams.world.has_blank[n]
    ]
    return Predictions.concat(parts), streams.labels[:, streams.world.has_blank].T.ravel()


@pytest.mark.parametrize(("ranges", "classes"), [(EXACT, 8), (WIDER, 30)])
def test_pretrained_memory_is_ahead_of_the_classifier(ranges: Any, classes: int) -> None:
    table, labels = streams_as_table(ranges, classes, 17)
    rows = np.arange(len(table))
    right = [(table.labels() == labels).mean()]
    loss = [-np.log(table.probabilities[rows, labels].clip(1e-12)).mean()]
    for ahead in (False, True):
        found = context(AnyClass(), table, ahead)
        right.append((found.argmax(-1) == labels).mean())
        loss.append(-np.log(found[rows, labels].clip(1e-12)).mean())
    assert right[0] + 0.01 < min(right[1:])
    assert loss[0] - 0.3 > loss[1] > loss[2]


@pytest.mark.parametrize("accurate", [0.0, 1.0])
def test_pretrained_memory_does_no_harm_where_one_class_is_the_background(accurate: float) -> None:
    rng = np.random.default_rng(0)
    ranges = replace(EXACT, no_blank=1.0, accurate=accurate)
    world, blend = vary(draw_world(24, 5, rng, ranges), rng, Variation(background=1.0))
    streams = simulate(24, 120, 5, rng, ranges, world, blend=blend)
    parts = [
        Predictions.from_columns(
            list("abcde"),
            np.exp(streams.log_probabilities[:, n]),
            time=np.cumsum(streams.seconds[:, n]),
            deployment=str(n),
        )
        for n in range(24)
    ]
    table, labels = Predictions.concat(parts), streams.labels.T.ravel()
    other = labels != np.repeat(blend.background, 120)
    before = table.labels() == labels
    for ahead in (False, True):
        after = context(AnyClass(), table, ahead).argmax(-1) == labels
        assert after.mean() > before.mean()
        assert after[other].mean() > before[other].mean()


def test_pretrained_memory_leaves_a_sure_classifier() -> None:
    names = ["blank", "wolf", "dog", "bear"]
    labels = np.repeat([0, 1, 0, 2, 3, 0], [5, 9, 3, 7, 1, 6])
    table = Predictions.from_columns(
        names, np.eye(4)[labels] * 0.96 + 0.01, time=np.arange(31) * 0.5, blank="blank"
    )
    for ahead in (False, True):
        assert AnyClass().smooth(table, ahead=ahead).labels(context=True).tolist() == labels.tolist()


@pytest.mark.parametrize("classes", [47, 150])
def test_many_classes_are_not_flattened(classes: int) -> None:
    """A classifier that says 0.84 again and again is made no less sure."""
    p = np.full((20, classes), 0.16 / (classes - 1))
    p[:, 3] = 0.84
    table = Predictions.from_columns(list(map(str, range(classes))), p, time=np.arange(20) / 5)
    assert context(AnyClass(), table)[-1, 3] > 0.8


def test_pretrained_memory_sees_one_raccoon() -> None:
    """A documented case: one raccoon on seven frames, read as three species and as nothing."""
    names = ["blank", "raccoon", "badger", "opossum", "deer", "coyote"]
    seen = ["raccoon", "badger", "badger", "blank", "opossum", "raccoon", "blank"]
    rows = []
    for name in seen:
        row = dict.fromkeys(names, 0.02) | {"raccoon": 0.35}
        row[name] = 0.55
        rows.append([row[one] / sum(row.values()) for one in names])
    table = Predictions.from_columns(names, rows, time=np.arange(7.0), blank="blank")
    smoothed = AnyClass().smooth(table, ahead=True)
    found = smoothed.label_names(context=True).tolist()
    assert set(found) <= {"raccoon", "blank"}
    assert found[:3] == ["raccoon"] * 3
    assert smoothed.context is not None
    assert smoothed.classes[smoothed.context.mean(0).argmax()] == "raccoon"


def test_pretrained_file_is_small_and_shared() -> None:
    assert PRETRAINED.stat().st_size < 1_000_000
    assert pretrained_network() is pretrained_network()
