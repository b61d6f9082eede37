"""Repeated reads of a memory (hops): each read changes the query of the next."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from ...cells.cell import positive
from ...cells.initialisation import parameter_factory
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from ..arguments import expands
from ..attention.weighting import Weighting, check_weighting, weights_of
from .tying import Adjacent, KeyValue, LayerWise, Tying, check_tying

INIT_STD = 0.1
"""Standard deviation of the initial parameters, as in the paper."""

INTEGER_TYPES = (torch.int64, torch.int32, torch.int16, torch.uint8)


class Embedded(NamedTuple):
    """Memories that are not computed: entries, and the matrix that embeds them.

        u . (A x_i) = (A^T u) . x_i,        sum_i p_i A x_i = A sum_i p_i x_i

    So the matrix is applied to each query and each sum in the place of each entry.

    Attributes:
        entries: [..., n, N].
        matrix: A [d, N].
    """

    entries: Tensor
    matrix: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape [..., n, d] of the memories."""
        return (*self.entries.shape[:-1], len(self.matrix))


class NormalInit(nn.Module):
    """Base class of modules whose parameters start as normal random numbers."""

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: normal random numbers with standard deviation 0.1."""
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=INIT_STD)


class Hops(NormalInit):
    """Reads of a memory network over embedded entries: `hops` reads, each with the controller u as its query.

        p_k     = softmax_i(u_k . (m_ki + T^A_k[age_i]))        over the entries i that are held
        o_k     = sum_i p_ki (c_ki + T^C_k[age_i])
        u_{k+1} = f(u_k + o_k), f(H u_k + o_k) or f(R_k (u_k + o_k)),   as `tying` has it

    The tying chooses m_k and c_k from the memories, which are all entries embedded by each of the `tables` matrices.
    `EntryHops` embeds vectors, `MemoryNetwork` words.

    Source: Sukhbaatar, Szlam, Weston and Fergus 2015, "End-to-end memory networks".

    Args:
        size: Features of a controller and of a memory, d.
        hops: Number of reads, K.
        tying: `Adjacent()`, `LayerWise()` or `KeyValue()`; None is `Adjacent()`.
        capacity: Number of ages L with an embedding T; older entries are invisible. None for no information on order.
        activation: f, for example torch.relu; None for the identity.
        linear: Whether p_k is the energies without the softmax, for the linear start of training. An attribute: set it
            to False when the loss on validation data stops falling; it is not part of the state_dict.
        weighting: "softmax" as written above, or "stick-breaking" for the weights of `stick_breaking` in its place, by
            which an entry hides older ones that match too; entries are then in the order of time, the oldest first, and
            the energies of hop k have a learned term b_k, which would not change a softmax.
        scaled: Whether energies are divided by sqrt(d), as in scaled dot-product attention (Vaswani et al. 2017).
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, the tying is of another type, or there is no such weighting.

    Examples:
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
        *,
        hops: int = 3,
        tying: Tying | None = None,
        capacity: int | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        linear: bool = False,
        weighting: Weighting = "softmax",
        scaled: bool = False,
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
        self.activation, self.linear, self.weighting = activation, linear, check_weighting(weighting)
        self.scaled, self.tables = scaled, self.tying.tables(hops)
        parameter = parameter_factory(device, dtype)
        self.T: nn.Parameter | None
        self.H: nn.Parameter | None
        self.R: nn.Parameter | None
        self.b: nn.Parameter | None
        self.register_parameter("T", parameter(self.tables, capacity, size) if capacity else None)
        self.register_parameter("H", parameter(size, size) if isinstance(self.tying, LayerWise) else None)
        self.register_parameter(
            "R", parameter(hops, size, size) if isinstance(self.tying, KeyValue) else None
        )
        self.register_parameter("b", parameter(hops) if weighting == "stick-breaking" else None)
        self.reset_parameters()

    def forward(
        self,
        u: Tensor,
        memories: Sequence[Tensor | Embedded],
        *,
        held: Tensor | None = None,
        ages: Tensor | None = None,
        bias: Tensor | None = None,
        empty: int = 0,
        rows: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Read the memories.

        Args:
            u: Queries [..., T, d] that share their entries.
            memories: One tensor [..., n, d] for each table, or its `Embedded` entries.
            held: Booleans expandable to [..., T, n]: True for visible entries; None for all.
            ages: Integers expandable to [..., T, n], 0 for the newest entry; required with a capacity.
            bias: Additive bias of the energies of every hop, expandable to [..., T, n], as of `Forgetting`.
            empty: Number of additional entries behind the memories that have an age and no content; n counts them in
                `held`, `ages` and the weights.
            rows: Integers expandable to [..., T, n - empty]: memories are then [N, d] for all queries, and these of
                their rows are the entries, which are never materialised as [..., n, d].

        Returns:
            The last controllers [..., T, d], and the weights of every hop [..., T, K, n]; zero if nothing is visible.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: Ages are missing, or are given although there is no capacity.
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
        if bias is not None and not expands(bias, shape):
            raise ShapeError(f"bias must expand to {list(shape)}; got {described(bias)}")
        T = () if self.T is None or ages is None else self.T.unbind()
        weights = []
        for hop in range(self.hops):
            keys, values = self.tying.tables_of_hop(hop)
            asked = u * self.size**-0.5 if self.scaled else u
            energies = pad(_energies(asked, memories[keys], rows), (0, empty))
            if ages is not None and T:
                energies = energies + _energies(asked, T[keys], ages)
            if self.b is not None:
                energies = energies + self.b[hop]
            if bias is not None:
                energies = energies + bias
            p = self._weights(energies, visible)
            o = _read(p[..., : n - empty], memories[values], rows)
            if ages is not None and T:
                o = o + _read(p, T[values], ages)
            u = self._next_controller(hop, u, o)
            weights.append(p)
        return u, torch.stack(weights, -2)

    def extra_repr(self) -> str:
        text = f"{self.size}, hops={self.hops}, tying={self.tying!r}"
        text += "" if self.capacity is None else f", capacity={self.capacity}"
        text += ", linear=True" if self.linear else ""
        text += "" if self.weighting == "softmax" else f", weighting={self.weighting!r}"
        return f"{text}, scaled=True" if self.scaled else text

    def _weights(self, energies: Tensor, visible: Tensor) -> Tensor:
        if self.linear:
            return energies.masked_fill(~visible, 0)
        return weights_of(self.weighting, energies, visible)

    def _next_controller(self, hop: int, u: Tensor, o: Tensor) -> Tensor:
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
        memories: Sequence[Tensor | Embedded],
        held: Tensor | None,
        ages: Tensor | None,
        empty: int,
        rows: Tensor | None,
    ) -> int:
        """Number of entries n, after all checks."""
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
            types, kind = ((torch.bool,), "booleans") if name == "held" else (INTEGER_TYPES, "whole numbers")
            if given is not None and (given.dtype not in types or not expands(given, of)):
                raise ShapeError(f"{name} must be {kind} that expand to {list(of)}; got {described(given)}")
        if ages is None and self.capacity is not None:
            raise InputError(
                "capacity is a number of ages: pass ages (whole numbers, 0 for the newest entry)"
            )
        if ages is not None and self.capacity is None:
            raise InputError("ages are not used without a capacity: leave them out, or pass capacity=")
        return entries + empty


def _energies(u: Tensor, memories: Tensor | Embedded, rows: Tensor | None) -> Tensor:
    """Products [..., T, n] of queries [..., T, d] with memories [..., n, d], or with rows of memories [N, d]."""
    if isinstance(memories, Embedded):
        return (u @ memories.matrix) @ memories.entries.transpose(-1, -2)
    products = u @ memories.transpose(-1, -2)
    return products if rows is None else products.gather(-1, rows)


def _read(p: Tensor, memories: Tensor | Embedded, rows: Tensor | None) -> Tensor:
    """Weighted sums [..., T, d] of the same memories, with weights [..., T, n]."""
    if isinstance(memories, Embedded):
        return linear(p @ memories.entries, memories.matrix)
    if rows is None:
        return p @ memories
    return p.new_zeros(*p.shape[:-1], len(memories)).scatter_add(-1, rows, p) @ memories
