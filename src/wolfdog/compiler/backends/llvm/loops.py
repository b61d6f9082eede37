"""One loop over the features of a row: vectors of several numbers at once, in explicit loads and stores."""

from collections.abc import Mapping
from math import prod
from typing import Protocol

from ...ir.values import Value
from ...passes.buffers import Place
from ...passes.loop_nest import Item, Loop, Plan, is_reduction
from .expressions import EMIT, TAKES_FLOATS, literal
from .target import Target

DEPTH = 3
"""Where loops stand unless it is said: in the loops over steps and examples."""


class Writer(Protocol):
    """What a loop needs of the kernel it stands in."""

    plan: Plan
    target: Target

    def load(self, place: Place) -> str:
        """The address of a buffer's row."""

    def is_callers(self, place: Place) -> bool:
        """Whether rows lie in the caller's order, of which the row is `theirs`."""

    def say(self, depth: int, line: str) -> None:
        """Write a line."""


class LoopEmitter:
    """Writes one loop.

    The axes of its index space are walked in groups: neighbours that every access walks alike are one. Axes that are
    summed over come last. One group is walked in vectors: the innermost, and where more lies side by side along the
    last axis that is kept, that one; there every lane has a sum of its own.
    """

    def __init__(
        self,
        kernel: Writer,
        loop: Loop,
        together: bool = False,
        places: Mapping[Value, Place] | None = None,
        depth: int = DEPTH,
    ) -> None:
        self.kernel, self.loop, self.depth = kernel, loop, depth
        self.places = kernel.plan.places if places is None else places
        self.lanes = kernel.target.lanes
        domain, rank = loop.domain, len(loop.domain)
        reduced = {rank + axis for axis in loop.reduced or ()}
        axes = [a for a in range(rank) if domain[a] != 1]
        self.order = [a for a in axes if a not in reduced] + [a for a in axes if a in reduced]
        self.kept = sum(a not in reduced for a in axes)
        self.here = {item.value: item for item in loop.items if item.source is None}
        self.groups = self._groups()
        self.kept_groups = sum(
            bool(group) and self.order.index(group[0]) < self.kept for group in self.groups
        )
        self.across = self._across()
        self.vector = self.kept_groups - 1 if self.across else len(self.groups) - 1
        self.size = self._size(self.groups[self.vector])
        self.partial = self.size % self.lanes != 0
        # whether what is walked in vectors is divided among threads that run together
        self.divided = together and loop.reduced is None and self.size > self.lanes
        self.names: dict[Value, str] = {}
        self.pointers: dict[str, str] = {}

    def run(self) -> None:
        """Write it."""
        depth, accesses = self.depth, self._accesses()
        if any(map(self.kernel.is_callers, accesses)):
            self.kernel.say(depth, "theirs = b if order == 0 else field(order, b)")
        for place in accesses:
            address = self.kernel.load(place)
            if address not in self.pointers:
                self.pointers[address] = f"p{len(self.pointers)}"
                self.kernel.say(depth, f"{self.pointers[address]} = {address}")
        reductions = [item for item in self.loop.items if is_reduction(item)]
        for number, group in enumerate(self.groups):
            if number == self.kept_groups:
                self._start(depth, reductions)
            if number != self.vector:
                self.kernel.say(depth, f"for i{number} in range({self._size(group)}):")
                depth += 1
            elif self.size > 1:
                self.kernel.say(depth, f"for j in range({self._walked()}, {self.lanes}):")
                depth += 1
                if self.partial:
                    self.kernel.say(depth, f"count = least({self.lanes}, {self.size} - j)")
        for item in self.loop.items:
            self._item(item, depth)
        for item in reductions:
            self._finish(item, self.depth + self.kept_groups)

    def _walked(self) -> str:
        """Where vectors begin and end: of a thread's part, where it is divided."""
        if not self.divided:
            return f"0, {self.size}"
        count = -(-self.size // self.lanes)
        begin, end = (f"{self.lanes} * ({count} * {part} // parts)" for part in ("part", "(part + 1)"))
        return f"{begin}, least({end}, {self.size})"

    def _start(self, depth: int, reductions: list[Item]) -> None:
        """Start sums, once all axes that are kept are walked."""
        for position, item in enumerate(reductions):
            neutral = "0.0" if item.value.op == "sum" else "-inf"
            self.kernel.say(depth, f"a{position} = number({neutral})")

    def _across(self) -> bool:
        """Whether vectors run along what is kept of a sum, because more lies side by side there."""
        last = self.groups[-1]
        if self.loop.reduced is None or not last or not self.kept_groups:
            return False
        kept = self.groups[self.kept_groups - 1]
        return self._apart(kept) < self._apart(last)

    def _apart(self, group: list[int]) -> int:
        """How many accesses find what is next to each other in a group elsewhere."""
        strides = [place.over(self.loop.domain)[group[-1]] for place in self._accesses()]
        return sum(stride not in (0, 1) for stride in strides)

    def _accesses(self) -> list[Place]:
        found = []
        for item in self.loop.items:
            found += item.stores
            found += [self.places[o] for o in item.reads if o.op != "fill" and not self._direct(o)]
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

    def _index(self, place: Place) -> tuple[str, int]:
        """Where an access stands, and its stride along the group that is walked in vectors."""
        strides = place.over(self.loop.domain)
        terms, along = [str(place.offset)] if place.offset else [], 0
        for number, group in enumerate(self.groups):
            stride = strides[group[-1]] if group else 0
            if number == self.vector:
                along, stride = stride, stride * (self.size > 1)
            if stride:
                name = "j" if number == self.vector else f"i{number}"
                terms.append(f"{name} * {stride}" if stride != 1 else name)
        return " + ".join(terms) or "0", along

    def _item(self, item: Item, depth: int) -> None:
        value = item.value
        if is_reduction(item):
            self._accumulate(item, depth)
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
            self._store(place, name, depth)

    def _store(self, place: Place, name: str, depth: int) -> None:
        pointer = self.pointers[self.kernel.load(place)]
        index, stride = self._index(place)
        if self.size == 1:
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
        place = self.places[value]
        pointer = self.pointers[self.kernel.load(place)]
        index, stride = self._index(place)
        count = "count" if self.partial else str(self.lanes)
        if stride == 0 or self.size == 1:
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

    def _accumulate(self, item: Item, depth: int) -> None:
        position = [i for i in self.loop.items if is_reduction(i)].index(item)
        name = self._operand(item.value.operands[0], depth, as_vector=True)
        neutral = "0.0" if item.value.op == "sum" else "-inf"
        if self.size == 1:
            name = f"keep({name}, 1, {neutral})"
        elif self.partial and not self.across:
            name = f"keep({name}, count, {neutral})"
        step = f"a{position} + {name}" if item.value.op == "sum" else f"maximum(a{position}, {name})"
        self.kernel.say(depth, f"a{position} = {step}")

    def _finish(self, item: Item, depth: int) -> None:
        position = [i for i in self.loop.items if is_reduction(i)].index(item)
        gather = "total" if item.value.op == "sum" else "largest"
        for place in item.stores:
            if self.across:
                self._store(place, f"a{position}", depth)
                continue
            pointer = self.pointers[self.kernel.load(place)]
            index, _ = self._index(place)
            self.kernel.say(depth, f"store_one({pointer}, {index}, {gather}(a{position}))")
