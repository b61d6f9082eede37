"""Record of the attributes of a cell's modules that a step reads, made while the step is traced.

Only an attribute that was read can change the step; one that the step does not read may change at every call. While
the record is made, the modules have a class of the same name whose `__getattribute__` records the reads.
"""

import builtins
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FunctionType, ModuleType
from typing import Any

from torch import nn

from .attribute_places import HOOKS, MISSING, OWN, PARTS, Read, dict_of, key_of, locate
from .code_names import INDIRECT, INDIRECT_METHODS, MODES, Names, library, names_in
from .frozen_values import UnwatchableError
from .global_reads import ClassScope, ClosureScope, GlobalRead, GlobalScope, ModuleScope, content, global_key
from .snapshots import reachable

_ACCESS = frozenset({"__getattr__", "__setattr__", "__delattr__", "_call_impl", "_wrapped_call_impl"})
"""Methods of torch.nn.Module that look at its dictionaries to find one name."""


class Reads:
    """Names read from modules, each with the key of its value at the first read.

    Args:
        refuse: Function that raises; called with a reason where a value is read whose changes cannot be detected.
        mode: Function that is called instead where a step asks for a mode of PyTorch.
    """

    def __init__(self, refuse: Callable[[str], None], *, mode: Callable[[str], None] | None = None) -> None:
        self._refuse, self._refuse_mode = refuse, mode or refuse
        self._thread = threading.get_ident()
        self._found: dict[tuple[int, str], Read] = {}
        self._globals: dict[tuple[int, str], GlobalRead] = {}
        self._functions: set[int] = set()
        self._spaces: set[tuple[int, str]] = set()
        self.watch: Callable[[nn.Module], None] = unwatched

    def all(self) -> list[Read | GlobalRead]:
        """All recorded reads."""
        return [*self._found.values(), *self._globals.values()]

    def note(self, module: nn.Module, name: str, kind: type) -> None:
        """Record the read of a name from a module of a class."""
        if threading.get_ident() != self._thread:
            return
        if name == "__dict__" or name in PARTS:
            if _from_module_access():
                return
            names = list(dict_of(module)) if name == "__dict__" else [name]
        else:
            names = [name]
        for one in names:
            if one not in OWN and not (one.startswith("__") and one.endswith("__")):
                self._note(module, one, kind)

    def _note(self, module: nn.Module, name: str, kind: type) -> None:
        at = id(module), name
        if at in self._found:
            return
        place = locate(module, name, kind)
        if place.owner in (nn.Module, object):
            return
        try:
            key = key_of(module, name, place)
        except UnwatchableError as reason:
            self._refuse(f"the attribute {name} of the cell may change unseen: {reason}")
            return
        self._found[at] = Read(weakref.ref(module), name, key)
        self._follow(place.value, module, kind)

    def _follow(self, value: Any, module: nn.Module | None = None, kind: type | None = None) -> None:
        """Record the globals that functions within a value read, and those of the functions among them."""
        functions = [one for one in reachable(value, functions=False) if isinstance(one, FunctionType)]
        for function in functions:
            if id(function) in self._functions:
                continue
            self._functions.add(id(function))
            names = names_in(function.__code__)
            asked = sorted((names.attributes | names.globals) & MODES)
            if asked:
                self._refuse_mode(f"a step asks for a mode of PyTorch, by {asked[0]}")
            asked = sorted(names.globals & INDIRECT | names.attributes & INDIRECT_METHODS)
            if asked:
                self._refuse(f"a step looks for names that it does not tell, by {asked[0]}")
            if module is not None and kind is not None and self._reads_class(value, names):
                for name in sorted(names.attributes & set(dir(kind))):
                    self.note(module, name, kind)
            for name in function.__code__.co_freevars:
                self._global(ClosureScope(function), name, names)
            for name in sorted(names.globals):
                if name in function.__globals__ or not hasattr(builtins, name):
                    self._global(GlobalScope(function), name, names)
                elif not library(getattr(builtins, name)) or not callable(getattr(builtins, name)):
                    self._global(ModuleScope(builtins), name, names)
            for name in sorted(names.imports & set(sys.modules)):
                self._attributes(sys.modules[name], names, everything=True)
            if "getenv" in names.globals | names.attributes:
                self._global(ModuleScope(os), "environ", names)

    def _reads_class(self, value: Any, names: Names) -> bool:
        """Whether code may read attributes of its object's class past the object."""
        return isinstance(value, classmethod) or "type" in names.globals or "__class__" in names.attributes

    def _global(self, scope: Callable[[], dict[str, Any]], name: str, names: Names) -> None:
        value = scope().get(name, MISSING)
        if value is sys.modules:
            self._refuse("a step looks for modules that it does not tell, by sys.modules")
            return
        try:
            key = global_key(value)
        except UnwatchableError as reason:
            self._refuse(f"{name}, which the cell reads, may change unseen: {reason}")
            return
        value = content(value)
        if key is not None:
            self._globals[len(self._globals), name] = GlobalRead(scope, name, key)
        if value is MISSING:
            return
        if isinstance(value, nn.Module):
            for module in value.modules():
                self._watched(module)
        elif isinstance(value, ModuleType | type):
            self._attributes(value, names, everything=names.indirect or name in names.bare)
        else:
            self._follow(value)

    def _attributes(self, of: Any, names: Names, everything: bool) -> None:
        """Record the attributes of a module of Python, or of a class, that code may read.

        With `everything`, code may read any attribute; what cannot be watched is left out then, unless it is named.
        """
        if library(of):
            return
        scope: Callable[[], dict[str, Any]] = (
            ModuleScope(of) if isinstance(of, ModuleType) else ClassScope(of)
        )
        held, asked = scope(), names.looked_up
        if isinstance(of, ModuleType) and "__getattr__" in held and not asked <= set(held):
            self._follow(held["__getattr__"])
        for name in sorted(asked if names.indirect else asked & set(held)):
            if (id(of), name) not in self._spaces:
                self._spaces.add((id(of), name))
                self._global(scope, name, names)
        for name, value in held.items() if everything else ():
            if (id(of), name) in self._spaces or (name.startswith("__") and name.endswith("__")):
                continue
            self._spaces.add((id(of), name))
            with suppress(UnwatchableError):
                if (key := global_key(value)) is not None:
                    self._globals[len(self._globals), name] = GlobalRead(scope, name, key)

    def _watched(self, module: nn.Module) -> None:
        """Record reads from a module that is no part of the cell."""
        held = dict_of(module)
        if any(held[name] for name in HOOKS):
            self._refuse(f"a {type(module).__name__} outside of the cell has hooks, which run at every step")
        self.watch(module)


def _from_module_access() -> bool:
    frame = sys._getframe(3)
    return frame.f_globals.get("__name__") == "torch.nn.modules.module" and frame.f_code.co_name in _ACCESS


def unwatched(module: nn.Module) -> None:
    """Nothing: outside of `recording` no reads are recorded."""


@contextmanager
def recording(modules: Sequence[nn.Module], reads: Reads) -> Iterator[None]:
    """Context in which reads from the modules, and from others that they call, are recorded."""
    swapped: dict[int, tuple[nn.Module, type]] = {}
    classes: dict[type, type] = {}

    def watch(module: nn.Module) -> None:
        if id(module) in swapped:
            return
        kind = type(module)
        if kind not in classes:
            classes[kind] = _noting(kind, reads)
        try:
            object.__setattr__(module, "__class__", classes[kind])
            swapped[id(module)] = module, kind
        except TypeError:  # a class of another layout: every attribute counts as read
            for name in dict_of(module):
                reads.note(module, name, kind)

    try:
        reads.watch = watch
        for module in modules:
            watch(module)
        yield
    finally:
        reads.watch = unwatched
        for module, kind in swapped.values():
            object.__setattr__(module, "__class__", kind)
        swapped.clear()  # its module would live until Python collects cycles, of which classes are part


def _noting(kind: type, reads: Reads) -> type:
    inherited: Any = kind.__getattribute__
    note = reads.note

    def __getattribute__(self: Any, name: str) -> Any:  # noqa: N807
        note(self, name, kind)
        return inherited(self, name)

    body = {
        "__getattribute__": __getattribute__, "__slots__": (), "__module__": kind.__module__,
        "__qualname__": kind.__qualname__, "__doc__": kind.__doc__,
    }  # fmt: skip
    metaclass: Any = type(kind)
    made: type = metaclass(kind.__name__, (kind,), body)
    return made
