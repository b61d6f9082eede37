"""A plan becomes Python source, which `lower` knows, a function of a table of addresses, in one of two forms.

Apart, the other two arguments are a range of examples: the kernel runs every step for these alone, so that threads
never wait for each other inside the loop. Together, they are the number of a thread and how many there are: every
thread runs all examples, a part of the columns of each product and of each loop, and they meet in between. That is for
few examples, whose matrices then lie in the caches of all cores.

The table holds whole numbers: the number of steps, the address of lengths (0: none) and of the code of the matrix
product, (to run together) of a counter, of a function that lets other threads run, and the number of examples; and the
address of an order (0: none). Then for every buffer its address, its bytes from step to step and from example to
example, and the number of steps it has room for.

Lengths fall. Where the caller's do not, the order says which of the caller's examples each is, and what the caller
gives and gets lies in the caller's order: events are read, and what is to be given is written, where they lie there.
"""

from dataclasses import dataclass

from ...ir.values import Builder
from ...passes.buffers import Place, whole
from ...passes.loop_nest import Item, Loop, Plan, Product
from .loops import LoopEmitter
from .target import Target

HEADER = 7
"""Entries of the table before the buffers'."""

FIELDS = 4
"""Entries of the table for each buffer."""


@dataclass(frozen=True)
class Callers:
    """Inputs that the caller gives for every step, and outputs that it gets."""

    inputs: frozenset[str] = frozenset()
    outputs: tuple[str, ...] = ()

    @property
    def delivered(self) -> dict[str, str]:
        """The buffers in which outputs lie in the caller's order, and the outputs."""
        return {f"{name}_out": name for name in self.outputs}


@dataclass(frozen=True)
class Kernel:
    """Source, the buffers it uses in the order of the table, and the elements in a row of each scratch buffer."""

    source: str
    buffers: tuple[str, ...]
    scratch: dict[str, int]


def emit(plan: Plan, target: Target, callers: Callers, together: bool = False) -> Kernel:
    """The source of the kernel of a plan; one that runs together knows no order."""
    return Emitter(plan, target, callers, together).run()


class Emitter:
    """Writes a kernel."""

    def __init__(self, plan: Plan, target: Target, callers: Callers, together: bool) -> None:
        self.plan, self.target, self.callers, self.together = plan, target, callers, together
        self.size = target.bits // 8
        self.buffers: dict[str, None] = {}
        self.moments: dict[tuple[str, int], str] = {}  # buffers at a step
        self.lines: list[str] = []
        self.scratch: dict[str, int] = dict(plan.scratch)
        self.gathered: dict[str, None] = {}  # the caller's rows that products read

    def run(self) -> Kernel:
        for stage in self.plan.stages:
            for product in stage.products:
                self._product(product)
            if self.together and stage.products:
                self._meet()
            for number, loop in enumerate(stage.loops):
                emitter = LoopEmitter(self, loop, self.together)
                if self.together:
                    # what is summed over stays with one thread, which takes whole examples
                    shared = "low, high" if emitter.divided else "part, high, parts"
                    self._say(2, f"for b in range({shared}):")
                elif number == 0:
                    self._say(2, "for b in range(low, high):")
                emitter.run()
                if self.together:
                    self._meet()
        if not self.together:
            self._deliver()
        after, self.lines = self.lines, []
        self._gather()
        body, self.lines = self.lines + after, []
        self._say(0, f"def kernel(table, {'part, parts' if self.together else 'low, end'}):")
        self._say(1, "steps, lengths, tile = field(table, 0), field(table, 1), field(table, 2)")
        if self.together:
            self._say(1, "counter, rest, low, end = field(table, 3), field(table, 4), 0, field(table, 5)")
            self._say(1, "goal = 0")
        elif self.callers.inputs or self.callers.outputs:
            self._say(1, "order = field(table, 6)")
        # first those that lie elsewhere at every call, so that a single step writes one piece of the table
        buffers = sorted(self.buffers, key=lambda name: name in self.scratch or self._unbatched(name))
        for number, name in enumerate(buffers):
            at = HEADER + FIELDS * number
            fields = ", ".join(f"field(table, {at + i})" for i in range(FIELDS))
            self._say(1, f"{name}, {name}_step, {name}_row, {name}_room = {fields}")
        self._say(1, "high = end")
        self._say(1, "for t in range(steps - 1, -1, -1):" if self.plan.reverse else "for t in range(steps):")
        self._say(2, "if lengths != 0:")
        self._say(3, "high = low")
        self._say(3, "while high < end and field(lengths, high) > t:")
        self._say(4, "high += 1")
        for (name, shift), variable in self.moments.items():
            moment = "t" if shift == 0 else f"(t + {shift})"
            self._say(2, f"{variable} = {name} + {moment} % {name}_room * {name}_step")
        self.lines += body
        self._clear()
        return Kernel("\n".join(self.lines) + "\n", tuple(buffers), self.scratch)

    def _gather(self) -> None:
        """Put the caller's rows that products read side by side, in the order of the kernel."""
        for name in self.gathered:
            value = next(v for v in self.plan.places if v.op == "input" and v.name == name)
            rows = f"{name}_rows"
            self.scratch[f"{name}_here"] = value.type.size
            self._say(2, f"{rows}, {rows}_row = {name}_t, {name}_row")
            self._say(2, "if order != 0:")
            self._say(3, f"{rows}, {rows}_row = {name}_here, {name}_here_row")
            self._say(3, "for b in range(low, high):")
            copy = Loop(value.shape, [Item(value, value, [whole(f"{name}_here", value.shape)])])
            LoopEmitter(self, copy, depth=4).run()

    def _deliver(self) -> None:
        """Write outputs in the caller's order, with zeros for examples that have ended."""
        for buffer, name in self.callers.delivered.items():
            value, home = self.plan.program.outputs[name], self.plan.aliases[name]
            zero = Builder().fill(0.0, value.shape)
            self._say(2, f"if order != 0 and {buffer} != 0:")
            for source, examples in ((value, "low, high"), (zero, "high, end")):
                self._say(3, f"for b in range({examples}):")
                copy = Loop(value.shape, [Item(source, source, [whole(buffer, value.shape)])])
                LoopEmitter(self, copy, places={value: home}, depth=4).run()

    def _meet(self) -> None:
        self._say(2, "goal += parts")
        self._say(2, "meet(counter, goal, rest)")

    def _clear(self) -> None:
        """Zeros in what the caller gets, where examples have ended; of states only where all of them are kept."""
        got = {self.plan.aliases[name].buffer for name in self.callers.outputs}
        kept = "" if self.together else " and order == 0"
        for (name, shift), variable in self.moments.items():
            state = shift == 1 and not self.plan.reverse
            if name in got and (state or name in self.plan.streams):
                self._say(2, f"if high < end{f' and {name}_room > steps' if state else ''}{kept}:")
                self._say(3, f"clear({variable} + high * {name}_row, (end - high) * {name}_row)")

    def _say(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def _use(self, name: str) -> str:
        self.buffers.setdefault(name)
        return name

    def _at(self, place: Place) -> str:
        """The variable that holds a buffer's address at the step."""
        self._use(place.buffer)
        if place.buffer in self.scratch or self._unbatched(place.buffer):
            return place.buffer
        name = f"{place.buffer}_t" if place.shift == 0 else f"{place.buffer}_next"
        return self.moments.setdefault((place.buffer, place.shift), name)

    def _unbatched(self, buffer: str) -> bool:
        return any(
            v.op == "input" and not v.type.batched and p.buffer == buffer for v, p in self.plan.places.items()
        )

    def _product(self, product: Product) -> None:
        size = self.size
        a, row = self._rows(product.operand)
        c, w, first = self._use(product.result), self._use(product.matrix), product.operand.offset * size
        panel, padded = self.target.panel, self._padded(product.width)
        self.scratch[c] = (product.times - 1) * product.width + padded
        depth, more_a, more_c, more_w, width = 2, "", "", "", str(product.width)
        if product.times > 1:
            of = f"part, {product.times}, parts" if self.together else str(product.times)
            self._say(2, f"for head in range({of}):")
            depth, more_a, more_c = (
                3,
                f" + head * {product.depth * size}",
                f" + head * {product.width * size}",
            )
            more_w = f" + head * {padded * product.depth * size}" if product.heads else ""
        elif self.together:
            self._say(2, f"first, last = {self._part(padded // panel)}")
            width = f"least(last * {panel}, {product.width}) - first * {panel}"
            more_c, more_w = f" + first * {panel * size}", f" + first * {panel * product.depth * size}"
        self._say(
            depth,
            f"product(tile, {a} + low * {row} + {first}{more_a}, {row} // {size}, {w}{more_w}, {product.depth}, "
            f"{c} + low * {c}_row{more_c}, {c}_row // {size}, {width}, high - low, {int(product.fresh)})",
        )

    def _rows(self, place: Place) -> tuple[str, str]:
        """The variables of a buffer's address at the step, and of its bytes from row to row, as products read it."""
        at = self._at(place)
        if self.is_callers(place):
            self.gathered.setdefault(place.buffer)
            at = f"{place.buffer}_rows"
            return at, f"{at}_row"
        return at, f"{place.buffer}_row"

    def _part(self, count: int) -> str:
        """Where a thread's part of so many pieces begins and ends."""
        return f"{count} * part // parts, {count} * (part + 1) // parts"

    def _padded(self, width: int) -> int:
        return -(-width // self.target.panel) * self.target.panel

    def load(self, place: Place) -> str:
        """The variable that holds the address of a buffer's row."""
        at = self._at(place)
        if self._unbatched(place.buffer):
            return at
        return f"{at} + {'theirs' if self.is_callers(place) else 'b'} * {place.buffer}_row"

    def is_callers(self, place: Place) -> bool:
        """Whether rows lie in the caller's order, of which the row is `theirs`."""
        given = place.buffer in self.callers.inputs or place.buffer in self.callers.delivered
        return given and not self.together

    def say(self, depth: int, line: str) -> None:
        """Write a line."""
        self._say(depth, line)
