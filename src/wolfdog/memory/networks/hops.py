"""Several hops of reading: what was read changes what is looked for next. It knows neither words nor frames."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from ..attention.past import softmax_over
from .tying import Adjacent, KeyValue, LayerWise, Tying, check_tying

SPREAD = 0.1
"""Parameters start as normal numbers of this standard deviation, as the paper's do."""

WHOLE = (torch.int64, torch.int32, torch.int16, torch.uint8)


class Spread(nn.Module):
    """A module whose parameters start as normal numbers."""

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal numbers, with a standard deviation of 0.1."""
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=SPREAD)


class Hops(Spread):
    """What a memory network does once its entries are vectors: it reads `hops` times, asked by a controller u.

        p_k     = softmax_i(u_k . (m_ki + T^A_k[age_i]))        over the entries i that are held
        o_k     = sum_i p_ki (c_ki + T^C_k[age_i])
        u_{k+1} = f(u_k + o_k), f(H u_k + o_k) or f(R_k (u_k + o_k)),   as `tying` has it

    m_k and c_k, what hop k looks through and what it reads, are taken by `tying` from the memories: all entries,
    embedded by each of the `tables` matrices. `EntryHops` makes them from vectors, `MemoryNetwork` from words.

    size        features of a controller and of a memory, d
    hops        how many times it reads, K
    tying       `Adjacent()`, `LayerWise()` or `KeyValue()`
    capacity    L, how many ages T tells apart: what is older is not held; None: it is not known what came when
    activation  f, as torch.relu; None: nothing
    linear      no softmax, p_k is what it is taken of: the linear start of training. An attribute, to be set to False
                when the loss on held-out examples no longer falls; it is no part of the state_dict

    Source: Sukhbaatar, Szlam, Weston and Fergus 2015, "End-to-end memory networks".
    Raises InputError for sizes that are no positive whole numbers, and for what is no tying.

    >>> hops = Hops(8, hops=3, capacity=50)
    >>> memories = torch.randn(hops.tables, 2, 50, 8).unbind()
    >>> ages = torch.arange(49, -1, -1)  # the last entry is the newest
    >>> u, weights = hops(torch.randn(2, 1, 8), memories, ages=ages)
    >>> u.shape, weights.shape
    (torch.Size([2, 1, 8]), torch.Size([2, 1, 3, 50]))
    """

    def __init__(
        self,
        size: int,
        hops: int = 3,
        tying: Tying | None = None,
        capacity: int | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        linear: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.size, self.hops = positive("size", size), positive("hops", hops)
        self.tying = Adjacent() if tying is None else check_tying(tying)
        self.capacity = None if capacity is None else positive("capacity", capacity)
        if activation is not None and not callable(activation):
            raise InputError(
                f"activation must be a function of a tensor, as torch.relu, or None; got {activation!r}"
            )
        self.activation, self.linear = activation, linear
        self.tables = self.tying.tables(hops)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.T: nn.Parameter | None
        self.H: nn.Parameter | None
        self.R: nn.Parameter | None
        self.register_parameter("T", parameter(self.tables, capacity, size) if capacity else None)
        self.register_parameter("H", parameter(size, size) if isinstance(self.tying, LayerWise) else None)
        self.register_parameter(
            "R", parameter(hops, size, size) if isinstance(self.tying, KeyValue) else None
        )
        self.reset_parameters()

    def forward(
        self,
        u: Tensor,
        memories: Sequence[Tensor],
        held: Tensor | None = None,
        ages: Tensor | None = None,
        empty: int = 0,
        rows: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The last controllers [..., T, d], and the weights of every hop [..., T, K, n]; zero where nothing is held.

        u         [..., T, d]: T queries that share their entries
        memories  by table, each [..., n, d]
        held      booleans [..., T, n], or what can be expanded to it; None: all entries are
        ages      whole numbers [..., T, n] from 0, the newest, likewise: wanted where there is a capacity
        empty     so many entries come behind those of the memories, of which there is nothing but an age: n counts
                  them in held, ages and weights
        rows      whole numbers [..., T, n - empty], or what can be expanded to it: memories are [N, d] for all queries
                  alike, and these rows of them are the entries, which are never laid out as [..., n, d]

        Raises ShapeError for a wrong shape, InputError for missing ages and for ages that nothing looks at.
        """
        n = self._checked(u, memories, held, ages, empty, rows)
        shape = (*u.shape[:-1], n)
        visible = u.new_ones(shape, dtype=torch.bool) if held is None else held.expand(shape)
        if ages is not None and self.capacity is not None:
            ages = ages.long().expand(shape)
            visible = visible & (ages >= 0) & (ages < self.capacity)
            ages = ages.clamp(0, self.capacity - 1)
        if rows is not None:
            rows = rows.long().expand(*u.shape[:-1], n - empty)
        T = () if self.T is None or ages is None else self.T.unbind()
        weights = []
        for hop in range(self.hops):
            looked, read = self.tying.of_hop(hop)
            energies = pad(_energies(u, memories[looked], rows), (0, empty))
            if ages is not None and T:
                energies = energies + _energies(u, T[looked], ages)
            p = energies.masked_fill(~visible, 0) if self.linear else softmax_over(energies, visible)
            o = _read(p[..., : n - empty], memories[read], rows)
            if ages is not None and T:
                o = o + _read(p, T[read], ages)
            u = self._after(hop, u, o)
            weights.append(p)
        return u, torch.stack(weights, -2)

    def extra_repr(self) -> str:
        shown = f"{self.size}, hops={self.hops}, tying={self.tying!r}"
        shown += "" if self.capacity is None else f", capacity={self.capacity}"
        return shown + (", linear=True" if self.linear else "")

    def _after(self, hop: int, u: Tensor, o: Tensor) -> Tensor:
        if self.H is not None:
            u = linear(u, self.H) + o
        elif self.R is not None:
            u = linear(u + o, self.R[hop])
        else:
            u = u + o
        return u if self.activation is None else self.activation(u)

    def _checked(
        self,
        u: Tensor,
        memories: Sequence[Tensor],
        held: Tensor | None,
        ages: Tensor | None,
        empty: int,
        rows: Tensor | None,
    ) -> int:
        """How many entries there are."""
        if u.dim() < 2 or u.shape[-1] != self.size:
            raise ShapeError(f"queries must be [..., T, {self.size}]; got {described(u)}")
        shapes = {tuple(memory.shape) for memory in memories}
        one: tuple[int, ...] = min(shapes, default=())
        dims = u.dim() if rows is None else 2
        if len(memories) != self.tables or len(shapes) > 1 or len(one) != dims or one[-1] != self.size:
            layout = f"[..., n, {self.size}], with as many dimensions as the queries {list(u.shape)}"
            raise ShapeError(
                f"memories must be {self.tables} of {layout if rows is None else f'[N, {self.size}]'}; "
                f"got {[described(memory) for memory in memories]}"
            )
        entries = one[-2] if rows is None else rows.shape[-1]
        shape = (*u.shape[:-1], entries + empty)
        for name, given, of in (
            ("held", held, shape),
            ("ages", ages, shape),
            ("rows", rows, (*shape[:-1], entries)),
        ):
            types, kind = ((torch.bool,), "booleans") if name == "held" else (WHOLE, "whole numbers")
            if given is not None and (given.dtype not in types or not _expands(given, of)):
                raise ShapeError(
                    f"{name} must be {kind} {list(of)}, or what expands to it; got {described(given)}"
                )
        if ages is None and self.capacity is not None:
            raise InputError(
                "capacity tells entries apart by their ages: pass ages (whole numbers, 0 is the newest)"
            )
        if ages is not None and self.capacity is None:
            raise InputError("ages were given, but nothing looks at them: leave them out, or give a capacity")
        return entries + empty


def _energies(u: Tensor, memories: Tensor, rows: Tensor | None) -> Tensor:
    """Products [..., T, n] of queries [..., T, d] with memories [..., n, d], or with rows of memories [N, d]."""
    products = u @ memories.transpose(-1, -2)
    return products if rows is None else products.gather(-1, rows)


def _read(p: Tensor, memories: Tensor, rows: Tensor | None) -> Tensor:
    """Sums [..., T, d] of the same memories by weights [..., T, n]."""
    if rows is None:
        return p @ memories
    return p.new_zeros(*p.shape[:-1], len(memories)).scatter_add(-1, rows, p) @ memories


def _expands(tensor: Tensor, shape: tuple[int, ...]) -> bool:
    wide = zip(reversed(tensor.shape), reversed(shape), strict=False)
    return tensor.dim() <= len(shape) and all(one in (1, other) for one, other in wide)
