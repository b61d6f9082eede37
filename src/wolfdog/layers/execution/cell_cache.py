"""Cache of programs: what was compiled of each cell, for which inputs, and what was read of the cell meanwhile."""

import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..cell.state import State
from .attribute_reads import PARTS, GlobalRead, Read, dict_of
from .guards import GLOBAL_HOOKS, hooks_of

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

Slot = tuple[dict[str, Any], str]
"""A dictionary of a module, and the key under which it holds a tensor."""

FORMS = 64
"""Forms of inputs that programs of one cell are kept for; that used longest ago goes first."""

SETTINGS = 8
"""Programs of one form of inputs that differ in what the cell's attributes say."""


def slots_of(cell: nn.Module) -> dict[str, Slot]:
    """The places of a cell's tensors (parameters, buffers, attributes) by dotted names.

    >>> list(slots_of(nn.Sequential(nn.Linear(2, 3), nn.Tanh())))
    ['0.weight', '0.bias']
    """
    slots: dict[str, Slot] = {}
    for prefix, module in cell.named_modules():
        own = dict_of(module)
        for held in (own["_parameters"], own["_buffers"], own):
            for key, tensor in held.items():
                if isinstance(tensor, Tensor):
                    slots.setdefault(f"{prefix}.{key}" if prefix else key, (held, key))
    return slots


@dataclass
class Program:
    """Compiled step, or the reason why there is none, with the conditions under which it holds.

    Args:
        made: what was made.
        reads: what the step read of the cell, with the keys of what stood there.
        ties: for each tensor that is read, the first that is the same one.
        lifted: names of numbers that are arguments of the step.
    """

    made: "Compiled | str"
    reads: list[Read | GlobalRead]
    ties: tuple[tuple[str, ...], ...] = ()
    lifted: frozenset[str] = frozenset()

    def holds(self, record: "CellRecord") -> bool:
        """Whether all that the step read is as it was."""
        return not any(True for _ in self.changed(record)) and self.ties == record.ties()

    def changed(self, record: "CellRecord") -> Iterator[Read | GlobalRead]:
        """Values that the step read and that have changed."""
        for read in self.reads:
            if read.now() != read.key and not (self.lifted and record.is_lifted(read, self.lifted)):
                yield read


class CellRecord:
    """Cache entry of one cell. It keeps neither the cell nor its contents alive."""

    def __init__(self, cell: nn.Module) -> None:
        self._modules = [(prefix, weakref.ref(module)) for prefix, module in cell.named_modules()]
        self._children = [_children(module) for module in cell.modules()]
        self.programs: OrderedDict[Any, list[Program]] = OrderedDict()
        self.zeros: OrderedDict[Any, list[tuple[list[Read | GlobalRead], State | str]]] = OrderedDict()
        self.lifted: frozenset[str] = frozenset()  # names of numbers that change, and become arguments
        self.fixed: frozenset[str] = frozenset()  # names of numbers that cannot

    @property
    def modules(self) -> list[nn.Module]:
        """The cell's modules, itself first."""
        return [module for _, ref in self._modules if (module := ref()) is not None]

    def current(self) -> bool:
        """Whether the cell still has the modules that it had."""
        modules = self.modules
        return len(modules) == len(self._modules) and list(map(_children, modules)) == self._children

    def hooked(self) -> bool:
        """Whether hooks are to run at every step."""
        return any(GLOBAL_HOOKS) or any(held for module in self.modules for held in hooks_of(module))

    @property
    def slots(self) -> dict[str, Slot]:
        """The places of the cell's tensors, as they are now."""
        found: dict[str, Slot] = {}
        for prefix, ref in self._modules:
            module = ref()
            if module is None:
                continue
            own = dict_of(module)
            for held in (own["_parameters"], own["_buffers"], own):
                for key, tensor in held.items():
                    if isinstance(tensor, Tensor):
                        found.setdefault(f"{prefix}.{key}" if prefix else key, (held, key))
        return found

    def named(self) -> dict[str, Tensor]:
        """The cell's tensors, as they are now."""
        return {name: held[key] for name, (held, key) in self.slots.items()}

    def arguments(self, lifted: frozenset[str], dtype: torch.dtype) -> dict[str, Tensor]:
        """Tensors of numbers that are arguments of a step, and of what else the cell holds."""
        found = self.named()
        for name in lifted:
            held, key = self.number_slot(name)
            found[name] = number_tensor(held[key], dtype)
        return found

    def number_slot(self, name: str) -> Slot:
        """The place of an attribute by its dotted name."""
        prefix, _, key = name.rpartition(".")
        module = next(ref() for known, ref in self._modules if known == prefix)
        assert module is not None
        return dict_of(module), key

    def dotted(self, read: Read | GlobalRead) -> str | None:
        """The dotted name of an attribute of a module that is a number now; None of anything else."""
        if isinstance(read, GlobalRead):
            return None
        module = read.module()
        prefix = next((known for known, ref in self._modules if ref() is module), None)
        if module is None or prefix is None or type(dict_of(module).get(read.name)) not in (int, float):
            return None
        return f"{prefix}.{read.name}" if prefix else read.name

    def is_number(self, name: str) -> bool:
        """Whether an attribute is a number now."""
        prefix, _, key = name.rpartition(".")
        module = next((ref() for known, ref in self._modules if known == prefix), None)
        return module is not None and type(dict_of(module).get(key)) in (int, float)

    def is_lifted(self, read: Read | GlobalRead, lifted: frozenset[str]) -> bool:
        """Whether what was read is one of some numbers that are arguments, and still a number of its type."""
        name = self.dotted(read)
        if name not in lifted or name is None:
            return False
        held, key = self.number_slot(name)
        kind = torch.int64 if type(held[key]) is int else None
        return (read.key[3] is torch.int64) == (kind is torch.int64)

    def is_attribute(self, name: str) -> bool:
        """Whether a tensor of two axes or more is neither a parameter nor a buffer: it may have a row an example."""
        held, key = self.slots[name]
        return "_parameters" in held and isinstance(held.get(key), Tensor) and held[key].dim() > 1

    def ties(self) -> tuple[tuple[str, ...], ...]:
        """Names of tensors that are one and the same, in groups."""
        groups: dict[int, list[str]] = {}
        for name, tensor in self.named().items():
            groups.setdefault(id(tensor), []).append(name)
        return tuple(tuple(names) for names in groups.values() if len(names) > 1)

    def find(self, form: Any) -> Program | None:
        """The program for inputs of a form, where one holds."""
        kept = self.programs.get(form)
        if kept is None:
            return None
        self.programs.move_to_end(form)
        for number, program in enumerate(kept):
            if program.holds(self):
                if number:
                    kept.insert(0, kept.pop(number))
                return program
        return None

    def keep(self, form: Any, program: Program) -> None:
        """Keep a program for inputs of a form."""
        self.programs.setdefault(form, []).insert(0, program)
        while len(self.programs) > FORMS:
            self.programs.popitem(last=False)


_records: "WeakKeyDictionary[nn.Module, CellRecord]" = WeakKeyDictionary()


def record_of(cell: nn.Module) -> CellRecord:
    """Cache entry of a cell."""
    record = _records.get(cell)
    if record is None or not record.current():
        record = _records[cell] = CellRecord(cell)
    return record


def clear() -> None:
    """Forget what was compiled of every cell."""
    _records.clear()


def number_tensor(value: float, dtype: torch.dtype) -> Tensor:
    """A number as a tensor without axes: a whole one stays whole."""
    return torch.tensor(value, dtype=torch.int64 if type(value) is int else dtype, device="cpu")


def _children(module: nn.Module) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """A module's own modules, and the names of its parameters and buffers."""
    held = dict_of(module)
    names = (name for part in PARTS for name in held[part])
    return tuple(map(id, held["_modules"].values())), tuple(names)


@contextmanager
def standing_in(slots: Mapping[str, Slot], tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Within it, other tensors stand in some of the places."""
    kept = {name: slots[name][0][slots[name][1]] for name in tensors}
    try:
        for name, tensor in tensors.items():
            held, key = slots[name]
            held[key] = tensor
        yield
    finally:
        for name, tensor in kept.items():
            held, key = slots[name]
            held[key] = tensor
