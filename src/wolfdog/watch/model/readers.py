"""Readers of a searched memory: attention heads, or several hops."""

import math

import torch
from torch import Tensor, nn

from ...memory import BankReader, EntryHops, LayerWise, RelativeTime
from .window import WindowView

SLOPES, FALLS = (0.5, 0.5, 0.5), (128.0, 32.0, 8.0)
"""Of each head, before anything is learned: how steeply energies fall with log(1 + time passed), and by how much
they fall besides, evenly over the time that is held."""

KNOTS = 16
AGES = 96
"""Stretches of time that hops tell apart, each longer by the same factor than the one before it."""


class AttentionReader(nn.Module):
    """Attention with several heads over what is kept, asked by the moment itself.

        y = W_o [head_1, ..., head_n] + b_o                  the heads of `wolfdog.memory.BankReader`

    Entries are read as they lie, so that all that was kept trains, whenever it was kept. What counts is the last thing
    that told, and a softmax weighs all of them: biases begin as

        b_h(t) = -slope_h log(1 + t / shortest) - fall_h t / longest

    from a steep head, which sees what was last, to a shallow one, which sees far enough to begin to learn.
    """

    def __init__(self, queries: int, entry: int, output: int, shortest: float, longest: float) -> None:
        super().__init__()
        position = RelativeTime(shortest, longest, KNOTS)
        self.reader = BankReader(queries, entry, heads=len(SLOPES), output_size=output, position=position)
        along = torch.linspace(0, math.log1p(longest / shortest), KNOTS)
        falls = [_fall(along, *of_head, shortest, longest) for of_head in zip(SLOPES, FALLS, strict=True)]
        with torch.no_grad():
            assert self.reader.time_bias is not None
            self.reader.time_bias.copy_(-torch.stack(falls))

    def forward(self, x: Tensor, view: WindowView, query: slice, when: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [B, Q, O] of what asks [B, Q, I], and weights [B, Q, S], the mean over the heads.

        when  [B, Q] seconds
        """
        y, weights = self.reader.over(x, view.entries, view.visible(query), elapsed=elapsed(when, view.times))
        return y, weights.mean(1)


class HopReader(nn.Module):
    """A memory network over what is kept: it reads in several hops, and what was read changes what is looked for.

        u_1 = B x + b,   u_{k+1} = H u_k + o_k               `wolfdog.memory.EntryHops`, layer-wise
        y   = u_{K+1}

    Ages are stretches of time, as long as `shortest` at first and each longer by the same factor.
    """

    def __init__(
        self, queries: int, entry: int, output: int, shortest: float, longest: float, hops: int = 2
    ) -> None:
        super().__init__()
        self.shortest, self.longest = shortest, longest
        self.ask = nn.Linear(queries, output)
        self.hops = EntryHops(output, entry, hops=hops, tying=LayerWise(), capacity=AGES)
        middles = (torch.arange(AGES) + 0.5) / AGES * math.log1p(longest / shortest)
        direction = torch.full((output,), output**-0.5)
        with torch.no_grad():
            read = self.hops.read
            assert read.T is not None
            assert read.H is not None
            read.T[0] -= _fall(middles, SLOPES[-1], FALLS[-1], shortest, longest)[:, None] * direction
            self.ask.bias.copy_(direction)
            read.H.copy_(torch.eye(output))

    def forward(self, x: Tensor, view: WindowView, query: slice, when: Tensor) -> tuple[Tensor, Tensor]:
        """As `AttentionReader` has it; the weights are the mean over the hops."""
        passed = elapsed(when, view.times).clamp(0, self.longest) / self.shortest
        share = passed.log1p() / math.log1p(self.longest / self.shortest)
        ages = (share * AGES).long().clamp(max=AGES - 1)
        memories = self.hops.embed(view.entries)
        y, weights = self.hops.read(self.ask(x), memories, held=view.visible(query), ages=ages)
        return y, weights.mean(2)


def _fall(along: Tensor, slope: float, fall: float, shortest: float, longest: float) -> Tensor:
    """By how much an energy falls at log(1 + time passed / shortest)."""
    return slope * along + fall * along.expm1() * shortest / longest


def elapsed(when: Tensor, then: Tensor) -> Tensor:
    """Seconds [B, Q, S] from `then` [B, S] to `when` [B, Q]; [1, Q, S] where all streams have the same clock."""
    if bool((when == when[:1]).all()) and bool((then == then[:1]).all()):
        when, then = when[:1], then[:1]
    return when[:, :, None] - then[:, None]


Reader = AttentionReader | HopReader
