"""The world memory as a method: its two forms agree, it learns what its world shows, and it refuses other classes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import wolfdog as wd
from wolfdog.errors import CheckpointError, InputError, ShapeError
from wolfdog.tv import Sampler, default_world
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.world_memory.comparison import IDEAL, SNAPSHOT, contexts, ideal_context, scores_of
from wolfdog.watch.world_memory.fitting import BAND, RELIABLE, fit_margins, fit_prudence
from wolfdog.watch.world_memory.method import WorldMemory, WorldMemoryStream
from wolfdog.watch.world_memory.network import WorldNetwork, WorldNetworkConfig
from wolfdog.watch.world_memory.network_file import (
    PRETRAINED,
    load_world_network,
    pretrained_world_network,
    save_world_network,
)
from wolfdog.watch.world_memory.posterior import CalibratedPosterior, cross_fitted
from wolfdog.watch.world_memory.streams import log_of, show
from wolfdog.watch.world_memory.training import WorldTraining, train_world_memory
from wolfdog.watch.world_memory.training_streams import StreamRanges
from world_banks import CLASSES, small_bank

LOOKS = ("canine", "canine", "bear", "goldfish", "unknown")


@pytest.fixture
def network() -> WorldNetwork:
    """Random weights everywhere."""
    torch.manual_seed(0)
    network = WorldNetwork(WorldNetworkConfig(classes=CLASSES, looks=LOOKS, width=6))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    network.temperature.fill_(1.3)
    network.look_margin.fill_(1.5)
    network.class_margin.fill_(2.5)
    return network.eval()


def table(classes: tuple[str, ...] = CLASSES, *, frames: int = 30) -> Predictions:
    """Two deployments, one of whose frames have two rows each, at uneven times."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(5), 3 * frames).astype(np.float32)
    p = p[:, [CLASSES.index(name) for name in classes]]
    number = np.concatenate([np.arange(frames), np.repeat(np.arange(frames), 2)])
    time = rng.uniform(0.1, 3, frames).cumsum()
    return Predictions.from_columns(
        classes, p, clarity=rng.choice([0.0, 0.4, 1.0, np.nan], 3 * frames),
        time=time[number], deployment=["a"] * frames + ["b"] * 2 * frames, frame=number,
        detection=np.concatenate([np.full(frames, -1), np.tile([0, 1], frames)]),
    )  # fmt: skip


def test_step_by_step_gives_the_numbers_of_the_whole(network: WorldNetwork) -> None:
    whole = WorldMemory(network=network).smooth(table())
    for name in ("a", "b"):
        stream = whole.of_deployment(name)
        memory = WorldMemoryStream(CLASSES, network)
        for number in range(30):
            rows = stream.take(stream.frame == number)
            context = memory.step(rows.probabilities, seconds=float(rows.time[0]), clarity=rows.clarity)
            assert rows.context is not None
            np.testing.assert_allclose(context, rows.context, atol=1e-5)


def test_the_order_of_the_classes_does_not_matter(network: WorldNetwork) -> None:
    other = ("unknown", "goldfish", "wolf", "bear", "dog")
    one, two = (WorldMemory(network=network).smooth(table(classes)) for classes in (CLASSES, other))
    assert one.context is not None
    assert two.context is not None
    np.testing.assert_allclose(
        two.context, one.context[:, [CLASSES.index(name) for name in other]], atol=1e-6
    )


def test_later_frames_change_nothing(network: WorldNetwork) -> None:
    seen = table()
    whole, part = (
        WorldMemory(network=network).smooth(seen),
        WorldMemory(network=network).smooth(seen.take(slice(0, 20))),
    )
    assert whole.context is not None
    np.testing.assert_allclose(part.context, whole.context[:20], atol=1e-6)


def test_a_long_stream_is_read_in_chunks(network: WorldNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = WorldMemory(network=network).smooth(table())
    monkeypatch.setattr("wolfdog.watch.world_memory.method._CHUNK", 7)
    np.testing.assert_allclose(WorldMemory(network=network).smooth(table()).context, whole.context, atol=1e-6)


def test_unknown_times_are_taken(network: WorldNetwork) -> None:
    seen = table()
    untimed = Predictions.from_columns(CLASSES, seen.probabilities)
    assert WorldMemory(network=network).smooth(untimed).context is not None


def test_other_classes_and_looking_ahead_are_refused(network: WorldNetwork) -> None:
    other = Predictions.from_columns(["wolf", "dog"], [[0.5, 0.5]])
    with pytest.raises(InputError, match="is for the classes wolf"):
        WorldMemory(network=network).smooth(other)
    with pytest.raises(InputError, match="no looking-ahead form"):
        WorldMemory(network=network).smooth(table(), ahead=True)
    with pytest.raises(ShapeError, match="with at least one row"):
        WorldMemoryStream(CLASSES, network).step([[0.5, 0.5]])
    with pytest.raises(ShapeError, match="clarity must be"):
        WorldMemoryStream(CLASSES, network).step([[0.2] * 5], clarity=[1.0, 1.0])


@pytest.mark.slow
def test_training_learns_what_is_seen_together() -> None:
    """At night wolves and dogs look alike: the memory gets near the ideal observer, the classifier does not."""
    world = default_world().with_(informative_rate=0.3)
    options = WorldTraining(steps=250, streams=32, frames=512, seed=1, ranges=StreamRanges(as_world=1.0))
    network = WorldNetwork(WorldNetworkConfig(classes=CLASSES, width=16))
    trained = train_world_memory(small_bank(sharpness=1.8), world, options, network)
    judged = small_bank(sharpness=1.8, seed=1)
    programme = Sampler(world, 12, seed=99).draw(400)
    streams = show(judged, programme, seed=4)
    said = contexts(streams, CLASSES, {"memory": WorldMemory(network=trained)})
    said[IDEAL] = ideal_context(streams, programme, CLASSES, CalibratedPosterior(small_bank(sharpness=1.8)))
    scores = scores_of(said, streams, judged.degradations, CLASSES)
    night = {name: of.by_degradation["night"].canines or 0.0 for name, of in scores.items()}
    assert night[SNAPSHOT] < 0.65
    assert night["memory"] > 0.7
    assert night["memory"] > night[IDEAL] - 0.12
    assert scores["memory"].by_degradation["all"].canines > scores[SNAPSHOT].by_degradation["all"].canines


def test_prudence_leaves_clean_frames_to_the_classifier() -> None:
    """A network that takes every dog for a wolf is held back where the classifier names a clean dog rightly."""
    network = WorldNetwork(WorldNetworkConfig(classes=CLASSES, width=4))
    with torch.no_grad():
        network.frame_out.bias[CLASSES.index("wolf")] = 2.0
    bank = small_bank().only(("clean",))
    clear = show(bank, Sampler(default_world(), 8, seed=3).draw(400))
    clear.log_p[...] = log_of(0.25 + 0 * clear.log_p) + 1.2 * np.eye(5, dtype=np.float32)[clear.labels]
    clear.log_p[...] -= np.log(np.exp(clear.log_p).sum(-1, keepdims=True))

    def right() -> float:
        clock = network.clock(torch.from_numpy(clear.seconds))
        with torch.no_grad():
            log_q, _ = network(torch.from_numpy(clear.log_p), clock)
        dogs = clear.labels == CLASSES.index("dog")
        return float((log_q.argmax(-1).numpy() == clear.labels)[dogs].mean())

    assert right() == 0
    fit_prudence(network, clear)
    assert right() == 1
    assert network.prudence[CLASSES.index("wolf")] == 0
    needed = (2.0 - 1.2) / (1 - np.exp(-1.2))
    assert needed <= float(network.prudence[CLASSES.index("dog")]) < needed + 0.11


def test_in_a_clear_frame_the_margin_decides_what_the_memory_may_change() -> None:
    """A context that speaks for bears and wolves, and frames that show a dog, less and more surely."""
    network = WorldNetwork(WorldNetworkConfig(classes=CLASSES, looks=LOOKS, width=4, bound=4.0))
    with torch.no_grad():
        network.out.bias[CLASSES.index("bear")] = 6.0
        network.out.bias[CLASSES.index("wolf")] = 6.0
    network.look_margin.fill_(1.0)
    network.class_margin.fill_(3.0)
    sure_dog, canine, barely = (
        [0.01, 0.7, 0.1, 0.0, 0.19],
        [0.3, 0.4, 0.1, 0.0, 0.2],
        [0.1, 0.3, 0.25, 0.0, 0.35],
    )
    said = {}
    for clear in (1.0, 0.0, np.nan):
        seen = Predictions.from_columns(CLASSES, [sure_dog, canine, barely], clarity=[clear] * 3)
        said[clear] = WorldMemory(network=network).smooth(seen).label_names(context=True).tolist()
    assert said[1.0] == ["dog", "wolf", "bear"]
    assert said[0.0] == said[np.nan] == ["bear", "wolf", "bear"]


def test_the_context_is_bounded_and_the_frame_is_not() -> None:
    config = WorldNetworkConfig(classes=CLASSES, looks=LOOKS, width=4, bound=2.0)
    network = WorldNetwork(config)
    with torch.no_grad():
        network.out.bias[CLASSES.index("wolf")] = 1e3
        network.out.bias[CLASSES.index("dog")] = -1e3
    log_p = torch.tensor([[[0.05, 0.8, 0.05, 0.05, 0.05]]]).log()
    clock = network.clock(torch.zeros(1, 1))

    def odds() -> float:
        with torch.no_grad():
            log_q, _ = network(log_p, clock)
        return float((log_q - log_p)[0, 0, :2] @ torch.tensor([1.0, -1.0]))

    assert odds() == pytest.approx(4.0, abs=1e-4)
    with torch.no_grad():
        network.frame_out.bias[CLASSES.index("wolf")] = 10.0
    assert odds() == pytest.approx(14.0, abs=1e-4)
    with pytest.raises(InputError, match="bound of the context"):
        WorldNetworkConfig(classes=CLASSES, bound=0.0)


def test_margins_begin_where_the_classifier_is_reliable() -> None:
    """A classifier that is right in 60 % of the frames with a small margin, and always with a large one."""
    rng = np.random.default_rng(0)
    clean = show(small_bank().only(("clean",)), Sampler(default_world(), 8, seed=3).draw(400))
    large = rng.random(clean.labels.shape) < 0.5
    wrong = ~large & (rng.random(clean.labels.shape) < 0.4)
    named = np.where(wrong, (clean.labels + 1) % 5, clean.labels)
    margin = np.where(large, rng.uniform(2, 4, large.shape), rng.uniform(0, 1.5, large.shape))
    clean.log_p[...] = np.log(0.1) + margin[..., None] * np.eye(5)[named]
    for looks in ((), LOOKS):
        network = WorldNetwork(WorldNetworkConfig(classes=CLASSES, looks=looks, width=4))
        fit_margins(network, clean)
        alone = network.look_margin if not looks else network.class_margin[:2]
        least = alone.amax()
        assert 1.0 <= least <= 2.0
        seen = (margin >= float(least)) & (margin < float(least) + BAND)
        assert (named == clean.labels)[seen].mean() >= RELIABLE


def test_training_is_repeatable() -> None:
    options = WorldTraining(steps=3, streams=4, frames=64)
    one, two = (train_world_memory(small_bank(), default_world(), options) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    )
    other = WorldTraining(steps=3, streams=4, frames=64, seed=1)
    three = train_world_memory(small_bank(), default_world(), other)
    assert not torch.equal(one.hidden.weight, three.hidden.weight)


def test_other_cells_take_the_lstms_place() -> None:
    config = WorldNetworkConfig(classes=CLASSES, width=4)
    network = WorldNetwork(config, wd.cells.GRUCell(config.inputs, config.width))
    trained = train_world_memory(
        small_bank(), default_world(), WorldTraining(steps=2, streams=2, frames=64), network
    )
    assert WorldMemory(network=trained).smooth(table()).context is not None


def test_heads_are_fitted_to_other_photographs_than_they_judge() -> None:
    """Features that are noise: a head knows its own photographs by heart, and is at chance on others."""
    bank = small_bank()
    noise = np.random.default_rng(0).normal(size=(60, 2, 2, 200)).astype(np.float16)
    noise[:, :, 1] = noise[:, :, 0]
    bank = type(bank)(bank.classes, bank.degradations, bank.labels, bank.probabilities, "", noise)
    fitted, head = cross_fitted(bank)
    by_heart = head.probabilities(noise).argmax(-1) == bank.labels[:, None, None]
    assert by_heart.mean() > 0.9
    assert (fitted.probabilities.argmax(-1) == bank.labels[:, None, None]).mean() < 0.5
    with pytest.raises(InputError, match="features"):
        cross_fitted(small_bank())


def test_a_network_comes_back_from_its_file(network: WorldNetwork, tmp_path: Path) -> None:
    file = tmp_path / "world.safetensors"
    save_world_network(file, network, {"steps": 3})
    back = load_world_network(file)
    assert back.config == network.config
    assert all(
        torch.equal(a, b)
        for a, b in zip(back.state_dict().values(), network.state_dict().values(), strict=True)
    )
    tensors = load_file(file)
    tensors["out.bias"] = tensors["out.bias"] * float("nan")
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    save_file(tensors, file, metadata)
    with pytest.raises(CheckpointError, match="not finite"):
        load_world_network(file)
    save_file({name: t for name, t in tensors.items() if name != "out.bias"}, file, metadata)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_world_network(file)
    for fault, message in (
        ('"classes": 3, "looks": [], "width": 6, "times": true, "bound": 2.5', "must be names"),
        (
            '"classes": ["a", "b"], "looks": [], "width": 6, "times": true, "bound": NaN',
            "bound nan cannot be",
        ),
    ):
        save_file(tensors, file, metadata | {"notes": '{"config": {' + fault + "}}"})
        with pytest.raises(CheckpointError, match=message):
            load_world_network(file)


def test_the_pretrained_memory_knows_its_world() -> None:
    assert PRETRAINED.stat().st_size < 200_000
    network = pretrained_world_network()
    assert sorted(network.config.classes) == sorted(CLASSES)
    bear, fish = [0.001, 0.003, 0.99, 0.0001, 0.0059], [0.0001, 0.002, 0.0001, 0.98, 0.0178]
    other, unclear = [0.0001, 0.001, 0.0001, 0.0001, 0.9987], [0.1, 0.5, 0.002, 0.0002, 0.3978]
    said = {}
    for name, telling in (("bear", bear), ("goldfish", fish)):
        p = np.array([telling] * 12 + [other] * 60 + [unclear] * 8)
        seen = Predictions.from_columns(CLASSES, p, time=np.arange(80) / 5)
        said[name] = WorldMemory().smooth(seen).label_names(context=True)
        assert (said[name][20:72] == "unknown").all()
    assert (said["bear"][74:] == "wolf").all()
    assert (said["goldfish"][74:] == "dog").all()
