"""Pretraining of the any-class memory on simulated streams."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from wolfdog.errors import InputError

from .any_class_features import LEAST
from .any_class_network import AnyClassConfig, AnyClassNetwork
from .batch import Batch, as_batch, predict
from .calibration import Bounds, calibrate
from .simulation import Streams, simulate
from .variation import VARIED, VARIED_AHEAD, Variation, vary
from .world import TRAINED, Ranges, World, draw_world

AHEAD_BOUNDS = Bounds(worst=0.035)
"""Harm that the form that looks ahead may do: it changes more labels, and gains more."""
NUMBERS = 12
"""Count of numbers of classes between the least and the largest."""
SHORTEST = 6
"""Frames of the shortest streams."""
LONGEST = 4
"""Length of the longest streams, in units of the usual length."""
RISE, FALL = 50, 0.2
"""Steps in which the learning rate rises, and the share of the steps in which it falls."""
MARGIN = 0.3
"""τ of the loss of harm."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Options of pretraining.

    Attributes:
        steps: Steps of the optimiser, for the causal form. With 0 a network that is trained further keeps this form as
            it is.
        ahead_steps: Steps of the optimiser, for the form that looks ahead. With 0 a network that is trained further
            keeps this form as it is.
        seed: Seed of weights and streams.
        frames: Frames of each simulated stream.
        short: Share of the batches whose streams are shorter, 6 frames at least; and more streams in turn.
        long: Share of the batches whose streams are longer, 4 times at most; and fewer streams in turn.
        classes: Least and largest number of classes; those between are spaced evenly in the logarithm.
        rows: Streams times classes in a batch.
        rate: Largest learning rate; it rises over the first 50 steps, and falls to zero over the last fifth of them.
        balance: γ: a frame of class k weighs (share of k in its stream)^-γ in the loss.
        harm: λ: weight in the loss of what the memory harms: λ τ softplus(-m / τ) for a frame that the classifier
            names rightly, m being by how much the log probability of its class exceeds that of the next one. Each
            class of a stream weighs the same in it, whatever its share.
        ahead_harm: λ of the form that looks ahead: it knows what follows a change of the label, and need not hold on to
            the classifier's as much.
        guard: η: a stream weighs exp(η d) in the loss, d being by how much its loss exceeds that of the classifier, at
            the best temperature in the cross-entropy: so training attends to the streams that the memory harms.
        pairs: Share of the batches in which a second animal may be in view.
        ranges: Ranges of the streams.
        variation: Kinds of streams that are drawn besides.
        ahead_variation: The same of the form that looks ahead.
    """

    steps: int = 6000
    ahead_steps: int = 2200
    seed: int = 0
    frames: int = 128
    short: float = 0.3
    long: float = 0.15
    classes: tuple[int, int] = (2, 100)
    rows: int = 176
    rate: float = 3e-3
    balance: float = 0.4
    harm: float = 1.25
    ahead_harm: float = 0.8
    guard: float = 1.2
    pairs: float = 0.15
    ranges: Ranges = TRAINED
    variation: Variation = VARIED
    ahead_variation: Variation = VARIED_AHEAD

    def __post_init__(self) -> None:
        if min(self.steps, self.ahead_steps) < 0 or max(self.steps, self.ahead_steps) < 1:
            raise InputError("pretraining needs at least 1 step of one of the forms.")
        if self.rows < 1 or self.frames < 2:
            raise InputError("pretraining needs at least 1 row and 2 frames.")
        if not 0 < self.rate < float("inf"):
            raise InputError(f"the learning rate must be above 0, got {self.rate}.")
        for name in ("harm", "ahead_harm"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"the weight {name!r} must be 0 or more, got {getattr(self, name)}.")
        if not 2 <= self.classes[0] <= self.classes[1]:
            raise InputError(f"classes must be 2 or more, least first; got {self.classes}.")


def batches(options: Pretraining, *, times: bool = True) -> Iterator[Batch]:
    """Endless batches of new streams."""
    rng = np.random.default_rng(options.seed)
    least, most = options.classes
    numbers = np.unique(
        np.geomspace(least, most, NUMBERS).round().astype(int)
    )  # few: a kernel is compiled for each
    while True:
        K = int(rng.choice(numbers))
        T, kind = options.frames, rng.random()
        if kind < options.short:
            T = int(np.exp(rng.uniform(np.log(min(SHORTEST, T)), np.log(T))))
        elif kind < options.short + options.long:
            T = round(T * np.exp(rng.uniform(0, np.log(LONGEST))))
        N = max(1, round(options.rows / K * min(options.frames / T, 4)))
        world, blend = vary(draw_world(N, K, rng, options.ranges), rng, options.variation)
        first = simulate(N, T, K, rng, options.ranges, world, blend=blend)
        tracks = [first]
        if rng.random() < options.pairs:
            tracks.append(_second_animal(first, rng, options.ranges))
        yield as_batch(tracks, world.has_blank & (rng.random(N) < 0.8), times=times)


def _second_animal(first: Streams, rng: np.random.Generator, ranges: Ranges) -> Streams:
    """Streams of the same cameras with other visits, each often of the species that is in view already."""
    T, N, K = first.log_probabilities.shape
    world: World = replace(first.world, has_blank=np.ones(N, bool), gap_share=np.full(N, 0.9, np.float32))
    times = first.seconds, first.intervals, first.bursts
    second = simulate(N, T, K, rng, ranges, world, times, first.blend)
    return replace(second, in_view=second.in_view & first.in_view)


def loss_of(network: AnyClassNetwork, batch: Batch, options: Pretraining, *, ahead: bool = False) -> Tensor:
    """Cross-entropy and harm of the causal form, or of the form that looks ahead."""
    y, _ = network.states(batch.frames, ahead=ahead)
    if ahead:
        y = torch.cat((y, network.states_ahead(batch.frames_back)[0]), -1)
    weight = _weights(batch, options.balance)
    log_q = predict(network, batch, y, ahead=ahead)
    of_streams = -(weight * _picked(log_q, batch.labels)).sum((0, 2))
    excess = of_streams.detach() - _bare_losses(batch, weight)
    scale = options.ahead_harm if ahead else options.harm
    if scale:
        harm = scale * _harm(log_q, batch)
        of_streams = of_streams + harm
        excess = excess + harm.detach() - scale * _harm(batch.log_p, batch)
    guard = (options.guard * excess).clamp(-4, 4).exp()
    return (guard / guard.sum() * of_streams).sum()


def _harm(log_q: Tensor, batch: Batch) -> Tensor:
    """[B]: loss of the frames that the classifier names rightly and the memory does not, or hardly."""
    labels = batch.labels.unsqueeze(-1).clamp(min=0)
    right = batch.log_p.argmax(-1) == batch.labels
    next_one = log_q.scatter(-1, labels, -torch.inf).amax(-1)
    margin = _picked(log_q, batch.labels) - next_one
    loss = MARGIN * nn.functional.softplus(-margin / MARGIN)
    return (_weights(batch, 1.0) * right * loss).sum((0, 2))


def _picked(log_q: Tensor, labels: Tensor) -> Tensor:
    """[T, B, D]: log probability of each label; that of class 0 where there is none."""
    return log_q.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)


def _bare_losses(batch: Batch, weight: Tensor) -> Tensor:
    """[B]: the least loss of the classifier alone among some temperatures."""
    log_p = batch.log_p.clamp(min=LEAST)
    tempered = [
        -(weight * _picked((log_p / t).log_softmax(-1), batch.labels)).sum((0, 2)) for t in (0.5, 1, 2, 4)
    ]
    return torch.stack(tempered).amin(0)


def _weights(batch: Batch, balance: float) -> Tensor:
    """[T, B, D]: weights of the rows by the shares of their classes; those of a stream sum to 1."""
    K, known = batch.log_p.shape[-1], batch.labels >= 0
    one_hot = nn.functional.one_hot(batch.labels.clamp(min=0), K) * known.unsqueeze(-1)
    share = one_hot.sum((0, 2)) / known.sum((0, 2)).unsqueeze(-1)
    of_class = (share.clamp(min=1e-6) ** -balance).unsqueeze(0).unsqueeze(2)
    weight = (of_class * one_hot).sum(-1)
    return weight / weight.sum((0, 2), keepdim=True)


def pretrain(
    options: Pretraining | None = None,
    config: AnyClassConfig | None = None,
    progress: Callable[[str, int, float], None] | None = None,
    *,
    start: AnyClassNetwork | None = None,
) -> AnyClassNetwork:
    """Any-class network trained on simulated streams.

    First the causal form is trained. The form that looks ahead has a forward cell of its own. In a new network its two
    cells start as copies of the causal one, and its readout as a copy of the causal one; all three are trained. Last,
    prudence and temperature of the trained forms are fitted on streams of another seed.

    Args:
        options: Options of the training.
        config: Config of the network.
        progress: Called every 100 steps with the form ("causal" or "ahead"), the step, and the mean loss since the
            last call.
        start: Network that the training continues from, which is not changed; None for a new one. With it, `config` is
            left out.

    Returns:
        The network, in evaluation mode.

    Raises:
        InputError: A new network is to have no step of the causal form.
    """
    options = Pretraining() if options is None else options
    if start is None and not options.steps:
        raise InputError("pretraining of a new network needs at least 1 step of the causal form.")
    torch.manual_seed(options.seed)
    network = (AnyClassNetwork(config) if start is None else start).separated().train()
    forms = tuple(form for form in (0, 1) if (options.steps, options.ahead_steps)[form])
    for form in forms:
        network.temperature[form], network.prudence[form] = 1.0, 0.0
        if form and start is None:
            network.start_looking_ahead()
        own = replace(options, variation=options.ahead_variation) if form else options
        stream = batches(replace(own, seed=options.seed + form * 500_009), times=network.config.times)
        _train(network, stream, options, bool(form), progress)
    held_out = batches(replace(options, seed=options.seed + 1_000_003, short=0.0), times=network.config.times)
    count = min(40, max(options.steps, options.ahead_steps))
    streams = list(itertools.islice(held_out, count))
    for form in forms:
        calibrate(network, streams, AHEAD_BOUNDS if form else None, forms=(form,))
    return network.eval()


def _train(
    network: AnyClassNetwork,
    stream: Iterator[Batch],
    options: Pretraining,
    ahead: bool,
    progress: Callable[[str, int, float], None] | None,
) -> None:
    steps = options.ahead_steps if ahead else options.steps
    trained = network.ahead_parameters() if ahead else network.causal_parameters()
    optimiser = torch.optim.Adam(trained, lr=options.rate)
    total = 0.0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1.0, (step + 1) / RISE, (steps - step) / (FALL * steps))
        loss = loss_of(network, next(stream), options, ahead=ahead)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        total += loss.item()
        if progress is not None and (step + 1) % 100 == 0:
            progress("ahead" if ahead else "causal", step + 1, total / 100)
            total = 0.0
