"""Table of guards: the conditions that are checked between two calls, and the function compiled from them.

An earlier call is repeated after a check of nothing but these: the places that a step reads and the values found
there, the tensors' forms, hooks, and the modes of PyTorch. `GUARDS` has a row for each kind of dependency; a row gives,
in Python, the condition under which it has changed. All rows together become one function, compiled once for each
prepared call. Every condition is evaluated in C over all its objects, in a few tenths of a microsecond.
"""

from abc import get_cache_token
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from operator import attrgetter, is_
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
from .snapshots import Part

Scope = dict[str, Any]

_order_of = attrgetter("__mro__")
_names_of = attrgetter("__name__", "__qualname__")

GLOBAL_HOOKS = (
    every_module._global_forward_hooks, every_module._global_forward_pre_hooks,
    every_module._global_backward_hooks, every_module._global_backward_pre_hooks,
)  # fmt: skip


@dataclass(frozen=True)
class Guard:
    """Row of the table: a kind of dependency, the conditions under which it has changed, and the names they use."""

    watches: str
    conditions: Callable[[Watched], Iterator[tuple[str, Scope]]]


def _identity(watched: Watched) -> Iterator[tuple[str, Scope]]:
    were = watched.values[watched.count :]
    if were:  # of tensors that the kernel is given, forms and places are compared
        yield f"not all(map(is_, values[{watched.count}:], were))", {"were": were}


def _class_attributes(watched: Watched) -> Iterator[tuple[str, Scope]]:
    if watched.members:
        found = list(map(getattr, watched.classes, watched.members))
        scope = {"classes": watched.classes, "members": watched.members, "found": found, "getattr": getattr}
        yield "not all(map(is_, map(getattr, classes, members), found))", scope


def _classes(watched: Watched) -> Iterator[tuple[str, Scope]]:
    if watched.objects:
        kinds = list(map(type, watched.objects))
        yield (
            "not all(map(is_, map(type, objects), kinds))",
            {"objects": watched.objects, "kinds": kinds, "type": type},
        )
    if watched.namespaces:
        were = [dict(vars(kind)) for kind in watched.namespaces]
        yield (
            "list(map(vars, namespaces)) != held",
            {"vars": vars, "namespaces": watched.namespaces, "held": were},
        )
        orders = [kind.__mro__ for kind in watched.namespaces]
        yield (
            "not all(map(is_, map(order_of, namespaces), orders))",
            {"order_of": _order_of, "orders": orders},
        )
    if watched.abstract:
        yield "registrations() != token", {"registrations": get_cache_token, "token": get_cache_token()}
    if watched.named:
        scope = {"names_of": _names_of, "named": watched.named, "names": list(map(_names_of, watched.named))}
        yield "list(map(names_of, named)) != names", scope


def _functions(watched: Watched) -> Iterator[tuple[str, Scope]]:
    if watched.functions:
        found = [tuple(map(copy, parts_of_function(function))) for function in watched.functions]
        scope = {"parts_of_function": parts_of_function, "functions": watched.functions, "codes": found}
        yield "list(map(parts_of_function, functions)) != codes", scope


def _contents(watched: Watched) -> Iterator[tuple[str, Scope]]:
    if watched.bare:
        yield "any(map(vars, bare))", {"vars": vars, "bare": watched.bare}
    if watched.changing:
        yield "not all(map(unchanged, changing))", {"unchanged": Part.unchanged, "changing": watched.changing}


def _hooks(watched: Watched) -> Iterator[tuple[str, Scope]]:
    hooks = [held for module in watched.modules for held in hooks_of(module)]
    yield "any(hooks)", {"hooks": [*GLOBAL_HOOKS, *hooks] if hooks else []}


def _modes(watched: Watched) -> Iterator[tuple[str, Scope]]:
    yield "function_modes()", {"function_modes": torch._C._len_torch_function_stack}
    yield "forward_ad._current_level >= 0", {"forward_ad": forward_ad}
    if TENSOR_GUARDS is None:  # what they see in the keys by which operators are dispatched
        yield "observed() or transformed() or autocast('cpu')", {
            "observed": observed, "transformed": transformed, "autocast": torch.is_autocast_enabled,
        }  # fmt: skip


def _parametrizations(watched: Watched) -> Iterator[tuple[str, Scope]]:
    if any("parametrizations" in dict_of(module)["_modules"] for module in watched.modules):
        yield "parametrize._cache_enabled", {"parametrize": parametrize}


def _environment(watched: Watched) -> Iterator[tuple[str, Scope]]:
    if watched.makes:
        scope = {"default_dtype": torch.get_default_dtype, "dtype": torch.get_default_dtype()}
        yield "default_dtype() is not dtype", scope


def _forms(watched: Watched) -> Iterator[tuple[str, Scope]]:
    like = [*watched.given, *watched.read]
    if like:
        given = "x, *states, " if watched.given else ""
        if watched.given:  # PyTorch's guards end the process at a nested tensor
            yield "x.is_nested or any(map(is_nested, states))", {"is_nested": Tensor.is_nested.__get__}  # type: ignore[attr-defined]
        yield f"not alike({given}*read)", {"alike": alike(like)}


def _memory(watched: Watched) -> Iterator[tuple[str, Scope]]:
    scope: Scope = {"address": Tensor.data_ptr}
    if watched.given:
        yield "not address(x)", scope
    if watched.count and watched.fixed:
        yield (
            "list(map(address, read)) != addresses",
            scope | {"addresses": list(map(Tensor.data_ptr, watched.read))},
        )
    elif watched.count:
        yield "not all(map(address, read))", scope


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
)
"""Table of guards, the cheapest first."""

VALUE_GUARDS = tuple(
    guard
    for guard in GUARDS
    if guard.conditions in (_identity, _class_attributes, _classes, _functions, _contents, _forms)
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
    scope: Scope = {"get": dict.get, "is_": is_, "dicts": watched.dicts, "keys": watched.keys}
    lines = ["def check(x=None, states=()):", "    try:", "        values = list(map(get, dicts, keys))"]
    lines.append(f"        read = values[:{watched.count}]")
    for guard in table:
        for condition, names in guard.conditions(watched):
            lines.append(f"        if {condition}: return None  # {guard.watches}")
            scope.update(names)
    lines += [
        "        return read",
        "    except (RuntimeError, ValueError, TypeError, AttributeError):",  # something else is where a tensor was
        "        return None",
    ]
    exec("\n".join(lines), scope)  # our own text
    check: Check = scope.pop("check")  # a function in its own globals would wait for the collector of cycles
    return check
