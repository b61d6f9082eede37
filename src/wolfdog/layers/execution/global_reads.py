"""Scopes of the names that functions of a cell read outside of its modules, and keys of their values."""

import weakref
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any, NamedTuple

from torch import Tensor, nn

from .attribute_places import HOOKS, MISSING, class_key, dict_of
from .code_names import library, user_classes
from .frozen_values import Same, UnwatchableError, registered


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
            return global_key(self.scope().get(self.name, MISSING))
        return None


class GlobalScope:
    """Global names that a function reads; the function is referenced weakly."""

    def __init__(self, function: Any) -> None:
        self._of = weakref.ref(function)

    def __call__(self) -> dict[str, Any]:
        function = self._of()
        found: dict[str, Any] = {} if function is None else function.__globals__
        return found


class ClosureScope(GlobalScope):
    """Names of enclosing functions that a function reads."""

    def __call__(self) -> dict[str, Any]:
        function = self._of()
        if function is None:
            return {}
        return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


class ModuleScope:
    """Names of a module of Python that a function reads."""

    def __init__(self, module: ModuleType) -> None:
        self._held = vars(module)

    def __call__(self) -> dict[str, Any]:
        return self._held


class ClassScope:
    """Attributes of a class and its metaclass, by the class's name; the class is referenced weakly."""

    def __init__(self, kind: type) -> None:
        self.kind = weakref.ref(kind)

    def __call__(self) -> dict[str, Any]:
        kind = self.kind()
        found: dict[str, Any] = {}
        for base in () if kind is None else (*user_classes(kind), *user_classes(type(kind))):
            found = {**vars(base), **found}
        return {name: item for name, item in found.items() if name != "__name__"}


def global_key(value: Any) -> Any:
    """Key of the value under a name; None for a tensor, whose form is guarded instead."""
    value = content(value)
    if value is MISSING:
        return "nothing"
    if isinstance(value, nn.Module):
        hooks = any(dict_of(module)[name] for module in value.modules() for name in HOOKS)
        return "module", Same(value), tuple(Same(type(module)) for module in value.modules()), hooks
    if isinstance(value, type):
        return "one", Same(value), value.__name__, value.__qualname__, registered(value)
    if isinstance(value, ModuleType):
        return "one", Same(value)
    if isinstance(value, Tensor):
        return None
    if not isinstance(value, staticmethod | classmethod | property) and callable(value) and library(value):
        return "one", Same(value)
    return class_key(value)


def content(value: Any) -> Any:
    """Value of a closure's cell, or the value itself."""
    if type(value).__name__ == "cell":
        try:
            return value.cell_contents
        except ValueError:  # it is empty
            return MISSING
    return value
