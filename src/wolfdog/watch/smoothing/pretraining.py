"""Pretraining of the any-class memory on simulated streams."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wolfdog.errors import InputError

from .any_class_features import LEAST, Clock, class_features, top_class
from .any_class_network import AnyClassConfig, AnyClassNetwork
from .simulation import Streams, simulate
from .world import TRAINED, Ranges, World, draw_world


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Options of pretraining.

    Attributes:
        steps: of the optimiser, for the causal form.
        ahead_steps: of the optimiser, for the form that looks ahead.
        seed: of weights and streams.
        frames: of each simulated stream.
        classes: least and largest number of classes.
        rows: streams times classes in a batch.
        rate: largest learning rate; it rises over the first hundredth of the steps and falls to zero.
        balance: γ: a frame of class k weighs (share of k in its stream)^-γ in the loss.
        guard: η: a stream weighs exp(η d) in the loss, d being by how much its loss exceeds that of the classifier at
            the best temperature: so training attends to the streams that the memory harms.
        pairs: share of the batches in which a second animal may be in view.
        ranges: of the streams.
    """

    steps: int = 6000
    ahead_steps: int = 3000
    seed: int = 0
    frames: int = 128
    classes: tuple[int, int] = (2, 24)
    rows: int = 192
    rate: float = 3e-3
    balance: float = 0.4
    guard: float = 2.0
    pairs: float = 0.15
    ranges: Ranges = TRAINED

    def __post_init__(self) -> None:
        if min(self.steps, self.ahead_steps, self.rows) < 1 or self.frames < 2:
            raise InputError("pretraining needs at least 1 step of each form, 1 row and 2 frames.")
        if not 2 <= self.classes[0] <= self.classes[1]:
            raise InputError(f"classes must be 2 or more, least first; got {self.classes}.")


class Batch(NamedTuple):
    """Simulated streams as the network reads them: T frames, B streams, D rows of each frame, K classes."""

    labels: Tensor
    """[T, B, D]; -100 where the frame has no such row."""
    log_p: Tensor
    """[T, B, D, K]"""
    rows: Tensor
    """[T, B, D, K, F]: features of rows."""
    frames: Tensor
    """[T, B, K, F]: features of frames, for the forward cell."""
    frames_back: Tensor
    """The same for the backward cell."""


def as_batch(tracks: list[Streams], blank: NDArray[np.bool_], *, times: bool = True) -> Batch:
    """Batch of streams that share their times; the second and later ones have rows only while in view.

    Args:
        tracks: D simulations of the same N cameras.
        blank: [N]: whether the network is told that class 0 is the blank one.
        times: whether it reads the seconds between frames.
    """
    first = tracks[0]
    T, N, K = first.log_probabilities.shape

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(track, name) for track in tracks], 2))

    log_p, labels, present = stacked("log_probabilities"), stacked("labels"), stacked("in_view")
    spread, confidence = stacked("spread"), stacked("confidence")
    present[:, :, 0] = True
    is_blank = torch.zeros(N, K)
    is_blank[:, 0] = torch.from_numpy(blank.astype(np.float32))
    seconds = torch.from_numpy(first.seconds)
    count = present.sum(2).float()

    def mean(values: Tensor) -> Tensor:
        shown = present if values.dim() == 3 else present.unsqueeze(-1)
        shown_count = count if values.dim() == 3 else count.unsqueeze(-1)
        return torch.where(shown, values, torch.zeros_like(values)).sum(2) / shown_count

    top = top_class(log_p)
    time_ahead = Clock().features(seconds, use=times)
    back = torch.cat((seconds[1:], torch.zeros_like(seconds[:1]))).flip(0)
    time_back = Clock().features(back, use=times).flip(0)

    def of_frames(clock: Tensor) -> Tensor:
        return class_features(
            mean(log_p.exp()).clamp(min=1e-30).log() if len(tracks) > 1 else log_p[:, :, 0],
            torch.where(present.unsqueeze(-1), top, torch.zeros_like(top)).amax(2),
            is_blank,
            time=clock,
            spread=mean(spread),
            confidence=mean(confidence),
            rows=count,
        )

    rows = class_features(
        log_p,
        top,
        is_blank.unsqueeze(1),
        time=time_ahead.unsqueeze(2).expand(T, N, len(tracks), 3),
        spread=spread,
        confidence=confidence,
        rows=count.unsqueeze(-1).expand_as(spread),
    )
    return Batch(
        torch.where(present, labels, torch.full_like(labels, -100)),
        log_p,
        rows,
        of_frames(time_ahead),
        of_frames(time_back),
    )


def batches(options: Pretraining, *, times: bool = True) -> Iterator[Batch]:
    """Endless batches of new streams."""
    rng = np.random.default_rng(options.seed)
    while True:
        K = int(rng.integers(options.classes[0], options.classes[1] + 1))
        N = max(1, options.rows // K)
        world = draw_world(N, K, rng, options.ranges)
        first = simulate(N, options.frames, K, rng, options.ranges, world)
        tracks = [first]
        if rng.random() < options.pairs:
            tracks.append(_second_animal(first, rng, options.ranges))
        yield as_batch(tracks, world.has_blank & (rng.random(N) < 0.8), times=times)


def _second_animal(first: Streams, rng: np.random.Generator, ranges: Ranges) -> Streams:
    """Streams of the same cameras with other visits, each often of the species that is in view already."""
    T, N, K = first.log_probabilities.shape
    world: World = replace(first.world, has_blank=np.ones(N, bool), gap_share=np.full(N, 0.9, np.float32))
    second = simulate(N, T, K, rng, ranges, world, (first.seconds, first.intervals, first.bursts))
    return replace(second, in_view=second.in_view & first.in_view)


def loss_of(network: AnyClassNetwork, batch: Batch, options: Pretraining, *, ahead: bool = False) -> Tensor:
    """Cross-entropy of the causal form, or of the form that looks ahead, whose forward cell is not trained."""
    if ahead:
        with torch.no_grad():
            y, _ = network.states(batch.frames)
        y = torch.cat((y, network.states_ahead(batch.frames_back)[0]), -1)
    else:
        y, _ = network.states(batch.frames)
    weight = _weights(batch, options.balance)
    of_streams = -(weight * _picked(predict(network, batch, y, ahead=ahead), batch.labels)).sum((0, 2))
    guard = (options.guard * (of_streams.detach() - _bare_losses(batch, weight))).clamp(-4, 4).exp()
    return (guard / guard.sum() * of_streams).sum()


def predict(network: AnyClassNetwork, batch: Batch, y: Tensor, *, ahead: bool) -> Tensor:
    """Log probabilities [T, B, D, K] of a batch's rows from the states [T, B, K, ...] of its frames."""
    y = y.unsqueeze(2).expand(*y.shape[:2], batch.log_p.shape[2], *y.shape[2:])
    return network.read(batch.log_p, y, batch.rows, ahead=ahead)


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
) -> AnyClassNetwork:
    """Any-class network trained on simulated streams.

    First the causal form is trained. Then the backward cell starts as a copy of the forward one, the readout that
    looks ahead as a copy of the causal one, and both are trained on the fixed forward cell. Last, the temperatures
    of both forms are fitted on streams of other seeds.

    Args:
        options: of the training.
        config: of the network.
        progress: called every 100 steps with the form ("causal" or "ahead"), the step, and the mean loss since the
            last call.
    """
    options = Pretraining() if options is None else options
    torch.manual_seed(options.seed)
    network = AnyClassNetwork(config)
    stream = batches(options, times=network.config.times)
    for ahead in (False, True):
        if ahead:
            network.start_looking_ahead()
        _train(network, stream, options, ahead, progress)
    calibrate(network, options)
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
        rise = min(1.0, (step + 1) / (steps / 100))
        for group in optimiser.param_groups:
            group["lr"] = options.rate * rise * (1 - step / steps)
        loss = loss_of(network, next(stream), options, ahead=ahead)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        total += loss.item()
        if progress is not None and (step + 1) % 100 == 0:
            progress("ahead" if ahead else "causal", step + 1, total / 100)
            total = 0.0


@torch.no_grad()
def calibrate(network: AnyClassNetwork, options: Pretraining, *, count: int = 40) -> None:
    """Fit the temperature of each form on `count` batches of streams of another seed."""
    network.temperature.fill_(1.0)
    held_out = batches(replace(options, seed=options.seed + 1_000_003), times=network.config.times)
    tried = torch.linspace(-0.8, 0.8, 65).exp()
    loss = torch.zeros(2, len(tried))
    for batch in itertools.islice(held_out, count):
        known = batch.labels >= 0
        y, _ = network.states(batch.frames)
        both = torch.cat((y, network.states_ahead(batch.frames_back)[0]), -1)
        for form, states in enumerate((y, both)):
            log_q = predict(network, batch, states, ahead=bool(form))[known]
            for i, temperature in enumerate(tried):
                loss[form, i] += nn.functional.cross_entropy(log_q / temperature, batch.labels[known])
    network.temperature.copy_(tried[loss.argmin(-1)])
