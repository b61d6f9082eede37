"""Readers of an attention memory: multi-head attention, and the hops of a memory network."""

import math

import torch
from torch import Tensor, nn

from ...memory import BankReader, EntryHops, LayerWise, RelativeTime
from ...memory.attention.weighting import Weighting
from .window import WindowView

SLOPE, FALLS = 0.5, (128.0, 32.0, 8.0)
"""Initial time bias of softmax heads: decrease of their scores with log(1 + time passed), and each head's decrease
linear in time over the span that is held."""

ENERGIES = (-1.0, -3.5, -6.0)
"""Initial time bias of stick-breaking heads: an entry takes a share of 0.27, 0.03 and 0.002 of what newer ones left."""

ENERGY_OF_HOPS = -3.5
"""Initial energy of all entries in a hop: they take a share of 0.03 of what newer ones left."""

KNOTS = 16
AGES = 96
"""Number of age intervals that hops distinguish; their lengths grow geometrically."""


class AttentionReader(nn.Module):
    """Multi-head attention over the entries, with the current moment as the query.

        y = W_o [head_1, ..., head_n] + b_o                  the heads of `wolfdog.memory.BankReader`

    Entries are read without detaching them, so gradients reach all that are held. Stick-breaking lets an entry end the
    influence of older entries of its kind; its heads begin with biases that are alike for all times, from one that
    reads the latest few entries to one that reads hundreds. Softmax heads begin with biases that decrease with the time
    passed,

        b_h(t) = -slope log(1 + t / shortest) - fall_h t / longest

    from a steep head, which favours the most recent entries, to a shallow one, which covers the whole span.

    Args:
        queries: Size of a query.
        entry: Size of an entry.
        output: Size of the output.
        shortest: Seconds between two entries.
        longest: Seconds to the oldest entry.
        weighting: Weights of the heads. Softmax suits entries that are states of a cell, since the cell itself forgets.
    """

    def __init__(
        self,
        queries: int,
        entry: int,
        output: int,
        shortest: float,
        longest: float,
        *,
        weighting: Weighting = "stick-breaking",
    ) -> None:
        super().__init__()
        position = RelativeTime(shortest, longest, knots=KNOTS)
        along = torch.linspace(0, math.log1p(longest / shortest), KNOTS)
        if weighting == "softmax":
            start = -torch.stack([_fall(along, SLOPE, fall, shortest, longest) for fall in FALLS])
        else:
            start = torch.tensor(ENERGIES)[:, None].expand(-1, KNOTS)
        self.reader = BankReader(
            queries, entry, heads=len(start), output_size=output, position=position, weighting=weighting
        )
        with torch.no_grad():
            assert self.reader.time_bias is not None
            self.reader.time_bias.copy_(start)

    def forward(self, x: Tensor, view: WindowView, query: slice, when: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and attention weights of queries.

        Args:
            x: Queries [B, Q, I].
            view: Entries that are visible to each moment.
            query: Moments of the queries.
            when: [B, Q] seconds.

        Returns:
            Outputs [B, Q, O], and weights [B, Q, S], the mean over the heads.
        """
        past = elapsed(when, view.times)
        y, weights = self.reader.over(x, view.entries, view.visible(query), elapsed=past)
        return y, weights.mean(1)


class HopReader(nn.Module):
    """Memory network over the entries: one or more hops, each with a query updated by the one before.

        u_1 = B x + b,   u_{k+1} = H u_k + o_k               `wolfdog.memory.EntryHops`, layer-wise
        y   = u_{K+1}

    Weights are those of stick-breaking, so that of two cues the later one counts, and energies are scaled. A hop begins
    by reading some tens of entries. With a second hop, fewer trainings learned the age of a cue. Ages are encoded in
    intervals of time that grow geometrically from `shortest`.

    Args:
        queries: Size of a query.
        entry: Size of an entry.
        output: Size of the output.
        shortest: Seconds between two entries.
        longest: Seconds to the oldest entry.
        hops: Number of hops.
    """

    def __init__(
        self, queries: int, entry: int, output: int, shortest: float, longest: float, hops: int = 1
    ) -> None:
        super().__init__()
        self.shortest, self.longest = shortest, longest
        self.ask = nn.Linear(queries, output)
        self.hops = EntryHops(
            output,
            entry,
            hops=hops,
            tying=LayerWise(),
            capacity=AGES,
            weighting="stick-breaking",
            scaled=True,
        )
        with torch.no_grad():
            read = self.hops.read
            assert read.H is not None
            assert read.b is not None
            self.hops.A.normal_(std=output**-0.5)
            read.H.copy_(torch.eye(output))
            read.b.fill_(ENERGY_OF_HOPS)

    def forward(self, x: Tensor, view: WindowView, query: slice, when: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and attention weights of queries; see `AttentionReader`. The weights are the mean over the hops."""
        passed = elapsed(when, view.times).clamp(0, self.longest) / self.shortest
        share = passed.log1p() / math.log1p(self.longest / self.shortest)
        ages = (share * AGES).long().clamp(max=AGES - 1)
        y, weights = self.hops(self.ask(x), view.entries, held=view.visible(query), ages=ages)
        return y, weights.mean(2)


def _fall(along: Tensor, slope: float, fall: float, shortest: float, longest: float) -> Tensor:
    """Decrease of an attention score at log(1 + time passed / shortest)."""
    return slope * along + fall * along.expm1() * shortest / longest


def elapsed(when: Tensor, then: Tensor) -> Tensor:
    """Seconds between entries and queries.

    Args:
        when: [B, Q] times of the queries.
        then: [B, S] times of the entries.

    Returns:
        [B, Q, S]; [1, Q, S] where all streams have the same times.
    """
    if bool((when == when[:1]).all()) and bool((then == then[:1]).all()):
        when, then = when[:1], then[:1]
    return when[:, :, None] - then[:, None]


Reader = AttentionReader | HopReader
