"""Table of guards: the conditions that are checked between two calls, and the function compiled from them.

An earlier call is repeated after a check of nothing but these: the places that a step reads and the values found
there, the tensors' forms, hooks, and the modes of PyTorch. `GUARDS` has a row for each kind of dependency; a row gives,
in Python, the condition under which it has changed. All rows together become one function, compiled once for each
prepared call. Every condition is evaluated in C over all its objects, in a few tenths of a microsecond.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from operator import is_
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as every_module
from torch.nn.utils import parametrize

from .attribute_reads import HOOKS, PARTS, ClassScope, GlobalRead, Read, dict_of, locate
from .code_names import library, names_in, parts_of_function, user_classes
from .kernel_access import observed, transformed
from .snapshots import CONTAINERS, Part, reachable, watched_part

Alike = Callable[..., bool]
"""Whether tensors look as others did: type, number format, device, sizes, strides, and what modes make of them."""

Scope = dict[str, Any]

GLOBAL_HOOKS = (
    every_module._global_forward_hooks, every_module._global_forward_pre_hooks,
    every_module._global_backward_hooks, every_module._global_backward_pre_hooks,
)  # fmt: skip

_LOOKS_UP = {"getattr", "hasattr", "vars"}
"""Functions by which code looks whether an object has an attribute."""

_guards = getattr(getattr(torch._C, "_dynamo", None), "guards", None)
_tensor_guards = getattr(_guards, "TensorGuards", None)


@dataclass
class Watched:
    """Dependencies of one call.

    Args:
        given: The event, and the states, that the call is made for.
        dicts, keys: Places that are read; the tensors passed to the kernel come first, `count` of them.
        classes, members: Classes, and names that are read from them.
        changing: Values that may change in place.
        objects: Objects whose classes may be replaced.
        namespaces: Classes of the user's, whose attributes may be replaced.
        functions: Functions of the user's, whose code may be replaced.
        bare: Tensors to which a user has given no attributes.
        modules: Modules whose hooks would run.
        fixed: Whether the kernel stores the tensors' addresses, so that they must not change.
        makes: Whether the step makes tensors of the default format.
    """

    given: Sequence[Tensor]
    dicts: list[dict[str, Any]]
    keys: list[str]
    count: int
    classes: list[type] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    changing: list[Part] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)
    namespaces: list[type] = field(default_factory=list)
    functions: list[Any] = field(default_factory=list)
    bare: list[Tensor] = field(default_factory=list)
    modules: Sequence[nn.Module] = ()
    fixed: bool = False
    makes: bool = True

    def add(self, *slots: tuple[dict[str, Any], str]) -> None:
        """Add further places to those watched."""
        for held, key in slots:
            self.dicts.append(held)
            self.keys.append(key)

    @property
    def values(self) -> list[Any]:
        """Values in the watched places."""
        return [held.get(key) for held, key in zip(self.dicts, self.keys, strict=True)]

    @property
    def read(self) -> list[Tensor]:
        """Tensors that the kernel is given."""
        return self.values[: self.count]


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
    if _tensor_guards is None:  # what they see in the keys by which operators are dispatched
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
    check: Check = scope["check"]
    return check


def watched(
    given: Sequence[Tensor],
    slots: Sequence[tuple[dict[str, Any], str]],
    reads: Sequence[Read | GlobalRead],
    modules: Sequence[nn.Module],
) -> Watched:
    """Dependencies of a call: the places of the tensors passed to the kernel, and all values that the step read.

    Args:
        given: The event, and the states.
        slots: Places of the tensors passed to the kernel.
        reads: Values that the step reads.
        modules: Modules whose hooks would run.

    Returns:
        The dependencies.
    """
    places = dict.fromkeys((id(held), key) for held, key in slots)
    found = Watched(given, [held for held, _ in slots], [key for _, key in slots], len(slots))
    outside = {
        id(module): module
        for read in reads
        if isinstance(read, Read) and (module := read.module()) is not None
    }
    found.modules = list({id(module): module for module in (*modules, *outside.values())}.values())

    def add(held: dict[str, Any], key: str) -> None:
        if (id(held), key) not in places:
            places[id(held), key] = None
            found.add((held, key))

    values: list[Any] = []
    tensors: list[Tensor] = []
    for read in reads:
        if isinstance(read, GlobalRead):
            scope = read.scope()
            if (
                "__name__" in scope
            ):  # globals; of an enclosing function, the cell in the closure stays the same
                add(scope, read.name)
            value = scope.get(read.name)
            values.append(None if isinstance(value, nn.Module) else value)
            if isinstance(read.scope, ClassScope) and (kind := read.scope.kind()) is not None:
                found.namespaces += user_classes(kind)
            continue
        module = read.module()
        if module is None:
            continue
        place = locate(module, read.name)
        held = dict_of(module)
        if place.held is not None:
            add(place.held, read.name)
            if place.held is held and isinstance(place.value, dict):  # a module's dictionary, read whole
                values.append(place.value)
                continue
        else:  # nothing of that name may come to stand before the class
            for part in (held, *(held[name] for name in PARTS)) if place.owner is None else (held,):
                add(part, read.name)
            if place.owner is not None and library(place.owner):  # others are compared whole
                kind = type(module)
                if getattr(kind, read.name, None) is getattr(kind, read.name, None):
                    found.classes.append(kind)
                    found.members.append(read.name)
        if isinstance(place.value, Tensor):
            tensors.append(place.value)
        elif not isinstance(place.value, nn.Module):
            values.append(place.value)
    for value in reachable(*values):
        if isinstance(value, FunctionType):
            found.functions.append(value)
        elif watched_part(value):
            found.changing.append(Part(value))
            if not isinstance(value, CONTAINERS):
                found.objects.append(value)
    own = {id(held) for function in found.functions for held in parts_of_function(function)[2:]}
    found.changing = [part for part in found.changing if id(part.of) not in own]  # compared with the function
    if any(names_in(function.__code__).globals & _LOOKS_UP for function in found.functions):
        # attributes that a user has given to a tensor
        found.changing += [Part(vars(tensor)) for tensor in tensors if vars(tensor)]
        found.bare = [tensor for tensor in tensors if not vars(tensor)]
    found.objects += found.modules
    kinds = (*found.namespaces, *(base for held in found.objects for base in user_classes(type(held))))
    found.namespaces = list(dict.fromkeys(kinds))
    return found


def hooks_of(module: nn.Module) -> list[Mapping[int, Any]]:
    """Dictionaries of a module's hooks that run when it is called."""
    held = dict_of(module)
    return [held[name] for name in HOOKS]


def alike(like: Sequence[Tensor]) -> Alike:
    """Function that says whether given tensors have the same form as these, by PyTorch's own guards where available.

    PyTorch's guards refuse a tensor that is given twice, as the same zeros for both states of an LSTM.
    """
    if _tensor_guards is None or len(set(map(id, like))) < len(like):
        return alike_in_python(like)
    sizes, strides = [list(t.shape) for t in like], [list(t.stride()) for t in like]
    check: Alike = _tensor_guards(*like, dynamic_dims_sizes=sizes, dynamic_dims_strides=strides).check
    return check


def alike_in_python(like: Sequence[Tensor]) -> Alike:
    """Equivalent of `alike` in plain Python."""
    looks = list(map(_look, like))
    return lambda *given: len(given) == len(looks) and list(map(_look, given)) == looks


def _look(tensor: Any) -> Any:
    if not isinstance(tensor, Tensor):
        return type(tensor)
    kind = type(tensor), tensor.dtype, tensor.device, tensor.layout, tensor.requires_grad
    return *kind, tensor.shape, tensor.stride(), tensor.is_neg(), tensor.is_conj(), tensor.is_inference()
