"""Memory network over entries that are vectors, for example embeddings of frames."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...cells.initialisation import parameter_factory
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from ..attention.weighting import Weighting
from .hop_network import HopNetwork
from .hops import Embedded, Hops
from .tying import KeyValue, Tying


class EntryHops(HopNetwork):
    """End-to-end memory network over vectors.

        m_ki = A_k x_i,   c_ki = C_k x_i                      `Adjacent()`: C_k = A_{k+1};  `LayerWise()`: one A, one C
        m_i  = A x_i,     c_i  = C y_i                        `KeyValue()`: x_i is the key of an entry, y_i its value

    The reads are those of `Hops`, whose equations, sources and further options apply.

    `hops(queries, entries)` reads entries, and applies the matrices to queries and sums in the place of entries. Where
    there are more queries than entries, `memories = hops.embed(entries)` embeds each entry once, and
    `hops.read(queries, memories, held=held, ages=ages)` reads it as often as needed. T queries over one sequence of
    entries, each with its own window in `held`, are one call.

    Args:
        size: Features of a query and of a controller, d.
        entry_size: Features of an entry, or of its key, N.
        hops: Number of reads.
        tying: `Adjacent()`, `LayerWise()` or `KeyValue()`; None is `Adjacent()`.
        capacity: As of `Hops`.
        activation: As of `Hops`.
        linear: As of `Hops`.
        weighting: As of `Hops`.
        scaled: As of `Hops`.
        value_size: Features of a value, M, for `KeyValue()` only; None for `entry_size`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, or the options contradict each other.

    Examples:
        >>> hops = EntryHops(8, entry_size=16, hops=2, capacity=10)
        >>> t = torch.arange(30)
        >>> ages = t[:, None] - t  # query t sees entries t - 9, ..., t: older ones are beyond the capacity
        >>> u, weights = hops(torch.randn(4, 30, 8), torch.randn(4, 30, 16), ages=ages)
        >>> u.shape, weights.shape
        (torch.Size([4, 30, 8]), torch.Size([4, 30, 2, 30]))
    """

    def __init__(
        self,
        size: int,
        entry_size: int,
        *,
        hops: int = 3,
        tying: Tying | None = None,
        capacity: int | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        linear: bool = False,
        weighting: Weighting = "softmax",
        scaled: bool = False,
        value_size: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.entry_size = positive("entry_size", entry_size)
        self.read = Hops(
            size,
            hops=hops,
            tying=tying,
            capacity=capacity,
            activation=activation,
            linear=linear,
            weighting=weighting,
            scaled=scaled,
            device=device,
            dtype=dtype,
        )
        self.size, self.tables = size, self.read.tables
        if value_size is not None and not isinstance(tying, KeyValue):
            raise InputError(f"value_size is for tying=KeyValue() only; got {tying!r}")
        self.value_size = entry_size if value_size is None else positive("value_size", value_size)
        parameter = parameter_factory(device, dtype)
        keys = 1 if isinstance(tying, KeyValue) else self.tables
        self.A = parameter(keys, size, entry_size)
        self.C: nn.Parameter | None
        self.register_parameter("C", None if keys > 1 else parameter(size, self.value_size))
        self.reset_parameters()

    def embed(self, entries: Tensor, values: Tensor | None = None) -> tuple[Tensor, ...]:
        """Embed entries as memories.

        Args:
            entries: [..., n, N].
            values: Values of the entries [..., n, M], for `KeyValue()` only.

        Returns:
            Memories, each [..., n, d], one for each table.

        Raises:
            ShapeError: A shape is wrong.
            InputError: Values are missing, or are given although the tying has none.
        """
        return tuple(linear(memory.entries, memory.matrix) for memory in self._embedded(entries, values))

    def forward(
        self,
        queries: Tensor,
        entries: Tensor,
        values: Tensor | None = None,
        *,
        held: Tensor | None = None,
        ages: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Read entries, without embedding each one.

        Args:
            queries: [..., T, d].
            entries: As of `embed`.
            values: As of `embed`.
            held: As of `Hops.forward`.
            ages: As of `Hops.forward`.

        Returns:
            The last controllers [..., T, d], and the weights of every hop [..., T, K, n].
        """
        results: tuple[Tensor, Tensor] = self.read(
            queries, self._embedded(entries, values), held=held, ages=ages
        )
        return results

    def _embedded(self, entries: Tensor, values: Tensor | None) -> tuple[Embedded, ...]:
        _check("entries", entries, self.entry_size)
        memories = tuple(Embedded(entries, A) for A in self.A.unbind())
        if self.C is None:
            if values is not None:
                raise InputError("values are for tying=KeyValue() only: leave them out")
            return memories
        if values is None:
            raise InputError("tying=KeyValue() needs a value for each key: pass values")
        _check("values", values, self.value_size)
        return (*memories, Embedded(values, self.C))

    def extra_repr(self) -> str:
        return f"entry_size={self.entry_size}" + ("" if self.C is None else f", value_size={self.value_size}")


def _check(name: str, tensor: Tensor, size: int) -> None:
    if tensor.dim() < 2 or tensor.shape[-1] != size:
        raise ShapeError(f"{name} must be [..., n, {size}]; got {described(tensor)}")
