"""A memory network whose entries are vectors: what an eye made of frames, for example."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from .hops import Hops
from .over_hops import OverHops
from .tying import KeyValue, Tying


class EntryHops(OverHops):
    """An end-to-end memory network over entries of real numbers.

        m_ki = A_k x_i,   c_ki = C_k x_i                      `Adjacent()`: C_k = A_{k+1};  `LayerWise()`: one A, one C
        m_i  = A x_i,     c_i  = C y_i                        `KeyValue()`: x_i is the key of an entry, y_i its value

    and `Hops` over them, whose equations, sources and further options are this one's.

    size        features of a query and of what is returned, d
    entry_size  features of an entry, or of its key, N
    value_size  features of a value, M: for `KeyValue()` alone; N unless given

    `hops(queries, entries)` embeds and reads. In streams an entry is embedded once, `memories = hops.embed(entries)`,
    and is then read as often as one likes, `hops.read(queries, memories, held, ages)`: T queries over one stretch of
    entries, each with a window of its own in `held`, are one call.

    Raises InputError for sizes that are no positive whole numbers and for options that contradict each other.

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
        hops: int = 3,
        tying: Tying | None = None,
        capacity: int | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        linear: bool = False,
        value_size: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.entry_size = positive("entry_size", entry_size)
        self.read = Hops(size, hops, tying, capacity, activation, linear, device, dtype)
        self.size, self.tables = size, self.read.tables
        if value_size is not None and not isinstance(tying, KeyValue):
            raise InputError(
                f"entries have values of their own with KeyValue() alone; got value_size and {tying!r}"
            )
        self.value_size = entry_size if value_size is None else positive("value_size", value_size)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        keys = 1 if isinstance(tying, KeyValue) else self.tables
        self.A = parameter(keys, size, entry_size)
        self.C: nn.Parameter | None
        self.register_parameter("C", None if keys > 1 else parameter(size, self.value_size))
        self.reset_parameters()

    def embed(self, entries: Tensor, values: Tensor | None = None) -> tuple[Tensor, ...]:
        """Entries [..., n, N], and with `KeyValue()` their values [..., n, M], as memories, each [..., n, d].

        Raises ShapeError for a wrong shape, InputError for missing values and for values that nothing reads.
        """
        _check("entries", entries, self.entry_size)
        memories = tuple(linear(entries, A) for A in self.A.unbind())
        if self.C is None:
            if values is not None:
                raise InputError(
                    "entries have values of their own with tying=KeyValue() alone: leave values out"
                )
            return memories
        if values is None:
            raise InputError("with tying=KeyValue() an entry is a key and a value: pass values")
        _check("values", values, self.value_size)
        return (*memories, linear(values, self.C))

    def forward(
        self,
        queries: Tensor,
        entries: Tensor,
        values: Tensor | None = None,
        held: Tensor | None = None,
        ages: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The last controllers [..., T, d] of queries [..., T, d], and the weights of every hop [..., T, K, n].

        entries, values as `embed` takes them; held, ages and errors as `Hops` has them.
        """
        found: tuple[Tensor, Tensor] = self.read(queries, self.embed(entries, values), held, ages)
        return found

    def extra_repr(self) -> str:
        return f"entry_size={self.entry_size}" + ("" if self.C is None else f", value_size={self.value_size}")


def _check(name: str, tensor: Tensor, size: int) -> None:
    if tensor.dim() < 2 or tensor.shape[-1] != size:
        raise ShapeError(f"{name} must be [..., n, {size}]; got {described(tensor)}")
