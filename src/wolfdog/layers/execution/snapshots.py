"""Snapshots of Python values: equality by content, changes in place, and restoration.

A step of a cell may read more than tensors: numbers, names, lists of them, arrays, objects. `frozen` makes a key that
differs wherever values do; `parts` finds the parts that may change in place, each with the means to detect and undo
a change.
"""

import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from functools import cached_property, partial
from operator import is_
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
    SimpleNamespace,
)
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .code_names import library, parts_of_function, read_globals, user_classes, within

MOST = 10_000
"""Numbers, names and other things that one value may be made of, to be watched."""

_PLAIN = (int, str, bytes, bool, NoneType, range, slice, Enum, torch.dtype, torch.device, torch.Size,
          torch.layout, torch.memory_format)  # fmt: skip
_WITHOUT_PARTS = (float, complex, np.generic, Tensor, ModuleType, logging.Logger, *_PLAIN)
_ONE = (BuiltinFunctionType, MethodWrapperType, type, ModuleType, CellType, logging.Logger)
CONTAINERS = (list, dict, set, deque, np.ndarray, CellType)
"""Values whose class cannot be replaced by another one."""

_MISSING = object()


class UnwatchableError(Exception):
    """Error for a value whose changes cannot be detected."""


class Same:
    """Identity of an object as a key; the object is referenced weakly where its type allows it."""

    __slots__ = ("_hash", "_ref")

    def __init__(self, of: Any) -> None:
        self._hash = id(of)
        try:
            self._ref: Callable[[], Any] = weakref.ref(of)
        except TypeError:
            self._ref = lambda: of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and (mine := self._ref()) is not None and mine is other._ref()

    def __hash__(self) -> int:
        return self._hash


def frozen(value: Any) -> Any:
    """Key that is equal where values are equal in type and in content.

    Args:
        value: The value.

    Returns:
        The key.

    Raises:
        UnwatchableError: An object does not expose its contents, or there are more than `MOST` parts.

    Examples:
        >>> frozen([1, 2.0]) == frozen([1, 2.0]), frozen(1) == frozen(True), frozen(0.0) == frozen(-0.0)
        (True, False, False)
    """
    return _Freezing()(value)


class _Freezing:
    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._left = MOST

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        if kind is float:
            return "float", value.hex()
        if isinstance(value, _PLAIN):
            return kind, value
        self._left -= 1
        if self._left < 0:
            raise UnwatchableError(f"it is made of more than {MOST:,} things")
        if kind is complex:
            return "complex", value.real.hex(), value.imag.hex()
        if isinstance(value, np.generic):
            return str(value.dtype), value.tobytes()
        if isinstance(value, Tensor):
            return "tensor", Same(value)  # a step that reads its numbers is refused
        if isinstance(value, _ONE) or (isinstance(value, FunctionType) and library(value)):
            return "one", Same(value)
        if isinstance(value, MethodType):
            of = value.__self__
            return "method", self(value.__func__), Same(of) if isinstance(of, nn.Module | type) else self(of)
        if id(value) in self._seen:
            return "again", self._seen[id(value)]
        self._seen[id(value)] = len(self._seen)
        if isinstance(value, FunctionType):
            code, *others = parts_of_function(value)
            return "function", Same(value), Same(code), *map(self, others)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, partial):
            return "partial", self(value.func), self(value.args), self(value.keywords)
        return self._made_of_parts(value, kind)

    def _made_of_parts(self, value: Any, kind: type) -> Any:
        own = self._attributes(value, kind)
        if isinstance(value, list | tuple | deque):
            return kind, *map(self, value), own
        if isinstance(value, dict):
            return kind, *((self(key), self(item)) for key, item in value.items()), own
        if isinstance(value, set | frozenset):
            return kind, frozenset(map(self, value)), own
        if not _shows_all(kind):
            raise UnwatchableError(f"it is a {kind.__name__}, which does not show what it holds")
        return kind, tuple(map(Same, _members(kind))), own

    def _attributes(self, value: Any, kind: type) -> Any:
        held = {**_own_dict(value), **_slots(value, kind)}
        return tuple((key, self(item)) for key, item in held.items() if not _ignored(value, key))

    def _array(self, value: "np.ndarray[Any, Any]") -> Any:
        if value.dtype.hasobject:
            raise UnwatchableError("it is an array of objects")
        if value.size > MOST:
            raise UnwatchableError(f"it is an array of more than {MOST:,} numbers")
        return "array", str(value.dtype), value.shape, value.tobytes()


class Part:
    """Object that may change in place, and its contents at the time of the snapshot."""

    def __init__(self, of: Any) -> None:
        self.of = of
        self.was = _copied(of)

    def unchanged(self) -> bool:
        """Whether it still holds the same objects."""
        of, was = self.of, self.was
        if isinstance(of, CellType):
            return _content(of) is was
        if isinstance(of, np.ndarray):
            return bool(of.shape == was.shape and of.dtype == was.dtype and of.tobytes() == was.tobytes())
        if isinstance(of, set):
            return len(of) == len(was) and {id(item) for item in of} == {id(item) for item in was}
        now = _copied(of)
        if isinstance(was, dict):
            return (
                len(now) == len(was) and all(map(is_, now, was)) and all(map(is_, now.values(), was.values()))
            )
        return len(now) == len(was) and all(map(is_, now, was))

    def restore(self) -> None:
        """Restore the contents."""
        of, was = self.of, self.was
        if isinstance(of, CellType):
            of.cell_contents = was
        elif isinstance(of, np.ndarray):
            of[...] = was
        elif isinstance(of, list):
            of[:] = was
        elif isinstance(of, dict | set):
            of.clear()
            of.update(was)
        elif isinstance(of, deque):
            of.clear()
            of.extend(was)
        elif isinstance(of, type):
            for name in {*vars(of), *was}:
                if was.get(name, _MISSING) is not vars(of).get(name, _MISSING):
                    setattr(of, name, was[name])
        else:
            for name, item in was.items():
                object.__setattr__(of, name, item)
            for name in set(_own_dict(of)) - set(was):
                object.__delattr__(of, name)


def reachable(*values: Any, functions: bool = True) -> Iterator[Any]:
    """Functions, objects, containers and cells of closures among these values and what they hold, `MOST` at most.

    Args:
        *values: The values.
        functions: Whether the closures of functions, and the globals that they name, count too.

    Yields:
        Each of them once; numbers, tensors and what belongs to libraries are left out.
    """
    seen: set[int] = set()
    left = list(values)
    while left and len(seen) < MOST:
        value = left.pop()
        if isinstance(value, _WITHOUT_PARTS) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, FunctionType):
            if library(value):
                continue
            left += [*within(value), value.__defaults__, value.__kwdefaults__, value.__dict__]
            if functions:
                left += [value.__closure__, *_not_modules(item for _, item in read_globals(value))]
        elif isinstance(value, MethodType):
            left += [value.__func__, *_not_modules([value.__self__])]
        elif isinstance(value, property | staticmethod | classmethod | cached_property):
            left += within(value)
            continue
        elif isinstance(value, partial):
            left += [value.func, value.args, value.keywords]
        elif isinstance(value, tuple | frozenset):
            left += value
        elif isinstance(value, CellType):
            left += _not_modules([_content(value)])
        elif isinstance(value, type):
            continue
        elif isinstance(value, list | dict | set | deque):
            left += value.values() if isinstance(value, dict) else value
            left.append(getattr(value, "__dict__", None))
        elif isinstance(value, np.ndarray):
            if value.size > MOST or value.dtype.hasobject:
                continue
        elif _shows_all(type(value)):
            left += [item for key, item in _copied(value).items() if not _ignored(value, key)]
            left += _members(type(value))
        else:
            continue
        yield value


def parts(*values: Any, functions: bool = True) -> list[Part]:
    """Parts of these values that may change in place.

    Args:
        *values: The values.
        functions: As of `reachable`.

    Returns:
        The parts.
    """
    return [Part(value) for value in reachable(*values, functions=functions) if watched_part(value)]


def watched_part(value: Any) -> bool:
    """Whether a value of `reachable` may change in place, functions aside."""
    return not isinstance(value, FunctionType | MethodType | partial | tuple | frozenset)


def _not_modules(values: Iterable[Any]) -> Iterator[Any]:
    """Values without torch's modules, whose attributes are watched where a step reads them."""
    return (value for value in values if not isinstance(value, nn.Module))


def _copied(of: Any) -> Any:
    if isinstance(of, CellType):
        return _content(of)
    if isinstance(of, list | deque):
        return list(of)
    if isinstance(of, dict):
        return dict(of)
    if isinstance(of, set):
        return set(of)
    if isinstance(of, np.ndarray):
        return of.copy()
    return {**_own_dict(of), **_slots(of, type(of))}


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _own_dict(value: Any) -> dict[str, Any]:
    """Attributes of an object itself, whatever its class makes of names that it lacks."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held if isinstance(held, dict) else {}


def _slots(value: Any, kind: type) -> dict[str, Any]:
    found = {}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name in ("__dict__", "__weakref__"):
                continue
            with suppress(AttributeError):
                found[name] = object.__getattribute__(value, name)
    return found


def _shows_all(kind: type) -> bool:
    """Whether instances have no state but their attributes: no base class is implemented in C."""
    for base in kind.__mro__[:-1]:
        if base is SimpleNamespace:
            continue
        if not base.__flags__ & (1 << 9):  # of Python's, as the module copyreg tells it
            return False
        new = base.__dict__.get("__new__")
        if isinstance(new, BuiltinFunctionType):
            return False
    return True


def _members(kind: type) -> Iterator[Any]:
    """Methods and class attributes that instances of a class inherit."""
    for base in user_classes(kind):
        yield from (item for name, item in vars(base).items() if name not in _OF_EVERY_CLASS)


def _ignored(value: Any, key: Any) -> bool:
    return isinstance(value, nn.Module) and key in _OF_EVERY_MODULE


_OF_EVERY_CLASS = frozenset(
    {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__"}
)
_OF_EVERY_MODULE = frozenset(nn.Module().__dict__) - {"training", "_parameters", "_buffers", "_modules"}
_OF_EVERY_MODULE |= {
    "_kept",
    "_path",
    "_step_path",
    "_sequence_path",
    "_last_form",
    "_last_reason",
}  # of layers here
