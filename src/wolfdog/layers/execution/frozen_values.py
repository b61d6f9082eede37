"""Keys of Python values that differ wherever the values do."""

import abc
import logging
import weakref
from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    EllipsisType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
    NotImplementedType,
)
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .code_names import library, parts_of_function
from .object_contents import MOST, ignored, members, own_dict, shows_all, slots

PLAIN = (int, str, bytes, bool, NoneType, EllipsisType, NotImplementedType, range, slice, torch.dtype, torch.device,
          torch.Size, torch.layout, torch.memory_format)  # fmt: skip
"""Types whose values never change and compare by content."""

_ONE = (BuiltinFunctionType, MethodWrapperType, type, ModuleType, CellType, logging.Logger)


class UnwatchableError(Exception):
    """Error for a value whose changes cannot be detected."""


_NONE = object()


class Same:
    """Identity of an object as a key; the object is referenced weakly where its type allows it."""

    __slots__ = ("_hash", "_ref")

    def __init__(self, of: Any) -> None:
        self._hash = id(of)
        of = _NONE if of is None else of  # None is what a reference to an object that is gone gives
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


def registered(kind: Any) -> Any:
    """Key of the classes that are registered with an abstract base class, and with those derived from it."""
    if not isinstance(kind, abc.ABCMeta):
        return None
    found, left, seen = list[Any](), list[Any]([kind]), set[int]()
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            found.append((Same(one), frozenset(abc._get_dump(one)[0])))  # type: ignore[attr-defined]
            left += type.__subclasses__(one)
    return frozenset(found)


class _Freezing:
    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._left = MOST

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        if kind is float:
            return "float", value.hex()
        if isinstance(value, PLAIN) and not isinstance(value, Enum):
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
        if isinstance(value, abc.ABCMeta):
            return "one", Same(value), registered(value)
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
        if isinstance(value, Enum):
            return kind, Same(value), tuple(map(Same, members(kind))), self._of_member(value)
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
        if not shows_all(kind):
            raise UnwatchableError(f"it is a {kind.__name__}, which does not show what it holds")
        return kind, kind.__name__, kind.__qualname__, tuple(map(Same, members(kind))), own

    def _attributes(self, value: Any, kind: type) -> Any:
        held = {**own_dict(value), **slots(value, kind)}
        return tuple((key, self(item)) for key, item in held.items() if not ignored(value, key))

    def _of_member(self, value: Enum) -> Any:
        """Attributes of a member of an enumeration, by identity where a value does not show what it holds."""
        found = []
        for key, item in own_dict(value).items():
            if key != "__objclass__":
                try:
                    found.append((key, self(item)))
                except UnwatchableError:
                    found.append((key, Same(item)))
        return tuple(found)

    def _array(self, value: "np.ndarray[Any, Any]") -> Any:
        if value.dtype.hasobject:
            raise UnwatchableError("it is an array of objects")
        if value.size > MOST:
            raise UnwatchableError(f"it is an array of more than {MOST:,} numbers")
        return "array", str(value.dtype), value.shape, value.tobytes()
