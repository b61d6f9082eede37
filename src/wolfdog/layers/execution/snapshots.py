"""Snapshots of Python values that may change in place, and their restoration."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cached_property, partial
from operator import is_
from types import (
    CellType,
    FunctionType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np
from torch import Tensor, nn

from .code_names import library, read_globals, within
from .frozen_values import PLAIN
from .object_contents import MOST, ignored, members, own_dict, shows_all, slots

_WITHOUT_PARTS = (float, complex, np.generic, Tensor, ModuleType, logging.Logger, *PLAIN)

CONTAINERS = (list, dict, set, deque, np.ndarray, CellType)
"""Values whose class cannot be replaced by another one."""

_MISSING = object()


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
            for name in set(own_dict(of)) - set(was):
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
        if (isinstance(value, _WITHOUT_PARTS) and not isinstance(value, Enum)) or id(value) in seen:
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
        elif isinstance(value, Enum):
            left += [item for key, item in own_dict(value).items() if key != "__objclass__"]
            left += members(type(value))
        elif shows_all(type(value)):
            left += [item for key, item in _copied(value).items() if not ignored(value, key)]
            left += members(type(value))
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
    return {**own_dict(of), **slots(of, type(of))}


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None
