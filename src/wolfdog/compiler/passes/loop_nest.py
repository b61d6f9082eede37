"""Loop nests: matrix products, fused loops, and the buffers of values."""

from dataclasses import dataclass, field

from ..ir.operations import Kind
from ..ir.program import Program
from ..ir.values import Value
from .buffers import BufferView


@dataclass(frozen=True)
class Product:
    """Matrix product C (+)= A W for every example, `times` times: for heads, or for several rows of features."""

    operand: BufferView
    matrix: str
    depth: int
    width: int
    times: int
    heads: bool
    result: str  # a scratch buffer
    fresh: bool  # whether what was in the buffer is forgotten


@dataclass
class Item:
    """Value that a loop computes, or copies from `source`, and the views that it is stored to."""

    value: Value
    source: Value | None = None
    stores: list[BufferView] = field(default_factory=list)

    @property
    def reads(self) -> tuple[Value, ...]:
        """Operands of the item."""
        return self.value.operands if self.source is None else (self.source,)


@dataclass
class Loop:
    """Fused loop over one index space; the axes in `reduced`, counted from the end, are reduced and innermost."""

    domain: tuple[int, ...]
    items: list[Item] = field(default_factory=list)
    reduced: tuple[int, ...] | None = None

    def takes(self, item: Item) -> bool:
        """Whether an item can be fused into this loop."""
        if domain_of(item) != self.domain:
            return False
        axes = item.value.attributes["axes"] if is_reduction(item) else None
        return axes is None or self.reduced is None or self.reduced == axes

    def add(self, item: Item) -> None:
        """Add an item."""
        self.items.append(item)
        if is_reduction(item):
            self.reduced = tuple(item.value.attributes["axes"])


@dataclass(frozen=True)
class Stage:
    """Stage of a step: products, then loops over every example."""

    products: list[Product]
    loops: list[Loop]


@dataclass(frozen=True)
class LoopNest:
    """Executable form of a program.

    scratch  widths of scratch buffers; `products` is the set of those that products write
    streams  widths of what is written for every step
    aliases  outputs that need no buffer of their own: they lie in another's
    """

    program: Program
    reverse: bool
    stages: list[Stage]
    places: dict[Value, BufferView]
    scratch: dict[str, int]
    products: set[str]
    streams: dict[str, tuple[int, ...]]
    aliases: dict[str, BufferView]


def is_reduction(item: Item) -> bool:
    """Whether an item is a reduction."""
    return item.source is None and item.value.kind is Kind.REDUCE


def domain_of(item: Item) -> tuple[int, ...]:
    """Index space of an item."""
    if item.source is not None:
        return item.source.shape
    return item.value.operands[0].shape if is_reduction(item) else item.value.shape
