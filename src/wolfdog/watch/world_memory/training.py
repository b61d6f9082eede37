"""Training of the world memory on simulated streams."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from wolfdog.errors import InputError
from wolfdog.layers import detach
from wolfdog.tv import World
from wolfdog.tv.world import UNKNOWN

from ..smoothing.any_class_features import lead_of_top
from ..smoothing.temperature import fit_temperature
from .bank import Bank
from .network import WorldNetwork, WorldNetworkConfig
from .streams import SimulatedStreams
from .training_streams import CLEAN, StreamRanges, TrainingStreams

OVERTURNED = 0.01
"""Largest share of the clean frames named rightly by the classifier that the memory names otherwise."""
CLEAR_OVERTURNED = 0.02
"""The same of clear frames, in streams with distractors and a less sure classifier."""
PRUDENCE = [step / 10 for step in range(31)]
CLEAR_PRUDENCE = [step / 4 for step in range(33)]
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

    steps: int = 2000
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
    """Network trained on simulated streams of a bank of photographs; last, prudence and temperature are fitted.

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
            segment, state, start = _Tensors.of(source.segment(), network), None, 0
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
        clear = replace(options.ranges, as_world=0.0, disorder=1.0)
        shown = TrainingStreams(
            bank.only((CLEAN,)),
            world,
            streams=options.streams,
            frames=options.frames,
            seed=options.seed,
            ranges=clear,
        )
        fit_prudence(network, shown.segment())
        clean = TrainingStreams(
            bank.only((CLEAN,)),
            world,
            streams=options.streams,
            frames=options.frames,
            seed=options.seed,
            ranges=replace(options.ranges, as_world=0.0, unseen=0.0),
            distractors=None if distractors is None else distractors.only((CLEAN,)),
        )
        fit_clear_prudence(network, clean.segment())
    calibrate(network, source.segment())
    return network.eval()


@dataclass(frozen=True, eq=False)
class _Tensors:
    """A segment as the network reads it."""

    labels: Tensor
    log_p: Tensor
    clock: Tensor
    clarity: Tensor

    @classmethod
    def of(cls, streams: SimulatedStreams, network: WorldNetwork) -> "_Tensors":
        return cls(
            torch.from_numpy(streams.labels),
            torch.from_numpy(streams.log_p),
            network.clock(torch.from_numpy(streams.seconds)),
            torch.from_numpy(streams.clarity),
        )


@torch.no_grad()
def fit_prudence(network: WorldNetwork, clear: SimulatedStreams) -> None:
    """Fit the prudence on streams of clean photographs in no order, where the classifier needs no memory.

    For each class it is the least of 0, 0.1, ..., 3 with which the memory overturns at most 1 % of the frames on
    which the classifier names this class rightly. That of `unknown` stays 0: it is what unclear animals are taken for.
    """
    network.prudence.zero_()
    network.clear_prudence.zero_()
    seen = _Tensors.of(clear, network)
    log_q, _ = network(seen.log_p, seen.clock, clarity=seen.clarity)
    log_q, log_p = network.temperature * log_q.flatten(0, 1), seen.log_p.flatten(0, 1)
    labels, said, lead = seen.labels.flatten(), log_p.argmax(-1), lead_of_top(log_p)
    for k, name in enumerate(network.config.classes):
        if name == UNKNOWN:
            continue
        of_class = (said == k) & (labels == k)
        q, bonus = log_q[of_class], lead[of_class]
        for prudence in PRUDENCE:
            network.prudence[k] = prudence
            overturned = (q + prudence * bonus).argmax(-1) != k
            if not len(q) or overturned.float().mean() <= OVERTURNED:
                break


@torch.no_grad()
def fit_clear_prudence(network: WorldNetwork, clean: SimulatedStreams) -> None:
    """Fit the prudence of clear frames on streams of clean photographs, with distractors and a less sure classifier.

    It is the least of 0, 0.25, ..., 8 with which, for every look, the memory overturns at most 2 % of the frames on
    which the classifier names this look rightly.
    """
    network.clear_prudence.zero_()
    seen = _Tensors.of(clean, network)
    log_q, _ = network(seen.log_p, seen.clock, clarity=seen.clarity)
    log_q = network.temperature * log_q.flatten(0, 1)
    log_p, labels, clear = seen.log_p.flatten(0, 1), seen.labels.flatten(), seen.clarity.flatten()
    look_of = network.looks.argmax(-1)
    said, true = (log_p.exp() @ network.looks).argmax(-1), look_of[labels]
    bonus = network.look_lead(log_p) * clear.nan_to_num(0.0).unsqueeze(-1)
    looks = torch.unique(said[said == true])
    for prudence in CLEAR_PRUDENCE:
        network.clear_prudence.fill_(prudence)
        given = look_of[(log_q + prudence * bonus).argmax(-1)]
        shares = [(given != look)[(said == look) & (true == look)].float().mean() for look in looks]
        if all(share <= CLEAR_OVERTURNED for share in shares):
            break


@torch.no_grad()
def calibrate(network: WorldNetwork, streams: SimulatedStreams) -> None:
    """Fit the temperature on streams that the network was not trained on."""
    network.temperature.fill_(1.0)
    seen = _Tensors.of(streams, network)
    log_q, _ = network(seen.log_p, seen.clock, clarity=seen.clarity)
    network.temperature.fill_(fit_temperature(log_q.flatten(0, 1), seen.labels.flatten()))
