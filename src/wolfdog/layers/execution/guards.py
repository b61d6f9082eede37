"""Table of guards: the conditions that are checked between two calls, and the function compiled from them.

An earlier call is repeated after a check of nothing but these: the places that a step reads and the values found
there, the tensors' forms, hooks, and the modes of PyTorch. `GUARDS` has a row for each kind of dependency; a row gives,
in Python, the conditions under which it has changed. All rows together become one function without loops, compiled once
for each prepared call: Python's interpreter specializes each of its lookups, so that one takes some ten nanoseconds.
"""

from abc import get_cache_token
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import islice
from keyword import iskeyword
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.modules import module as every_module
from torch.nn.utils import parametrize

from ...compiler.tensor_forms import TENSOR_GUARDS, alike
from .attribute_places import dict_of
from .code_names import parts_of_function
from .dependencies import Watched, hooks_of
from .kernel_access import observed, transformed

_order_of = attrgetter("__mro__")
_names_of = attrgetter("__name__", "__qualname__")

GLOBAL_HOOKS = (
    every_module._global_forward_hooks, every_module._global_forward_pre_hooks,
    every_module._global_backward_hooks, every_module._global_backward_pre_hooks,
)  # fmt: skip


class Source:
    """Source code of a check, and the global names that it uses."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def name(self, value: Any) -> str:
        """Global name of an object; the scope holds the object."""
        found = self._names.get(id(value))
        if found is None:
            found = self._names[id(value)] = f"_{len(self._names)}"
            self.scope[found] = value
        return found

    def place(self, held: dict[str, Any], key: str) -> str:
        """Expression for the value under a key that is present."""
        if type(held) is dict:
            return f"{self.name(held)}[{self._key(key)}]"
        return f"{self.name(dict.get)}({self.name(held)}, {self._key(key)})"

    def present(self, held: dict[str, Any], key: str) -> str:
        """Expression for whether a key is there."""
        if type(held) is dict:
            return f"{self._key(key)} in {self.name(held)}"
        return f"{self.name(dict.get)}({self.name(held)}, {self._key(key)}) is not None"

    def attribute(self, of: Any, name: str) -> str:
        """Expression for an attribute."""
        if name.isidentifier() and not iskeyword(name):
            return f"{self.name(of)}.{name}"
        return f"getattr({self.name(of)}, {name!r})"

    def _key(self, key: Any) -> str:
        return repr(key) if type(key) in (str, bytes) else self.name(key)


@dataclass(frozen=True)
class Guard:
    """Row of the table: a kind of dependency, and expressions that are true where it has changed."""

    watches: str
    changes: Callable[[Watched, Source], Iterator[str]]


def _identity(watched: Watched, source: Source) -> Iterator[str]:
    places = zip(watched.dicts, watched.keys, strict=True)
    others = islice(places, watched.count, None)  # of tensors passed to the kernel, forms are compared
    for held, key in others:
        value = dict.get(held, key)
        if value is None and key not in held:
            yield source.present(held, key)
        else:
            yield f"{source.place(held, key)} is not {source.name(value)}"


def _class_attributes(watched: Watched, source: Source) -> Iterator[str]:
    for kind, name in zip(watched.classes, watched.members, strict=True):
        yield f"{source.attribute(kind, name)} is not {source.name(getattr(kind, name))}"


def _classes(watched: Watched, source: Source) -> Iterator[str]:
    for held in watched.objects:
        yield f"type({source.name(held)}) is not {source.name(type(held))}"
    for kind in watched.namespaces:
        yield f"{source.name(vars)}({source.name(kind)}) != {source.name(dict(vars(kind)))}"
        yield f"{source.name(_order_of)}({source.name(kind)}) is not {source.name(kind.__mro__)}"
    if watched.abstract:
        yield f"{source.name(get_cache_token)}() != {source.name(get_cache_token())}"
    for kind in watched.named:
        yield f"{source.name(_names_of)}({source.name(kind)}) != {source.name(_names_of(kind))}"


def _functions(watched: Watched, source: Source) -> Iterator[str]:
    parts = source.name(parts_of_function) if watched.functions else ""
    for function in watched.functions:
        found = tuple(map(copy, parts_of_function(function)))
        yield f"{parts}({source.name(function)}) != {source.name(found)}"


def _contents(watched: Watched, source: Source) -> Iterator[str]:
    for tensor in watched.bare:
        yield f"{source.name(vars)}({source.name(tensor)})"
    for part in watched.changing:
        yield f"not {source.name(part.unchanged)}()"


def _hooks(watched: Watched, source: Source) -> Iterator[str]:
    hooks = [held for module in watched.modules for held in hooks_of(module)]
    yield f"any({source.name([*GLOBAL_HOOKS, *hooks] if hooks else [])})"


def _modes(watched: Watched, source: Source) -> Iterator[str]:
    yield f"{source.name(torch._C._len_torch_function_stack)}()"
    yield f"{source.name(forward_ad)}._current_level >= 0"
    if torch.is_autocast_enabled("cpu"):
        dtype = source.name(torch.get_autocast_dtype("cpu"))
        yield f"{source.name(torch.get_autocast_dtype)}('cpu') is not {dtype}"
    if TENSOR_GUARDS is None:  # what they see in the keys by which operators are dispatched
        yield f"{source.name(observed)}()"
        yield f"{source.name(transformed)}()"
        yield f"{source.name(torch.is_autocast_enabled)}('cpu')"


def _parametrizations(watched: Watched, source: Source) -> Iterator[str]:
    if any("parametrizations" in dict_of(module)["_modules"] for module in watched.modules):
        yield f"{source.name(parametrize)}._cache_enabled"


def _environment(watched: Watched, source: Source) -> Iterator[str]:
    if watched.makes:
        dtype = source.name(torch.get_default_dtype())
        yield f"{source.name(torch.get_default_dtype)}() is not {dtype}"


def _forms(watched: Watched, source: Source) -> Iterator[str]:
    given = _given(watched)
    yield from (f"{name}.is_nested" for name in given)  # PyTorch's guards end the process at a nested tensor
    like = [*watched.given, *watched.read]
    if like:
        yield f"not {source.name(alike(like))}({', '.join([*given, *_read(watched)])})"


def _memory(watched: Watched, source: Source) -> Iterator[str]:
    if watched.given:
        yield "not x.data_ptr()"
    for name, tensor in zip(_read(watched), watched.read, strict=True):
        yield f"{name}.data_ptr() != {tensor.data_ptr()}" if watched.fixed else f"not {name}.data_ptr()"


def _frozen(watched: Watched, source: Source) -> Iterator[str]:
    for name, tensor in zip(_read(watched), watched.read if watched.frozen else (), strict=False):
        yield f"{name} is not {source.name(tensor)}"
        if not tensor.is_inference():
            yield f"{name}._version != {tensor._version}"


def _given(watched: Watched) -> list[str]:
    """Expressions for the event and the states."""
    return ["x", *(f"states[{n}]" for n in range(len(watched.given) - 1))] if watched.given else []


def _read(watched: Watched) -> list[str]:
    """Local names of the tensors passed to the kernel."""
    return [f"r{n}" for n in range(watched.count)]


GUARDS = (
    Guard("hooks, of modules and of all modules", _hooks),
    Guard("modes of PyTorch", _modes),
    Guard("parametrizations that are cached", _parametrizations),
    Guard("the environment", _environment),
    Guard("identity of tensors, modules, attributes and globals", _identity),
    Guard("attributes of classes, methods among them", _class_attributes),
    Guard("classes of objects, and what the user's classes hold", _classes),
    Guard("code and defaults of functions", _functions),
    Guard("contents of lists, dicts, sets, arrays and objects", _contents),
    Guard("sizes, strides, formats, devices and gradients of tensors", _forms),
    Guard("memory of tensors", _memory),
    Guard("changes of weights of which packed copies are kept", _frozen),
)
"""Table of guards, the cheapest first."""

VALUE_GUARDS = tuple(
    guard
    for guard in GUARDS
    if guard.changes in (_identity, _class_attributes, _classes, _functions, _contents, _forms)
)
"""Rows over what a step reads, without those over modes and memory."""

Check = Callable[..., "list[Tensor] | None"]
"""An event and states to the tensors that the kernel is given; None where something has changed."""


def compiled_check(watched: Watched, table: Sequence[Guard] = GUARDS) -> Check:
    """Single function that checks all guards.

    Args:
        watched: Dependencies of the call.
        table: Rows of the table.

    Returns:
        Function, called as `check(x, states)` with a tuple of states, that returns the tensors in the places, or None.
    """
    source = Source()
    names, places = _read(watched), list(zip(watched.dicts, watched.keys, strict=True))
    lines = ["def check(x=None, states=()):", "    try:"]
    lines += [f"        {name} = {source.place(*place)}" for name, place in zip(names, places, strict=False)]
    for guard in table:
        changes = " or ".join(guard.changes(watched, source))
        if changes:
            lines.append(f"        if {changes}: return None  # {guard.watches}")
    lines += [
        f"        return [{', '.join(names)}]",
        "    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError):",  # another kind of object
        "        return None",
    ]
    scope = source.scope
    exec("\n".join(lines), scope)  # our own text
    check: Check = scope.pop("check")  # a function in its own globals would wait for the collector of cycles
    return check
