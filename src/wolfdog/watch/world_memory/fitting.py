"""Numbers of a world memory that are fitted after its training: prudence, margins and temperature."""

from dataclasses import dataclass

import torch
from torch import Tensor

from wolfdog.tv.world import UNKNOWN

from ..smoothing.any_class_features import lead_of_top
from ..smoothing.temperature import fit_temperature
from .look_probabilities import LookProbabilities, first_margin
from .network import UNTRUSTED, WorldNetwork
from .streams import SimulatedStreams

OVERTURNED = 0.01
"""Largest share of the clean frames named rightly by the classifier that the memory names otherwise."""
PRUDENCE = [step / 10 for step in range(31)]
RELIABLE = 0.9
"""Share of the clean frames of a margin that the classifier names rightly, where it is reliable."""
MARGINS = [step / 4 for step in range(1, 33)]
BAND = 1.0
"""Width of the band of margins in which that share is counted."""


@dataclass(frozen=True, eq=False)
class StreamTensors:
    """A segment as the network reads it."""

    labels: Tensor
    log_p: Tensor
    clock: Tensor
    clarity: Tensor

    @classmethod
    def of(cls, streams: SimulatedStreams, network: WorldNetwork) -> "StreamTensors":
        return cls(
            torch.from_numpy(streams.labels),
            torch.from_numpy(streams.log_p),
            network.clock(torch.from_numpy(streams.seconds)),
            torch.from_numpy(streams.clarity),
        )


@torch.no_grad()
def fit_prudence(network: WorldNetwork, clear: SimulatedStreams) -> None:
    """Fit the prudence on streams of clean photographs in no order and of unknown clarity, which need no memory.

    For each class it is the least of 0, 0.1, ..., 3 with which the memory overturns at most 1 % of the frames on
    which the classifier names this class rightly. That of `unknown` stays 0: it is what unclear animals are taken for.
    """
    network.prudence.zero_()
    seen = StreamTensors.of(clear, network)
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
def fit_margins(network: WorldNetwork, clean: SimulatedStreams) -> None:
    """Fit the margins on streams of clean photographs.

    That of a look is the least of 0.25, 0.5, ..., 8 such that of the frames that the classifier names so, with a margin
    between it and 1 more, at least 90 % are of this look. That of a class is the same among the frames of its look.
    They depend on the classifier alone, not on what the memory has learned.
    """
    log_p, labels = torch.from_numpy(clean.log_p).flatten(0, 1), torch.from_numpy(clean.labels).flatten()
    seen, look_of = LookProbabilities.of(log_p, network.looks), network.looks.argmax(-1)
    margin, said = first_margin(seen.looks)
    for look in range(len(network.look_margin)):
        named = said == look
        network.look_margin[look] = _reliable_margin(margin[named], look_of[labels[named]] == look)
    margin, said = seen.margins_within(network.looks)
    for k, look in enumerate(look_of):
        named = (said[:, look] == k) & (look_of[labels] == look)
        network.class_margin[k] = _reliable_margin(margin[named, look], labels[named] == k)


def _reliable_margin(margin: Tensor, right: Tensor) -> float:
    for least in MARGINS:
        band = right[(margin >= least) & (margin < least + BAND)]
        if not len(band) or band.float().mean() >= RELIABLE:
            return least
    return UNTRUSTED


@torch.no_grad()
def calibrate(network: WorldNetwork, streams: SimulatedStreams) -> None:
    """Fit the temperature on streams that the network was not trained on."""
    network.temperature.fill_(1.0)
    seen = StreamTensors.of(streams, network)
    log_q, _ = network(seen.log_p, seen.clock, clarity=seen.clarity)
    network.temperature.fill_(fit_temperature(log_q.flatten(0, 1), seen.labels.flatten()))
