"""Record of the attributes of a cell's modules that a step reads, made while the step is traced.

Only an attribute that was read can change the step; one that the step does not read may change at every call. While
the record is made, the modules have a class of the same name whose `__getattribute__` records the reads.
"""

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, NamedTuple

from torch import Tensor, nn

from .snapshots import Same, UnwatchableError, frozen, library, names_in

PARTS = ("_parameters", "_buffers", "_modules")
OWN = frozenset(nn.Module().__dict__) - {"training", *PARTS}
"""Attributes that every module has: hooks, and marks of torch's own."""

_MISSING = object()
_ACCESS = frozenset({"__getattr__", "__setattr__", "__delattr__", "_call_impl", "_wrapped_call_impl"})
"""Methods of torch.nn.Module that look at its dictionaries to find one name."""


class Place(NamedTuple):
    """Location of an attribute: a dictionary of the module, or a class; absent if both are None."""

    held: dict[str, Any] | None
    owner: type | None
    value: Any


def dict_of(module: nn.Module) -> dict[str, Any]:
    """Attributes of a module itself, read without recording."""
    held: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return held


def locate(module: nn.Module, name: str, kind: type | None = None) -> Place:
    """Location of an attribute, by the lookup rules of Python and torch.nn.Module."""
    held = dict_of(module)
    kind = kind or type(module)
    above = next((base for base in kind.__mro__ if name in base.__dict__), None)
    if above is not None and hasattr(type(above.__dict__[name]), "__set__"):
        return Place(None, above, above.__dict__[name])
    if name in held:
        return Place(held, None, held[name])
    if above is not None:
        return Place(None, above, above.__dict__[name])
    for part in PARTS:
        if name in held.get(part, ()):
            return Place(held[part], None, held[part][name])
    return Place(None, None, _MISSING)


class Read(NamedTuple):
    """Name that was read from a module, and a key of its value at that time."""

    module: "weakref.ref[nn.Module]"
    name: str
    key: Any

    def now(self) -> Any:
        """Key of the current value; None where it cannot be determined."""
        module = self.module()
        if module is None:
            return None
        with suppress(UnwatchableError):
            return key_of(module, self.name, locate(module, self.name))
        return None


class GlobalRead(NamedTuple):
    """Global or enclosing-scope name that a function of the cell reads, and a key of its value at that time.

    `scope` gives the dictionary of the names.
    """

    scope: Callable[[], dict[str, Any]]
    name: str
    key: Any

    def now(self) -> Any:
        """Key of the current value; None where it cannot be determined."""
        with suppress(UnwatchableError):
            return _global_key(self.scope().get(self.name, _MISSING))
        return None


class _Globals:
    """Global names that a function reads; the function is referenced weakly."""

    def __init__(self, function: Any) -> None:
        self._of = weakref.ref(function)

    def __call__(self) -> dict[str, Any]:
        function = self._of()
        found: dict[str, Any] = {} if function is None else function.__globals__
        return found


class _Closure(_Globals):
    """Names of enclosing functions that a function reads."""

    def __call__(self) -> dict[str, Any]:
        function = self._of()
        if function is None:
            return {}
        return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def key_of(module: nn.Module, name: str, place: Place) -> Any:
    """Key of the value that a module has under a name: the form of a tensor, the content of any other value.

    Args:
        module: The module.
        name: Name of the attribute.
        place: Its location.

    Returns:
        The key.

    Raises:
        UnwatchableError: Changes of the value cannot be detected.
    """
    value = place.value
    held = dict_of(module)
    if name in PARTS and place.held is held:
        return "parts", tuple((key, None if item is None else Same(item)) for key, item in value.items())
    if isinstance(value, Tensor):
        # A single row may belong to one example or to all: with more examples the step is another one.
        rows = place.held is held and value.dim() > 1 and len(value) != 1
        shape = value.shape[1:] if rows else value.shape
        return "tensor", place.held is held, shape, value.dtype, value.device, value.layout
    if isinstance(value, nn.Module) and place.held is held.get("_modules"):
        return "module", Same(value)
    if value is _MISSING:
        return "nothing"
    if place.owner is not None and (callable(value) or hasattr(type(value), "__get__")):
        return "class", Same(value)
    if place.owner is not None:
        return "class", frozen(value)
    return frozen(value)


class Reads:
    """Names read from modules, each with the key of its value at the first read.

    Args:
        refuse: Function that raises; called with a reason where a value is read whose changes cannot be detected.
    """

    def __init__(self, refuse: Callable[[str], None]) -> None:
        self._refuse = refuse
        self._thread = threading.get_ident()
        self._found: dict[tuple[int, str], Read] = {}
        self._globals: dict[tuple[int, str], GlobalRead] = {}
        self._functions: set[int] = set()

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
        self._follow(place.value)

    def _follow(self, value: Any) -> None:
        """Record the globals that a function reads, and those of the functions among them."""
        left = [value]
        while left:
            one = left.pop()
            if isinstance(one, property):
                left.append(one.fget)
                continue
            one = getattr(one, "__func__", one)
            one = getattr(one, "__wrapped__", one)
            if not hasattr(one, "__code__") or id(one) in self._functions or library(one):
                continue
            self._functions.add(id(one))
            for name in one.__code__.co_freevars:
                left += self._global(_Closure(one), name)
            for name in sorted(names_in(one) & set(one.__globals__)):
                left += self._global(_Globals(one), name)

    def _global(self, scope: Callable[[], dict[str, Any]], name: str) -> list[Any]:
        value = scope()[name]
        try:
            key = _global_key(value)
        except UnwatchableError as reason:
            self._refuse(f"{name}, which the cell reads, may change unseen: {reason}")
            return []
        if key is None:
            return []
        self._globals[len(self._globals), name] = GlobalRead(scope, name, key)
        return [_content(value)]


def _global_key(value: Any) -> Any:
    value = _content(value)
    if value is _MISSING:
        return "nothing"
    if isinstance(value, nn.Module):
        return "module", Same(value)
    if isinstance(value, type | Tensor | ModuleType) or (callable(value) and library(value)):
        return None
    return frozen(value)


def _content(value: Any) -> Any:
    if type(value).__name__ == "cell":
        try:
            return value.cell_contents
        except ValueError:  # it is empty
            return _MISSING
    return value


def _from_module_access() -> bool:
    frame = sys._getframe(3)
    return frame.f_globals.get("__name__") == "torch.nn.modules.module" and frame.f_code.co_name in _ACCESS


@contextmanager
def recording(modules: Sequence[nn.Module], reads: Reads) -> Iterator[None]:
    """Context in which reads from the modules are recorded."""
    swapped: list[tuple[nn.Module, type]] = []
    classes: dict[type, type] = {}
    try:
        for module in modules:
            kind = type(module)
            if kind not in classes:
                classes[kind] = _noting(kind, reads)
            try:
                object.__setattr__(module, "__class__", classes[kind])
                swapped.append((module, kind))
            except TypeError:  # a class of another layout: every attribute counts as read
                for name in dict_of(module):
                    reads.note(module, name, kind)
        yield
    finally:
        for module, kind in swapped:
            object.__setattr__(module, "__class__", kind)


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
