"""Source code of fused loops over the features of an example, with explicit vector loads and stores."""

from collections.abc import Mapping
from math import prod
from typing import Protocol

from ...ir.values import Value
from ...passes.buffers import BufferView
from ...passes.loop_nest import Item, Loop, LoopNest, is_reduction
from .expressions import EMIT, TAKES_FLOATS, literal
from .target import Target

DEPTH = 3
"""Default indentation of a loop: inside the loops over steps and examples."""


class Writer(Protocol):
    """Interface of the kernel generator that a loop uses."""

    nest: LoopNest
    target: Target

    def load(self, place: BufferView) -> str:
        """Expression for the address of an example's row in a buffer."""

    def is_callers(self, place: BufferView) -> bool:
        """Whether a buffer's rows are in the caller's order, indexed by `caller_row`."""

    def say(self, depth: int, line: str) -> None:
        """Append a line of source code."""


class LoopEmitter:
    """Generator of one fused loop's source code.

    Adjacent axes of the index space with the same relative strides in every access are merged into a group, and each
    group is one loop. Reduced axes are innermost. One group is vectorised: the innermost, or the last group that is
    not reduced where more accesses are contiguous along it; each vector lane then accumulates a sum of its own.
    """

    def __init__(
        self,
        kernel: Writer,
        loop: Loop,
        cooperative: bool = False,
        places: Mapping[Value, BufferView] | None = None,
        depth: int = DEPTH,
    ) -> None:
        self.kernel, self.loop, self.depth = kernel, loop, depth
        self.places = kernel.nest.places if places is None else places
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
        # whether the threads of a cooperative kernel divide the vectorised group
        self.divided = cooperative and loop.reduced is None and self.size > self.lanes
        self.names: dict[Value, str] = {}
        self.pointers: dict[str, str] = {}

    def run(self) -> None:
        """Append the loop to the kernel."""
        depth, accesses = self.depth, self._accesses()
        if any(map(self.kernel.is_callers, accesses)):
            self.kernel.say(depth, "caller_row = b if order == 0 else field(order, b)")
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
        """Bounds of the vectorised group, or of a thread's part of it."""
        if not self.divided:
            return f"0, {self.size}"
        count = -(-self.size // self.lanes)
        begin, end = (f"{self.lanes} * ({count} * {part} // parts)" for part in ("part", "(part + 1)"))
        return f"{begin}, least({end}, {self.size})"

    def _start(self, depth: int, reductions: list[Item]) -> None:
        """Initialise the accumulators inside the axes that are not reduced."""
        for position, item in enumerate(reductions):
            neutral = "0.0" if item.value.op == "sum" else "-inf"
            self.kernel.say(depth, f"a{position} = number({neutral})")

    def _across(self) -> bool:
        """Whether a reduction is vectorised along an axis that is not reduced."""
        last = self.groups[-1]
        if self.loop.reduced is None or not last or not self.kept_groups:
            return False
        kept = self.groups[self.kept_groups - 1]
        return self._strided(kept) < self._strided(last)

    def _strided(self, group: list[int]) -> int:
        """Number of accesses with a stride other than 0 or 1 along a group."""
        strides = [place.over(self.loop.domain)[group[-1]] for place in self._accesses()]
        return sum(stride not in (0, 1) for stride in strides)

    def _accesses(self) -> list[BufferView]:
        found = []
        for item in self.loop.items:
            found += item.stores
            found += [self.places[o] for o in item.reads if o.op != "fill" and not self._direct(o)]
        return found

    def _direct(self, operand: Value) -> bool:
        """Whether an operand is a vector that this loop computes."""
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

    def _index(self, place: BufferView) -> tuple[str, int]:
        """Index expression of an access, and its stride along the vectorised group."""
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

    def _store(self, place: BufferView, name: str, depth: int) -> None:
        pointer = self.pointers[self.kernel.load(place)]
        index, stride = self._index(place)
        if self.size == 1:
            self.kernel.say(depth, f"store_one({pointer}, {index}, {name})")
        elif stride != 1:
            count = "count" if self.partial else self.lanes
            self.kernel.say(depth, f"store_strided({pointer}, {index}, {stride}, {count}, {name})")
        elif self.partial:
            self.kernel.say(depth, f"store_masked({pointer}, {index}, count, {name})")
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
            loaded = f"load_strided({pointer}, {index}, {stride}, {count})"
        elif self.partial:
            loaded = f"load_masked({pointer}, {index}, count)"
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
