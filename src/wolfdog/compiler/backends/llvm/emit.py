"""Source code of kernels: a loop nest as a function, in the subset of Python that `lower` compiles.

A kernel is `kernel(table, first, second)` over a table of addresses, in one of two forms:

- *batch-split*: `kernel(table, low, end)` runs every step for the examples `low` to `end`. Each thread has its own
  range, and no thread waits for another inside the loop over time.
- *cooperative*: `kernel(table, own, parts)` runs every step for all examples. Each thread computes its part of the
  columns of every product and every loop, with a barrier between them; `barrier` describes what happens where a thread
  is late. It serves small batches: each core then keeps a part of the matrices in its own caches.

The table holds int64 values. Header: number of steps; address of the lengths (0: none); address of the matrix product;
for cooperative kernels the address of the barrier's shared memory, the address of a function that yields the
processor, and the number of examples; address of the sort order (0: none). Then, for every buffer: its address, its
stride in bytes from step to step and from example to example, and the number of steps that it holds.

Kernels process examples in descending order of length. Where the caller's lengths do not descend, the sort order gives
the caller's index of each example, and the kernel reads events and writes outputs in the caller's order.
"""

from dataclasses import dataclass

from ...ir.values import Builder
from ...passes.buffers import BufferView, whole
from ...passes.loop_nest import Item, Loop, LoopNest, Product
from .loops import LoopEmitter
from .subnormals import negligible
from .target import Target

HEADER = 7
"""Entries of the table before those of the buffers."""

FIELDS = 4
"""Entries of the table for each buffer."""


@dataclass(frozen=True)
class CallerStreams:
    """Streams in the caller's order of examples: inputs that a kernel reads and outputs that it writes, by name."""

    inputs: frozenset[str] = frozenset()
    outputs: tuple[str, ...] = ()

    @property
    def delivered(self) -> dict[str, str]:
        """Names of the buffers for outputs in the caller's order, each with the name of its output."""
        return {f"{name}_out": name for name in self.outputs}


@dataclass(frozen=True)
class Kernel:
    """Source code of a kernel and its buffers.

    Attributes:
        source: The source code.
        buffers: Names of the buffers, in the order of the table.
        scratch: Elements per example of every scratch buffer.
    """

    source: str
    buffers: tuple[str, ...]
    scratch: dict[str, int]


def emit(nest: LoopNest, target: Target, callers: CallerStreams, cooperative: bool = False) -> Kernel:
    """Kernel of a loop nest; a cooperative kernel supports no sort order."""
    return Emitter(nest, target, callers, cooperative).run()


class Emitter:
    """Generator of a kernel's source code."""

    def __init__(self, nest: LoopNest, target: Target, callers: CallerStreams, cooperative: bool) -> None:
        self.nest, self.target, self.callers, self.cooperative = nest, target, callers, cooperative
        self.size = target.bits // 8
        self.buffers: dict[str, None] = {}
        self.moments: dict[tuple[str, int], str] = {}  # variables of a buffer's address at a step
        self.lines: list[str] = []
        self.scratch: dict[str, int] = dict(nest.scratch)
        self.gathered: dict[str, None] = {}  # streams in the caller's order that products read

    def run(self) -> Kernel:
        for stage in self.nest.stages:
            begin = len(self.lines)
            for product in stage.products:
                self._product(product)
            self._phase(begin)
            for number, loop in enumerate(stage.loops):
                begin = len(self.lines)
                emitter = LoopEmitter(self, loop, self.cooperative)
                if self.cooperative:
                    # a reduction is not divided: each thread takes whole examples
                    shared = "low, high" if emitter.divided else "part, high, parts"
                    self._say(2, f"for b in range({shared}):")
                elif number == 0:
                    self._say(2, "for b in range(low, high):")
                emitter.run()
                self._phase(begin)
        if not self.cooperative:
            self._deliver()
        after, self.lines = self.lines, []
        self._gather()
        body, self.lines = self.lines + after, []
        self._say(0, f"def kernel(table, {'own, parts' if self.cooperative else 'low, end'}):")
        self._say(1, "steps, lengths, tile = field(table, 0), field(table, 1), field(table, 2)")
        if self.cooperative:
            self._say(1, "shared, rest, low, end = field(table, 3), field(table, 4), 0, field(table, 5)")
            self._say(1, "goal = 0")
        elif self.callers.inputs or self.callers.outputs:
            self._say(1, "order = field(table, 6)")
        # buffers whose addresses change with every call come first: a single step then writes one run of the table
        buffers = sorted(self.buffers, key=lambda name: name in self.scratch or self._unbatched(name))
        for number, name in enumerate(buffers):
            at = HEADER + FIELDS * number
            fields = ", ".join(f"field(table, {at + i})" for i in range(FIELDS))
            self._say(1, f"{name}, {name}_step, {name}_row, {name}_room = {fields}")
        flushes = self.nest.reverse and negligible(self.nest.program)
        if flushes:
            self._say(1, "mode = flush()")
        self._say(1, "high = end")
        self._say(1, "for t in range(steps - 1, -1, -1):" if self.nest.reverse else "for t in range(steps):")
        self._say(2, "if lengths != 0:")
        self._say(3, "high = low")
        self._say(3, "while high < end and field(lengths, high) > t:")
        self._say(4, "high += 1")
        for (name, shift), variable in self.moments.items():
            moment = "t" if shift == 0 else f"(t + {shift})"
            self._say(2, f"{variable} = {name} + {moment} % {name}_room * {name}_step")
        self.lines += body
        self._clear()
        if flushes:
            self._say(1, "restore(mode)")
        return Kernel("\n".join(self.lines) + "\n", tuple(buffers), self.scratch)

    def _gather(self) -> None:
        """Copy rows that products read from the caller's order to the kernel's order."""
        for name in self.gathered:
            value = next(v for v in self.nest.places if v.op == "input" and v.name == name)
            rows = f"{name}_rows"
            self.scratch[f"{name}_here"] = value.type.size
            self._say(2, f"{rows}, {rows}_row = {name}_t, {name}_row")
            self._say(2, "if order != 0:")
            self._say(3, f"{rows}, {rows}_row = {name}_here, {name}_here_row")
            self._say(3, "for b in range(low, high):")
            copy = Loop(value.shape, [Item(value, value, [whole(f"{name}_here", value.shape)])])
            LoopEmitter(self, copy, depth=4).run()

    def _deliver(self) -> None:
        """Copy outputs to the caller's order, with zeros for examples that have ended."""
        for buffer, name in self.callers.delivered.items():
            value, home = self.nest.program.outputs[name], self.nest.aliases[name]
            zero = Builder().fill(0.0, value.shape)
            self._say(2, f"if order != 0 and {buffer} != 0:")
            for source, examples in ((value, "low, high"), (zero, "high, end")):
                self._say(3, f"for b in range({examples}):")
                copy = Loop(value.shape, [Item(source, source, [whole(buffer, value.shape)])])
                LoopEmitter(self, copy, places={value: home}, depth=4).run()

    def _phase(self, begin: int) -> None:
        """Make the lines from a number on a phase of a cooperative kernel, of which each thread claims pieces."""
        if not self.cooperative or len(self.lines) == begin:
            return
        body, self.lines[begin:] = self.lines[begin:], []
        self._say(2, "goal += parts")
        for line in ("part = claim(shared, own, goal, parts, rest)", "while part >= 0:"):
            self._say(2, line)
        self.lines += [f"    {line}" for line in body]
        self._say(3, "finish(shared)")
        self._say(3, "part = claim(shared, own, goal, parts, rest)")

    def _clear(self) -> None:
        """Fill outputs with zeros where examples have ended; states only where every step of them is kept."""
        got = {self.nest.aliases[name].buffer for name in self.callers.outputs}
        kept = "" if self.cooperative else " and order == 0"
        for (name, shift), variable in self.moments.items():
            state = shift == 1 and not self.nest.reverse
            if name in got and (state or name in self.nest.streams):
                self._say(2, f"if high < end{f' and {name}_room > steps' if state else ''}{kept}:")
                self._say(3, f"clear({variable} + high * {name}_row, (end - high) * {name}_row)")

    def _say(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def _use(self, name: str) -> str:
        self.buffers.setdefault(name)
        return name

    def _at(self, place: BufferView) -> str:
        """Variable of a buffer's address at the current step."""
        self._use(place.buffer)
        if place.buffer in self.scratch or self._unbatched(place.buffer):
            return place.buffer
        name = f"{place.buffer}_t" if place.shift == 0 else f"{place.buffer}_next"
        return self.moments.setdefault((place.buffer, place.shift), name)

    def _unbatched(self, buffer: str) -> bool:
        return any(
            v.op == "input" and not v.type.batched and p.buffer == buffer for v, p in self.nest.places.items()
        )

    def _product(self, product: Product) -> None:
        size = self.size
        a, row = self._rows(product.operand)
        c, w, first = self._use(product.result), self._use(product.matrix), product.operand.offset * size
        panel, padded = self.target.panel, self._padded(product.width)
        self.scratch[c] = (product.times - 1) * product.width + padded
        depth, more_a, more_c, begin, width = 2, "", "", "0", str(product.width)
        if product.times > 1:
            of = f"part, {product.times}, parts" if self.cooperative else str(product.times)
            self._say(2, f"for head in range({of}):")
            depth, more_a, more_c = (
                3,
                f" + head * {product.depth * size}",
                f" + head * {product.width * size}",
            )
            begin = f"head * {padded // panel}" if product.heads else "0"
        elif self.cooperative:
            self._say(2, f"first, last = {self._part(padded // panel)}")
            width = f"least(last * {panel}, {product.width}) - first * {panel}"
            more_c, begin = f" + first * {panel * size}", "first"
        self._say(
            depth,
            f"product(tile, {a} + low * {row} + {first}{more_a}, {row} // {size}, {w}, {begin}, {product.depth}, "
            f"{c} + low * {c}_row{more_c}, {c}_row // {size}, {width}, high - low, {int(product.fresh)})",
        )

    def _rows(self, place: BufferView) -> tuple[str, str]:
        """Variables of a product operand: its address at the current step, and its stride in bytes per example."""
        at = self._at(place)
        if self.is_callers(place):
            self.gathered.setdefault(place.buffer)
            at = f"{place.buffer}_rows"
            return at, f"{at}_row"
        return at, f"{place.buffer}_row"

    def _part(self, count: int) -> str:
        """Bounds of a thread's part of `count` pieces."""
        return f"{count} * part // parts, {count} * (part + 1) // parts"

    def _padded(self, width: int) -> int:
        return -(-width // self.target.panel) * self.target.panel

    def load(self, place: BufferView) -> str:
        """Expression for the address of an example's row in a buffer."""
        at = self._at(place)
        if self._unbatched(place.buffer):
            return at
        return f"{at} + {'caller_row' if self.is_callers(place) else 'b'} * {place.buffer}_row"

    def is_callers(self, place: BufferView) -> bool:
        """Whether a buffer's rows are in the caller's order, indexed by `caller_row`."""
        given = place.buffer in self.callers.inputs or place.buffer in self.callers.delivered
        return given and not self.cooperative

    def say(self, depth: int, line: str) -> None:
        """Append a line of source code."""
        self._say(depth, line)
