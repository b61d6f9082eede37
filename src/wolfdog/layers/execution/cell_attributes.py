"""What a cell says besides tensors: another setting is another step; a step that changes it is the loop's."""

from collections.abc import Mapping
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

_PLAIN = (
    int, float, complex, bool, str, bytes, NoneType, range, type, Enum, FunctionType, BuiltinFunctionType, MethodType,
    partial, torch.dtype, torch.device,
)  # fmt: skip
OWN = frozenset(nn.Module().__dict__) - {"training"}
"""What every module has: hooks, and the dictionaries of its parameters, buffers and modules."""


class Settings:
    """A number for all that the attributes of some modules say: numbers, names, functions, and lists of them.

    What is said inside objects of other classes is not seen.
    """

    def __init__(self, modules: list[dict[str, Any]]) -> None:
        self._modules = modules
        self._numbers: dict[Any, int] = {}
        self._seen: list[tuple[dict[str, Any], int, tuple[str, ...], tuple[Any, ...]]] = []
        self._lists: list[tuple[Any, Any]] = []  # what may change in place, and what it was
        self.number = -1

    def current(self) -> bool:
        """Whether nothing has changed since `renew`."""
        try:
            for held, size, keys, values in self._seen:
                if len(held) != size or tuple(map(held.get, keys)) != values:
                    return False
            for changing, was in self._lists:
                if changing != was:
                    return False
        except (RuntimeError, ValueError):  # a tensor or an array is where a number was
            return False
        return self.number >= 0

    def renew(self) -> int:
        """Look again, and give the number of what is there."""
        seen, lists, whole = [], [], []
        for held in self._modules:
            keys = tuple(key for key, value in held.items() if key not in OWN and _is_plain(value))
            values = tuple(map(held.get, keys))
            seen.append((held, len(held), keys, values))
            lists += [(value, value.copy()) for value in values if changing(value)]
            whole.append((keys, _frozen(values)))
        self._seen, self._lists = seen, lists
        self.number = self._numbers.setdefault(tuple(whole), len(self._numbers))
        return self.number


def changing(value: Any) -> TypeGuard[list[Any] | dict[Any, Any] | set[Any]]:
    """Whether an attribute is part of the step and may become another in place."""
    return isinstance(value, list | dict | set) and _is_plain(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return isinstance(value, _PLAIN)


def _frozen(value: Any) -> Any:
    """Something that can be a key, and differs where values do."""
    if isinstance(value, list | tuple):
        return type(value).__name__, *map(_frozen, value)
    if isinstance(value, dict):
        return "dict", *((_frozen(key), _frozen(item)) for key, item in value.items())
    if isinstance(value, set | frozenset):
        return "set", frozenset(map(_frozen, value))
    return type(value).__name__, value  # 1 and True are equal, but not alike


def said_in(cell: nn.Module) -> list[tuple[tuple[str, ...], object]]:
    """The numbers, names, truths and nothings that a cell's attributes are, each with the names on the way there.

    >>> said_in(nn.Dropout(0.1))
    [(('training',), True), (('p',), 0.1), (('inplace',), False)]
    """
    found: list[tuple[tuple[str, ...], object]] = []
    for prefix, module in cell.named_modules():
        way = tuple(prefix.split(".")) if prefix else ()
        for key, value in module.__dict__.items():
            if key not in OWN and isinstance(value, int | float | bool | str | NoneType):
                found.append(((*way, key), value))
    return found


class Untouched:
    """Modules as they are now, to be put back where running a step changed them."""

    def __init__(self, modules: list[dict[str, Any]]) -> None:
        self._kept: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._lists: list[tuple[list[Any], list[Any]]] = []
        for held in modules:
            self._kept.append((held, dict(held)))
            self._kept += [(held[name], dict(held[name])) for name in ("_parameters", "_buffers", "_modules")]
            for value in held.values():
                if isinstance(value, list):
                    self._lists.append((value, list(value)))

    def put_back(self) -> str | None:
        """The name of an attribute that has changed, None where none has; all are as they were then."""
        changed = None
        for held, kept in self._kept:
            different = [key for key in {**kept, **held} if not _same(held, kept, key)]
            if different:
                changed = changed or str(different[0])
                held.clear()
                held.update(kept)
        for value, was in self._lists:
            if len(value) != len(was) or any(a is not b for a, b in zip(value, was, strict=True)):
                changed = changed or "a list"
                value[:] = was
        return changed


def _same(held: Mapping[str, Any], kept: Mapping[str, Any], key: str) -> bool:
    if key not in held or key not in kept:
        return False
    now, was = held[key], kept[key]
    return now is was or (
        not isinstance(now, Tensor) and _is_plain(now) and _is_plain(was) and _frozen(now) == _frozen(was)
    )
