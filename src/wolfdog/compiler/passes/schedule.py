"""Scheduling of one step: stages of matrix products, with fused loops over examples between them.

Independent products share a stage. Pointwise operations are scheduled as late as their users allow, next to their use.
A value stays in registers within one loop, and gets a buffer where other loops read it.
"""

from ..errors import Refusal
from ..ir.operations import Kind
from ..ir.program import Program
from ..ir.values import Value
from .buffers import BufferView, whole
from .loop_nest import Item, Loop, LoopNest, Product, Stage, domain_of, is_reduction


def schedule(program: Program, reverse: bool = False) -> LoopNest:
    """Loop nest of one step; of the adjoint with `reverse`.

    Raises:
        Refusal: A product reads numbers that are not contiguous.
    """
    return _Scheduler(program, reverse).run()


class _Scheduler:
    def __init__(self, program: Program, reverse: bool) -> None:
        self.program, self.reverse = program, reverse
        self.values, self.users = program.values(), program.users()
        self.places: dict[Value, BufferView] = {}
        self.scratch: dict[str, int] = {}
        self.products: set[str] = set()
        self.streams: dict[str, tuple[int, ...]] = {}
        self.aliases: dict[str, BufferView] = {}
        self.wanted: dict[Value, list[BufferView]] = {}  # outputs and concatenations that a value goes to
        self.copied: set[Value] = set()  # views that only a copy makes
        self.level: dict[Value, int] = {}
        self.ready: dict[Value, tuple[int, int]] = {}  # stage and loop after which a value is there
        self.written: dict[Value, tuple[int, int]] = {}  # stage and loop that store it where it is wanted
        self.items: dict[Value, Item] = {}

    def run(self) -> LoopNest:
        self._outputs()
        self._places()
        self._levels()
        stages = [Stage([], []) for _ in range(1 + max(self.level.values(), default=0))]
        for value in self.values:
            self._place_in_stage(value, stages)
        for value in self.wanted:
            if value.kind is not Kind.CONCAT:
                self._copy(value, max(self.ready[value][0], 0), stages)
        self._stores(stages)
        return LoopNest(
            self.program,
            self.reverse,
            stages,
            self.places,
            self.scratch,
            self.products,
            self.streams,
            self.aliases,
        )

    def _outputs(self) -> None:
        """Assign a buffer to every output; a value is written once, even if it is several outputs."""
        taken: dict[Value, BufferView] = {}

        def order(name: str) -> tuple[bool, int]:  # states first, then whole values, then parts of them
            return not name.startswith("s"), -self.program.outputs[name].type.size

        for name in sorted(self.program.outputs, key=order):
            value = self.program.outputs[name]
            is_state = name.startswith("s")
            alias = None if is_state else taken.get(value) or self._piece(value, taken)
            if alias is not None:
                self.aliases[name] = alias
                continue
            if is_state:
                place = whole(f"d{name}" if self.reverse else name, value.shape, 0 if self.reverse else 1)
            else:
                place = whole(f"d{name}" if self.reverse else name, value.shape)
                self.streams[place.buffer] = value.shape
                self.aliases[name] = place
            if not (is_state and self.reverse):  # a carried gradient is overwritten by the next step
                taken.setdefault(value, place)
            self.wanted.setdefault(value, []).append(place)

    def _piece(self, value: Value, taken: dict[Value, BufferView]) -> BufferView | None:
        """View of a value that is a piece of a concatenated output."""
        for user in self.users.get(value, []):
            if user.op == "concat" and user in taken:
                axis = int(str(user.attributes["axis"]))
                before = user.operands[: user.operands.index(value)]
                return taken[user].part(axis, sum(v.shape[axis] for v in before), value.shape[axis])
        return None

    def _places(self) -> None:
        """Assign a view to every value: outputs and pieces of concatenations in place, others in scratch buffers."""
        for value in reversed(self.values):
            if value.kind is Kind.CONCAT:
                self.places[value] = self.wanted[value][0] if value in self.wanted else self._new(value)
                for target in {self.places[value], *self.wanted.get(value, [])}:
                    self._pieces(value, target)
        for value in self.values:
            if value.op == "input":
                shift = {"next": 1, "carry": 1}.get(value.role, 0)
                self.places[value] = whole(value.name.removesuffix("_next"), value.shape, shift)
            elif value.kind is Kind.PRODUCT:
                name = f"mm{len(self.products)}"
                self.products.add(name)
                self.scratch[name] = value.type.size
                self.places[value] = whole(name, value.shape)
            elif value.kind is Kind.VIEW:
                place = (
                    self.places[value.operands[0]].viewed(value) if value.operands[0].op != "fill" else None
                )
                if place is None:
                    self.copied.add(value)
                self.places[value] = place or self._new(value)
            elif value.kind in (Kind.POINTWISE, Kind.REDUCE):
                there = [place for place in self.wanted.get(value, []) if place.contiguous]
                self.places[value] = there[0] if there else self._new(value)

    def _pieces(self, value: Value, target: BufferView) -> None:
        axis, start = int(str(value.attributes["axis"])), 0
        for operand in value.operands:
            length = operand.shape[axis]
            self.wanted.setdefault(operand, []).append(target.part(axis, start, length))
            start += length

    def _new(self, value: Value) -> BufferView:
        name = f"tmp{len(self.scratch)}"
        self.scratch[name] = value.type.size
        return whole(name, value.shape)

    def _levels(self) -> None:
        """Assign a stage to every value: after the products that it needs, and as late as its users allow."""
        level = self.level
        for value in self.values:
            earliest = max((level[o] for o in value.operands), default=0)
            level[value] = earliest + (value.kind is Kind.PRODUCT)
        for value in reversed(self.values):
            if value.kind not in (Kind.PRODUCT, Kind.SOURCE) and self.users[value]:
                level[value] = min(level[u] - (u.kind is Kind.PRODUCT) for u in self.users[value])

    def _place_in_stage(self, value: Value, stages: list[Stage]) -> None:
        """Add the computation of a value to its stage; its operands are scheduled already."""
        if value.kind is Kind.SOURCE:
            self.ready[value] = (-1, -1)
        elif value.kind is Kind.PRODUCT:
            self._products(value, stages[self.level[value]].products)
            self.ready[value] = (self.level[value], -1)
        elif value.kind is Kind.CONCAT:
            for piece in dict.fromkeys(value.operands):
                joined = [user for user in self.users[piece] if user.kind is Kind.CONCAT]
                self._copy(piece, min(self.level[user] for user in joined), stages)  # before the first reader
            self.ready[value] = max(self.written[piece] for piece in value.operands)
        elif value in self.copied:
            source, home = value.operands[0], whole(self.places[value].buffer, value.operands[0].shape)
            self.ready[value] = self._put(Item(value, source, [home]), self.level[value], stages)
        elif value.kind is Kind.VIEW:
            self.ready[value] = self.ready[value.operands[0]]
        else:
            self.items[value] = Item(value)
            self.ready[value] = self.written[value] = self._put(self.items[value], self.level[value], stages)

    def _copy(self, value: Value, level: int, stages: list[Stage]) -> None:
        """Copy a value that no loop computes (an input, a product, a view, a constant) to its views."""
        if value not in self.written:
            self.written[value] = self._put(Item(value, value, list(self.wanted[value])), level, stages)

    def _put(self, item: Item, level: int, stages: list[Stage]) -> tuple[int, int]:
        """Fuse an item into the first possible loop of a stage after its operands."""
        loops, first = stages[level].loops, 0
        for operand in item.reads:
            stage, loop = self.ready[operand]
            if stage == level and loop >= 0:
                first = max(first, loop if self._in_registers(operand, item) else loop + 1)
        at = next((i for i in range(first, len(loops)) if loops[i].takes(item)), len(loops))
        if at == len(loops):
            loops.append(Loop(domain_of(item)))
        loops[at].add(item)
        return level, at

    def _in_registers(self, operand: Value, item: Item) -> bool:
        """Whether an item in the same loop can read an operand from a register."""
        made = self.items.get(operand)
        return made is not None and not is_reduction(made) and operand.shape == domain_of(item)

    def _products(self, value: Value, products: list[Product]) -> None:
        for index in range(0, len(value.operands), 2):
            x, w = value.operands[index], value.operands[index + 1]
            place, (depth, width) = self.places[x], w.shape[-2:]
            times = x.type.size // depth
            if x.op == "fill" or not (place.contiguous or (times == 1 and place.strides[-1] == 1)):
                raise Refusal(f"a matrix product of numbers that are not contiguous in memory {value.where}")
            heads = value.op == "heads"
            products.append(
                Product(place, w.name, depth, width, times, heads, self.places[value].buffer, index == 0)
            )

    def _stores(self, stages: list[Stage]) -> None:
        """Give every computed value the stores that something reads."""
        for value, item in self.items.items():
            item.stores = list(dict.fromkeys(self.wanted.get(value, [])))
            if self.places[value] not in item.stores and (is_reduction(item) or self._read_from_memory(item)):
                item.stores.insert(0, self.places[value])
        loops = [loop for stage in stages for loop in stage.loops]
        live = {place.buffer for loop in loops for item in loop.items for place in item.stores}
        for name in [name for name in self.scratch if name not in live and name not in self.products]:
            del self.scratch[name]

    def _read_from_memory(self, item: Item) -> bool:
        for user in self.users[item.value]:
            if user.kind is Kind.CONCAT:
                continue
            reader = self.items.get(user)
            if reader is None or self.written[user] != self.written[item.value]:
                return True
            if not self._in_registers(item.value, reader):
                return True
        return False
