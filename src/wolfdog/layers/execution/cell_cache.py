"""What is known of one cell: where it holds its tensors, what its attributes say, and what was compiled of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ..cell.state import State
from .cell_attributes import OWN, Settings

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

Slot = tuple[dict[str, Any], str]
"""A dictionary of a module, and the key under which it holds a tensor."""

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def slots_of(cell: nn.Module) -> dict[str, Slot]:
    """The places of a cell's tensors (parameters, buffers, attributes) by dotted names.

    >>> list(slots_of(nn.Sequential(nn.Linear(2, 3), nn.Tanh())))
    ['0.weight', '0.bias']
    """
    return _slots([(prefix, module.__dict__) for prefix, module in cell.named_modules()])


def _slots(named: list[tuple[str, dict[str, Any]]]) -> dict[str, Slot]:
    slots: dict[str, Slot] = {}
    for prefix, module in named:
        for held in (module["_parameters"], module["_buffers"], module):
            for key, tensor in held.items():
                if isinstance(tensor, Tensor):
                    slots.setdefault(f"{prefix}.{key}" if prefix else key, (held, key))
    return slots


class CellRecord:
    """What is known of one cell: where its tensors are, and what was compiled for which inputs."""

    def __init__(self, cell: nn.Module) -> None:
        self._named = [(prefix, module.__dict__) for prefix, module in cell.named_modules()]
        self.modules = [held for _, held in self._named]
        self.slots = _slots(self._named)
        self._parts = [(held, *_parts_of(held)) for held in self.modules]
        self.hooks = [held[name] for held in self.modules for name in HOOKS]
        self.compiled: dict[Any, Compiled | str] = {}
        self.changes: str | None = None  # what a step changes of the cell
        self.zeros: dict[Any, State | str] = {}
        self._settings = Settings(self.modules)

    def setting(self) -> int:
        """A number for all that the cell's attributes say but tensors: another setting is another step."""
        if self._settings.current():
            return self._settings.number
        self.slots = _slots(self._named)  # an attribute may have become a tensor
        return self._settings.renew()

    def shapes(self) -> tuple[Any, ...]:
        """What of the cell's tensors a step is made for."""
        found = []
        for name, (held, key) in self.slots.items():
            tensor = held.get(key)
            if tensor is not None:
                # of a single row nobody knows whether it is an example's or everyone's: with others it is another step
                rows = self.is_attribute(name) and len(tensor) != 1
                found.append((name, tensor.shape[1:] if rows else tensor.shape, tensor.dtype))
        return tuple(found)

    def is_attribute(self, name: str) -> bool:
        """Whether a tensor of two axes or more is neither a parameter nor a buffer: it may have a row an example."""
        held, key = self.slots[name]
        return "_parameters" in held and isinstance(held.get(key), Tensor) and held[key].dim() > 1

    def current(self) -> bool:
        """Whether the cell still has the modules, and the names of parameters and buffers, that it had."""
        return all(_parts_of(held) == (modules, counts) for held, modules, counts in self._parts)

    def hooked(self) -> bool:
        """Whether hooks are to run at every step."""
        return any(self.hooks)

    def places(self, first: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
        """Where everything lies that makes a step what it is: dictionaries, and the keys in them.

        The tensors named in `first` come first.
        """
        held = [self.slots[name] for name in first] + [
            (part, key)
            for module in self.modules
            for part in (module["_parameters"], module["_buffers"], module["_modules"], module)
            for key in part
            if part is not module or key not in OWN
        ]
        held = list({(id(part), key): (part, key) for part, key in held}.values())
        return [part for part, _ in held], [key for _, key in held]

    def sized(self) -> list[Any]:
        """What has another length where something is added or removed: a module's dictionaries, and its hooks."""
        parts = ("_parameters", "_buffers", "_modules", *HOOKS)
        return [held for module in self.modules for held in (module, *(module[name] for name in parts))]

    def named(self) -> dict[str, Tensor]:
        """The cell's tensors, as they are now."""
        return {name: held[key] for name, (held, key) in self.slots.items() if held.get(key) is not None}


def _parts_of(held: dict[str, Any]) -> tuple[tuple[nn.Module, ...], tuple[int, int]]:
    """A module's own modules, and how many parameters and buffers it has."""
    return tuple(held["_modules"].values()), (len(held["_parameters"]), len(held["_buffers"]))


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
