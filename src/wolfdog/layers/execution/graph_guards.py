"""Guards of graphs of torch.compile: all that a step reads, checked by PyTorch before it runs a graph.

torch.compile guards the values that it traces, but neither attributes of classes and functions, nor methods, hooks of
other modules, and names that are missing. The guards of eager calls watch them. A graph that runs a layer has one guard
more, which fails where one of these values is another one than when the graph was made; PyTorch then makes the graph
anew.
"""

import builtins
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..cell.protocol import Returns
from .attribute_places import PARTS, Read, dict_of, locate
from .attribute_reads import Reads, recording
from .cell_cache import CellRecord, record_of
from .dependencies import hooks_of, watched
from .eager import EagerRunner
from .global_reads import GlobalRead
from .graph_state import PendingChanges, add_guard
from .guards import GLOBAL_HOOKS, VALUE_GUARDS, compiled_check
from .probing import probing, trial

WATCHES = 16
"""Guards that a layer keeps for its graphs; the oldest goes first, and its graph is made anew."""


@dataclass(frozen=True)
class StepReads:
    """Values that a step reads, and reasons why changes of others cannot be detected."""

    found: Sequence[Read | GlobalRead]
    unwatched: Sequence[str]


def reads_of_step(cell: nn.Module, returns: Returns | None, event: Tensor) -> StepReads:
    """Values that the initial state and a step of a cell read, recorded while a step runs eagerly.

    Args:
        cell: The cell.
        returns: As of `Recurrent`.
        event: An event [B, ...].

    Returns:
        The values. Where the cell raises an error, those that it read until then.
    """
    unwatched = list[str]()
    reads = Reads(unwatched.append, mode=_guarded)
    modules = record_of(cell).modules
    with (
        probing(modules, event.device),
        trial(cell, event) as masked,
        recording(modules, reads),
        suppress(Exception),  # of the cell, which raises it in the graph too
    ):
        EagerRunner(cell, returns).step(masked, None)
    found = reads.all()
    for read in found:
        if isinstance(read, GlobalRead) and read.scope() is vars(builtins):
            unwatched.append(
                f"{read.name} stands among Python's own names, where torch.compile does not look for it"
            )
    return StepReads(found, unwatched)


def _guarded(mode: str) -> None:
    """Nothing: graphs of torch.compile have guards of their own for modes of PyTorch."""


class GraphWatch:
    """Check that values are those of the time when the watch was made.

    Args:
        record: Cache entry of the cell.
        reads: The values that a step reads.
    """

    def __init__(self, record: CellRecord, reads: StepReads) -> None:
        self._record, self._in_step = record, reads.found
        self._reads = [read._replace(key=read.now()) for read in reads.found]
        self._ties, self._cached = record.ties(), parametrize._cache_enabled
        self._make()
        self._were_hooks = list(map(dict, self._hooks))

    def _make(self) -> None:
        slots = [
            (place.held, read.name)
            for read in self._reads
            if isinstance(read, Read) and (module := read.module()) is not None
            if isinstance((place := locate(module, read.name)).value, Tensor) and place.held is not None
        ]
        self._depends = watched([], slots, self._reads, self._record.modules)
        modules = self._depends.modules
        self._hooks = [*GLOBAL_HOOKS, *(held for module in modules for held in hooks_of(module))]
        self._check = compiled_check(self._depends, VALUE_GUARDS)

    def holds(self) -> bool:
        """Whether the values are unchanged."""
        if self._hooks != self._were_hooks or parametrize._cache_enabled != self._cached:
            return False
        if self._ties and self._record.ties() != self._ties:
            return False
        if self._check() is not None:
            return True
        if not self._record.current() or any(read.now() != read.key for read in self._reads):
            return False
        self._make()  # other objects of the same content
        return self._hooks == self._were_hooks

    def changed_in_graph(self, given: Mapping[str, Tensor], rows: Collection[str]) -> bool:
        """Whether code around the layer, within its graph, changes what a step reads before the step runs.

        Args:
            given: Tensors that the graph reads anew, by name, as those for which the step was compiled.
            rows: Names of those with a row for each example.
        """
        pending = PendingChanges()
        if not pending:
            return False
        prefixes = {id(module): prefix for prefix, module in self._record.named_modules()}
        for read in self._in_step:
            if isinstance(read, GlobalRead):
                if read.name in pending.globals:
                    return True
                continue
            module = read.module()
            stored = pending.attributes(module)
            if read.name in stored:
                name = ".".join(filter(None, (prefixes.get(id(module)), read.name)))
                if not _same_form(given.get(name), stored[read.name], name in rows):
                    return True
            if pending.of(module) and not stored:
                return True
        depends = self._depends
        dicts = [held for module in depends.modules for held in _dicts(module)]
        cells = [cell for function in depends.functions for cell in function.__closure__ or ()]
        parts = [part.of for part in depends.changing]
        return any(map(pending.of, (*dicts, *cells, *parts)))

    def class_changed_in_graph(self) -> bool:
        """Whether code around the layer, within its graph, changes a class or a function that a step reads.

        torch.compile itself reads their old attributes until the graph has run.
        """
        return any(map(PendingChanges().of, (*self._depends.namespaces, *self._depends.functions)))


def _dicts(module: nn.Module) -> Iterator[Any]:
    held = dict_of(module)
    yield held
    yield from (held[name] for name in PARTS)


def _same_form(compiled: Tensor | None, now: Tensor | None, row: bool) -> bool:
    """Whether a tensor has the form for which a step was compiled."""
    if compiled is None or now is None or compiled.dtype != now.dtype or compiled.dim() != now.dim():
        return False
    first = 1 if row else 0
    return compiled.shape[first:] == now.shape[first:] and now.device.type == "cpu"


class Watches:
    """Watches of a layer's graphs. A guard refers to its watch weakly, so that a graph keeps no layer alive."""

    def __init__(self) -> None:
        self._kept: list[GraphWatch] = []

    @property
    def latest(self) -> GraphWatch:
        """Watch of the graph that is being made."""
        return self._kept[-1]

    def install(self, cell: nn.Module, returns: Returns | None, features: list[int], dtype: str) -> bool:
        """Add a guard over what a step reads to the graph that torch.compile is making.

        Args:
            cell: The cell.
            returns: As of `Recurrent`.
            features: Features of an event.
            dtype: Number format of an event.

        Returns:
            Whether the layer can run in the graph; it cannot where a step reads what cannot be watched, or where this
            release of PyTorch takes no such guard.
        """
        reads = reads_of_step(cell, returns, zero_event(features, dtype))
        watch = GraphWatch(record_of(cell), reads)
        self._kept.append(watch)
        del self._kept[:-WATCHES]
        alive = weakref.ref(watch)

        def holds() -> bool:
            found = alive()
            return found is not None and found.holds()

        try:
            add_guard(holds, f"what a step of {type(cell).__name__} reads is unchanged")
            changed = watch.class_changed_in_graph()
        except (ImportError, AttributeError, TypeError):  # a release of PyTorch without what these use
            return False
        return not reads.unwatched and not changed


def zero_event(features: list[int], dtype: str) -> Tensor:
    """Event [2, ...] of zeros."""
    return torch.zeros(2, *features, dtype=getattr(torch, dtype.removeprefix("torch.")), device="cpu")
