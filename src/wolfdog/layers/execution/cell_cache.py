"""Cache of programs: the compiled steps of each cell, for each form of input, and the values that they depend on."""

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
from .attribute_places import PARTS, Read, dict_of
from .code_names import user_classes
from .dependencies import hooks_of
from .frozen_values import Same
from .global_reads import GlobalRead
from .guards import GLOBAL_HOOKS

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

Slot = tuple[dict[str, Any], str]
"""A dictionary of a module, and the key under which it holds a tensor."""

FORMS = 64
"""Forms of inputs that programs of one cell are kept for; that used longest ago goes first."""

SETTINGS = 8
"""Programs of one form of inputs that differ in what the cell's attributes say."""


def slots_of(cell: nn.Module) -> dict[str, Slot]:
    """Places of a cell's tensors (parameters, buffers, attributes) by dotted names.

    Examples:
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
    """Compiled step, or the reason why there is none, with the conditions under which it is valid.

    Args:
        made: The compiled step, or the reason.
        reads: Names that the step read from the cell, with the keys of their values.
        ties: For each tensor that is read, the first that is the same one.
        lifted: Names of numbers that are arguments of the step.
    """

    made: "Compiled | str"
    reads: list[Read | GlobalRead]
    ties: tuple[tuple[str, ...], ...] = ()
    lifted: frozenset[str] = frozenset()

    def holds(self, record: "CellRecord") -> bool:
        """Whether all values that the step read are unchanged."""
        return not any(True for _ in self.changed(record)) and self.ties == record.ties()

    def changed(self, record: "CellRecord") -> Iterator[Read | GlobalRead]:
        """Values that the step read and that have changed."""
        for read in self.reads:
            if read.now() != read.key and not (self.lifted and record.is_lifted(read, self.lifted)):
                yield read


class CellRecord:
    """Cache entry of one cell. The cell and its contents are referenced weakly."""

    def __init__(self, cell: nn.Module) -> None:
        self._modules = [(prefix, weakref.ref(module)) for prefix, module in cell.named_modules()]
        self._children = [_children(module) for module in cell.modules()]
        self._kinds = [_kind(module) for module in cell.modules()]
        self.programs: OrderedDict[Any, list[Program]] = OrderedDict()
        self.zeros: OrderedDict[Any, list[tuple[list[Read | GlobalRead], State | str]]] = OrderedDict()
        self.lifted: frozenset[str] = frozenset()  # names of numbers that change, and become arguments
        self.fixed: frozenset[str] = frozenset()  # names of numbers that cannot

    @property
    def modules(self) -> list[nn.Module]:
        """The cell's modules, itself first."""
        return [module for _, ref in self._modules if (module := ref()) is not None]

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """The cell's modules with their dotted names, itself first."""
        return ((prefix, module) for prefix, ref in self._modules if (module := ref()) is not None)

    def current(self) -> bool:
        """Whether the cell still has the modules that it had when the record was made."""
        modules = self.modules
        if len(modules) != len(self._modules) or list(map(_children, modules)) != self._children:
            return False
        return list(map(_kind, modules)) == self._kinds

    def hooked(self) -> bool:
        """Whether there are hooks, which run at every step."""
        return any(GLOBAL_HOOKS) or any(held for module in self.modules for held in hooks_of(module))

    @property
    def slots(self) -> dict[str, Slot]:
        """Current places of the cell's tensors."""
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
        """Current tensors of the cell."""
        return {name: held[key] for name, (held, key) in self.slots.items()}

    def arguments(self, lifted: frozenset[str], dtype: torch.dtype) -> dict[str, Tensor]:
        """Arguments of a step: tensors of the lifted numbers, and the cell's own tensors."""
        found = self.named()
        for name in lifted:
            held, key = self.number_slot(name)
            found[name] = number_tensor(held[key], dtype)
        return found

    def number_slot(self, name: str) -> Slot:
        """Place of an attribute by its dotted name."""
        prefix, _, key = name.rpartition(".")
        module = next(ref() for known, ref in self._modules if known == prefix)
        assert module is not None
        return dict_of(module), key

    def dotted(self, read: Read | GlobalRead) -> str | None:
        """Dotted name of a module attribute that is a number now; None for anything else."""
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
        """Whether a read value is a lifted number, and still a number of the same type."""
        name = self.dotted(read)
        if name not in lifted or name is None:
            return False
        held, key = self.number_slot(name)
        kind = torch.int64 if type(held[key]) is int else None
        return (read.key[3] is torch.int64) == (kind is torch.int64)

    def is_attribute(self, name: str) -> bool:
        """Whether a tensor of two axes or more is neither parameter nor buffer, and may have one row per example."""
        held, key = self.slots[name]
        return "_parameters" in held and isinstance(held.get(key), Tensor) and held[key].dim() > 1

    def ties(self) -> tuple[tuple[str, ...], ...]:
        """Groups of names that refer to the same tensor."""
        groups: dict[int, list[str]] = {}
        for name, tensor in self.named().items():
            groups.setdefault(id(tensor), []).append(name)
        return tuple(tuple(names) for names in groups.values() if len(names) > 1)

    def find(self, form: Any) -> Program | None:
        """Program for inputs of a form, where a valid one exists."""
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
        """Store a program for inputs of a form."""
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
    """Discard the compiled programs of all cells."""
    _records.clear()


def number_tensor(value: float, dtype: torch.dtype) -> Tensor:
    """Number as a tensor without axes; an integer gives an integer tensor."""
    return torch.tensor(value, dtype=torch.int64 if type(value) is int else dtype, device="cpu")


def _children(module: nn.Module) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Direct submodules of a module, and the names of its parameters and buffers."""
    held = dict_of(module)
    names = (name for part in PARTS for name in held[part])
    return tuple(map(id, held["_modules"].values())), tuple(names)


def _kind(module: nn.Module) -> tuple[Same | str, ...]:
    """Class of a module, its names and bases, and its special methods, which are found on the class alone."""
    kind = type(module)
    special = (item for base in user_classes(kind) for name, item in vars(base).items() if name in _SPECIAL)
    return Same(kind), kind.__name__, kind.__qualname__, *map(Same, kind.__mro__), *map(Same, special)


_SPECIAL = ("__call__", "__getattr__", "__getattribute__", "__setattr__")


@contextmanager
def standing_in(slots: Mapping[str, Slot], tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Context in which other tensors replace those in some of the places."""
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
