"""One loop over the features of a row: vectors of several numbers at once, in explicit loads and stores."""

from math import prod
from typing import Protocol

from ...ir.values import Value
from ...passes.places import Place
from ...passes.plans import Item, Loop, Plan, is_reduction
from .expressions import EMIT, TAKES_FLOATS, literal
from .target import Target

DEPTH = 3
"""Where loops stand: in the loops over steps and examples."""


class Writer(Protocol):
    """What a loop needs of the kernel it stands in."""

    plan: Plan
    target: Target

    def load(self, place: Place) -> str:
        """The address of a buffer's row."""

    def say(self, depth: int, line: str) -> None:
        """Write a line."""


class LoopEmitter:
    """Writes one loop.

    The axes of its index space are walked in groups: neighbours that every access walks alike are one, the innermost
    group in vectors. Axes that are summed over come last.
    """

    def __init__(self, kernel: Writer, loop: Loop, together: bool = False) -> None:
        self.kernel, self.loop = kernel, loop
        self.plan, self.lanes = kernel.plan, kernel.target.lanes
        domain, rank = loop.domain, len(loop.domain)
        reduced = {rank + axis for axis in loop.reduced or ()}
        axes = [a for a in range(rank) if domain[a] != 1]
        self.order = [a for a in axes if a not in reduced] + [a for a in axes if a in reduced]
        self.kept = sum(a not in reduced for a in axes)
        self.here = {item.value: item for item in loop.items if item.source is None}
        self.groups = self._groups()
        size = self._size(self.groups[-1])
        # whether the innermost group is divided among threads that run together
        self.divided = together and loop.reduced is None and size > self.lanes
        self.names: dict[Value, str] = {}
        self.pointers: dict[str, str] = {}

    def run(self) -> None:
        """Write it."""
        for place in self._accesses():
            address = self.kernel.load(place)
            if address not in self.pointers:
                self.pointers[address] = f"p{len(self.pointers)}"
                self.kernel.say(DEPTH, f"{self.pointers[address]} = {address}")
        depth = DEPTH
        reductions = [item for item in self.loop.items if is_reduction(item)]
        outer, inner = self.groups[:-1], self.groups[-1]
        for number, group in enumerate(outer):
            depth = self._start(depth, reductions, number)
            self.kernel.say(depth, f"for i{number} in range({self._size(group)}):")
            depth += 1
        start = self._start(depth, reductions, len(outer))
        depth, size = start, self._size(inner)
        self.partial = size % self.lanes != 0
        if size > 1:
            begin, end = "0", str(size)
            if self.divided:
                begin, end = (
                    f"{self.lanes} * ({{0}} * part // parts)",
                    f"{self.lanes} * ({{0}} * (part + 1) // parts)",
                )
                pieces = -(-size // self.lanes)
                begin, end = begin.format(pieces), f"least({end.format(pieces)}, {size})"
            self.kernel.say(depth, f"for j in range({begin}, {end}, {self.lanes}):")
            depth += 1
            if self.partial:
                self.kernel.say(depth, f"count = least({self.lanes}, {size} - j)")
        for item in self.loop.items:
            self._item(item, depth, size)
        close = DEPTH + self._kept_groups()
        for item in reductions:
            self._finish(item, close)

    def _kept_groups(self) -> int:
        return sum(bool(group) and self.order.index(group[0]) < self.kept for group in self.groups)

    def _start(self, depth: int, reductions: list[Item], number: int) -> int:
        """Start sums, once all axes that are kept are walked."""
        if number == self._kept_groups():
            for position, item in enumerate(reductions):
                neutral = "0.0" if item.value.op == "sum" else "-inf"
                self.kernel.say(depth, f"a{position} = number({neutral})")
        return depth

    def _accesses(self) -> list[Place]:
        found = []
        for item in self.loop.items:
            found += item.stores
            found += [self.plan.places[o] for o in item.reads if o.op != "fill" and not self._direct(o)]
        return found

    def _direct(self, operand: Value) -> bool:
        """Whether an operand is a vector that this loop has computed."""
        made = self.here.get(operand)
        return made is not None and not is_reduction(made) and operand.shape == self.loop.domain

    def _groups(self) -> list[list[int]]:
        domain = self.loop.domain
        strides = [place.over(domain) for place in self._accesses()]
        groups: list[list[int]] = []
        for position, axis in enumerate(self.order):
            if groups and position != self.kept:
                last = groups[-1][-1]
                if last < axis and all(s[last] == s[axis] * domain[axis] for s in strides):
                    groups[-1].append(axis)
                    continue
            groups.append([axis])
        if not groups or (self.loop.reduced is not None and self.kept == len(self.order)):
            groups.append([])
        return groups

    def _size(self, group: list[int]) -> int:
        return prod(self.loop.domain[axis] for axis in group)

    def _index(self, place: Place, inner: bool = True) -> tuple[str, int]:
        """Where an access stands, and its stride along the innermost group."""
        strides = place.over(self.loop.domain)
        terms = [str(place.offset)] if place.offset else []
        for number, group in enumerate(self.groups[:-1]):
            stride = strides[group[-1]] if group else 0
            if stride:
                terms.append(f"i{number} * {stride}" if stride != 1 else f"i{number}")
        last = self.groups[-1]
        stride = strides[last[-1]] if last else 0
        if inner and stride and self._size(last) > 1:
            terms.append("j" if stride == 1 else f"j * {stride}")
        return " + ".join(terms) or "0", stride

    def _item(self, item: Item, depth: int, size: int) -> None:
        value = item.value
        if is_reduction(item):
            self._accumulate(item, depth, size)
            return
        if item.source is not None:
            name = self._operand(item.source, depth, as_vector=True)
        else:
            numbers = value.op in TAKES_FLOATS and any(o.op != "fill" for o in value.operands)
            operands = [self._operand(o, depth, as_vector=not numbers) for o in value.operands]
            name = self.names[value] = f"v{len(self.names)}"
            self.kernel.say(depth, f"{name} = {EMIT[value.op](value, *operands)}")
        if value.type.boolean and item.stores:
            name = f"number({name})"
        for place in item.stores:
            self._store(place, name, depth, size)

    def _store(self, place: Place, name: str, depth: int, size: int) -> None:
        pointer = self.pointers[self.kernel.load(place)]
        index, stride = self._index(place)
        if size == 1:
            self.kernel.say(depth, f"store_one({pointer}, {index}, {name})")
        elif stride != 1:
            count = "count" if self.partial else self.lanes
            self.kernel.say(depth, f"store_apart({pointer}, {index}, {stride}, {count}, {name})")
        elif self.partial:
            self.kernel.say(depth, f"store_some({pointer}, {index}, count, {name})")
        else:
            self.kernel.say(depth, f"store({pointer}, {index}, {name})")

    def _operand(self, value: Value, depth: int, as_vector: bool) -> str:
        if value.op == "fill":
            number = literal(float(str(value.attributes["value"])))
            return f"number({number})" if as_vector else number
        if self._direct(value):
            return self.names[value]
        if value in self.names:
            return self.names[value]
        place = self.plan.places[value]
        pointer = self.pointers[self.kernel.load(place)]
        index, stride = self._index(place)
        count = "count" if self.partial else str(self.lanes)
        if stride == 0 or self._size(self.groups[-1]) == 1:
            loaded = f"load_one({pointer}, {index})"
        elif stride != 1:
            loaded = f"load_apart({pointer}, {index}, {stride}, {count})"
        elif self.partial:
            loaded = f"load_some({pointer}, {index}, count)"
        else:
            loaded = f"load({pointer}, {index})"
        name = self.names[value] = f"v{len(self.names)}"
        test = " != 0.0" if value.type.boolean else ""
        self.kernel.say(depth, f"{name} = {loaded}{test}")
        return name

    def _accumulate(self, item: Item, depth: int, size: int) -> None:
        position = [i for i in self.loop.items if is_reduction(i)].index(item)
        name = self._operand(item.value.operands[0], depth, as_vector=True)
        neutral = "0.0" if item.value.op == "sum" else "-inf"
        if size == 1:
            name = f"keep({name}, 1, {neutral})"
        elif self.partial:
            name = f"keep({name}, count, {neutral})"
        step = f"a{position} + {name}" if item.value.op == "sum" else f"maximum(a{position}, {name})"
        self.kernel.say(depth, f"a{position} = {step}")

    def _finish(self, item: Item, depth: int) -> None:
        position = [i for i in self.loop.items if is_reduction(i)].index(item)
        gather = "total" if item.value.op == "sum" else "largest"
        for place in item.stores:
            pointer = self.pointers[self.kernel.load(place)]
            index, _ = self._index(place, inner=self._kept_groups() == len(self.groups))
            self.kernel.say(depth, f"store_one({pointer}, {index}, {gather}(a{position}))")
