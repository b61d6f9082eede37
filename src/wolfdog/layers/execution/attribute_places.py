"""Places of the attributes of torch's modules, and keys of the values that stand there."""

import weakref
from contextlib import suppress
from types import FunctionType
from typing import Any, NamedTuple

from torch import Tensor, nn

from .code_names import cached, library, pure, within
from .frozen_values import Same, UnwatchableError, frozen

PARTS = ("_parameters", "_buffers", "_modules")

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Hooks that run when a module is called."""

OWN = frozenset(nn.Module().__dict__) - {"training", *PARTS}
"""Attributes that every module has: hooks, and marks of torch's own."""

MISSING = object()
"""Value of a name that stands nowhere."""


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
    return Place(None, None, MISSING)


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
        return "tensor", place.held is held, shape, value.dtype, value.device, value.layout, _marks(value)
    if isinstance(value, nn.Module) and place.held is held.get("_modules"):
        return "module", Same(value)
    if value is MISSING:
        return "nothing"
    return ("class", class_key(value)) if place.owner is not None else frozen(value)


def _marks(tensor: Tensor) -> Any:
    """Key of the attributes that a user has given to a tensor."""
    marks = vars(tensor)
    return tuple((name, frozen(mark)) for name, mark in marks.items()) if marks else None


def class_key(value: Any) -> Any:
    """Key of an attribute of a class: of a descriptor, by the functions that it calls."""
    if cached(value) and not pure(value):
        raise UnwatchableError("it is a function with a cache, and computes from more than its arguments")
    inner = [function for function in within(value) if function is not None]
    if inner and not isinstance(value, FunctionType):
        return type(value), *map(frozen, inner)
    descriptor = callable(value) or hasattr(type(value), "__get__")
    return (
        Same(value)
        if descriptor and library(type(value)) and not isinstance(value, FunctionType)
        else frozen(value)
    )
