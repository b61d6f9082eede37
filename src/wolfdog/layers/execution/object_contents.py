"""Contents of Python objects: attributes, slots, and what their classes give them."""

from collections.abc import Iterator
from contextlib import suppress
from types import (
    BuiltinFunctionType,
    SimpleNamespace,
)
from typing import Any

from torch import nn

from .code_names import user_classes

MOST = 10_000
"""Numbers, names and other things that one value may be made of, to be watched."""


def own_dict(value: Any) -> dict[str, Any]:
    """Attributes of an object itself, whatever its class makes of names that it lacks."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held if isinstance(held, dict) else {}


def slots(value: Any, kind: type) -> dict[str, Any]:
    """Attributes that an object of a class holds in slots."""
    found = {}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name in ("__dict__", "__weakref__"):
                continue
            with suppress(AttributeError):
                found[name] = object.__getattribute__(value, name)
    return found


def shows_all(kind: type) -> bool:
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


def members(kind: type) -> Iterator[Any]:
    """Methods and class attributes that instances of a class inherit."""
    for base in user_classes(kind):
        yield from (item for name, item in vars(base).items() if name not in _OF_EVERY_CLASS)


def ignored(value: Any, key: Any) -> bool:
    """Whether an attribute belongs to every module of torch, or to the bookkeeping of layers."""
    return isinstance(value, nn.Module) and key in _OF_EVERY_MODULE


_OF_EVERY_CLASS = frozenset(
    {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__"}
)

_OF_EVERY_MODULE = frozenset(nn.Module().__dict__) - {"training", "_parameters", "_buffers", "_modules"}

_OF_EVERY_MODULE |= {
    "_kept",
    "_path",
    "_paths",
    "_pool_user",
    "_last_form",
    "_last_reason",
}  # of layers here
