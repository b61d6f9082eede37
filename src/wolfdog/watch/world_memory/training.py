"""Training of the world memory on simulated streams."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from wolfdog.errors import InputError
from wolfdog.layers import detach
from wolfdog.tv import World

from .bank import Bank
from .fitting import StreamTensors, calibrate, fit_margins, fit_prudence
from .network import WorldNetwork, WorldNetworkConfig
from .streams import SimulatedStreams
from .training_streams import CLEAN, StreamRanges, TrainingStreams

CHUNK = 64
"""Frames through which gradients flow."""


@dataclass(frozen=True, kw_only=True)
class WorldTraining:
    """Settings of the world memory's training.

    Attributes:
        steps: Of the optimiser, each on `CHUNK` frames of all streams.
        streams: Side by side.
        frames: Of a segment, after which new streams begin.
        rate: Greatest learning rate of Adam, which falls to zero along a line.
        balance: Exponent of the classes' weights in the loss, their inverse frequencies; 0 for none, 1 for equal
            classes.
        seed: Of everything.
        ranges: Of the streams.
    """

    steps: int = 3000
    streams: int = 64
    frames: int = 2048
    rate: float = 3e-3
    balance: float = 0.6
    seed: int = 0
    ranges: StreamRanges = field(default_factory=StreamRanges)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.streams < 1 or self.frames < CHUNK:
            raise InputError(
                f"training needs at least 1 step, 1 stream and {CHUNK} frames of a segment, got {self.steps}, "
                f"{self.streams} and {self.frames}."
            )


def train_world_memory(
    bank: Bank,
    world: World,
    options: WorldTraining | None = None,
    network: WorldNetwork | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    *,
    distractors: Bank | None = None,
) -> WorldNetwork:
    """Network trained on simulated streams of a bank of photographs; last, what `fitting` has is fitted.

    Args:
        bank: Of the world's labels.
        world: What is on.
        options: Of the training.
        network: To be trained; a new one of the bank's classes where None.
        progress: Called every 50 steps with the step, the steps in all, and the mean loss since the last call.
        distractors: Photographs of one class that are shown besides, in streams that are not the world's.

    Raises:
        InputError: The bank lacks photographs of a label of the world.
    """
    options = WorldTraining() if options is None else options
    torch.manual_seed(options.seed)
    if network is None:
        looks = tuple(map(world.look, bank.classes))
        network = WorldNetwork(WorldNetworkConfig(classes=bank.classes, looks=looks))
    source = TrainingStreams(
        bank,
        world,
        streams=options.streams,
        frames=options.frames,
        seed=options.seed,
        ranges=options.ranges,
        distractors=distractors,
    )
    optimiser = torch.optim.Adam(network.parameters(), options.rate)
    segment, state, start, total = None, None, 0, 0.0
    weights = torch.ones(len(bank.classes))
    for step in range(options.steps):
        if segment is None or start + CHUNK > options.frames:
            segment, state, start = StreamTensors.of(source.segment(), network), None, 0
            if step == 0:
                frequency = torch.bincount(segment.labels.flatten(), minlength=len(weights)).float()
                weights = (frequency / frequency.sum()).clamp(min=1e-3) ** -options.balance
        part = slice(start, start + CHUNK)
        log_q, state = network(segment.log_p[part], segment.clock[part], state, clarity=segment.clarity[part])
        state = detach(state)
        start += CHUNK
        loss = nn.functional.nll_loss(log_q.flatten(0, 1), segment.labels[part].flatten(), weights)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1.0, (step + 1) / 50) * (1 - step / options.steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        total += loss.item()
        if progress is not None and (step + 1) % 50 == 0:
            progress(step + 1, options.steps, total / 50)
            total = 0.0
    if CLEAN in bank.degradations:
        disordered = replace(options.ranges, as_world=0.0, disorder=1.0, unseen=1.0)
        fit_prudence(network, _clean(bank, world, options, disordered))
        fit_margins(network, _clean(bank, world, options, replace(options.ranges, as_world=1.0)))
    calibrate(network, source.segment())
    return network.eval()


def _clean(bank: Bank, world: World, options: WorldTraining, ranges: StreamRanges) -> SimulatedStreams:
    """Segment of streams of the clean photographs."""
    return TrainingStreams(
        bank.only((CLEAN,)),
        world,
        streams=options.streams,
        frames=options.frames,
        seed=options.seed,
        ranges=ranges,
    ).segment()
