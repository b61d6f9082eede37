"""Dependencies of a prepared call: places, values and objects whose change makes it invalid."""

from abc import ABCMeta
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from torch import Tensor, nn

from .attribute_places import HOOKS, PARTS, Read, dict_of, locate
from .code_names import LOOKUPS, RENAMED, library, names_in, parts_of_function, user_classes
from .global_reads import ClassScope, GlobalRead
from .snapshots import CONTAINERS, Part, reachable, watched_part


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
        named: Classes whose names may be replaced.
        functions: Functions of the user's, whose code may be replaced.
        bare: Tensors to which a user has given no attributes.
        modules: Modules whose hooks would run.
        fixed: Whether the kernel stores the tensors' addresses, so that they must not change.
        frozen: Whether the kernel reads packed copies, which hold until PyTorch counts a change of the tensors.
        makes: Whether the step makes tensors of the default format.
        abstract: Whether the step asks for instances of classes, of which others may be registered as subclasses.
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
    named: list[type] = field(default_factory=list)
    functions: list[Any] = field(default_factory=list)
    bare: list[Tensor] = field(default_factory=list)
    modules: Sequence[nn.Module] = ()
    fixed: bool = False
    frozen: bool = False
    makes: bool = True
    abstract: bool = False

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
                found.namespaces += (*user_classes(kind), *user_classes(type(kind)))
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
    names = [names_in(function.__code__) for function in found.functions]
    if any((each.globals | each.attributes) & LOOKUPS for each in names):
        # attributes that a user has given to a tensor
        found.changing += [Part(vars(tensor)) for tensor in tensors if vars(tensor)]
        found.bare = [tensor for tensor in tensors if not vars(tensor)]
    asks = any(each.globals & {"isinstance", "issubclass"} for each in names)
    found.abstract = asks or any(isinstance(value, ABCMeta) for value in values)
    found.objects += found.modules
    kinds = (*found.namespaces, *(base for held in found.objects for base in user_classes(type(held))))
    found.namespaces = list(dict.fromkeys(kinds))
    if any(each.attributes & RENAMED for each in names):
        classes = (value for value in values if isinstance(value, type) and not library(value))
        found.named = list(dict.fromkeys((*found.namespaces, *classes)))
    return found


def hooks_of(module: nn.Module) -> list[Mapping[int, Any]]:
    """Dictionaries of a module's hooks that run when it is called."""
    held = dict_of(module)
    return [held[name] for name in HOOKS]
