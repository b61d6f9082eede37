"""Record of the attributes of a cell's modules that a step reads, made while the step is traced.

Only an attribute that was read can change the step; one that the step does not read may change at every call. While
the record is made, the modules have a class of the same name whose `__getattribute__` records the reads.
"""

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from torch import Tensor, nn

from .code_names import INDIRECT, MODES, Names, library, names_in, user_classes, within
from .snapshots import Same, UnwatchableError, frozen, reachable

PARTS = ("_parameters", "_buffers", "_modules")
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Hooks that run when a module is called."""

OWN = frozenset(nn.Module().__dict__) - {"training", *PARTS}
"""Attributes that every module has: hooks, and marks of torch's own."""

_MISSING = object()
_ACCESS = frozenset({"__getattr__", "__setattr__", "__delattr__", "_call_impl", "_wrapped_call_impl"})
"""Methods of torch.nn.Module that look at its dictionaries to find one name."""


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
    return Place(None, None, _MISSING)


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


class GlobalRead(NamedTuple):
    """Global or enclosing-scope name that a function of the cell reads, and a key of its value at that time.

    `scope` gives the dictionary of the names.
    """

    scope: Callable[[], dict[str, Any]]
    name: str
    key: Any

    def now(self) -> Any:
        """Key of the current value; None where it cannot be determined."""
        with suppress(UnwatchableError):
            return _global_key(self.scope().get(self.name, _MISSING))
        return None


class _Globals:
    """Global names that a function reads; the function is referenced weakly."""

    def __init__(self, function: Any) -> None:
        self._of = weakref.ref(function)

    def __call__(self) -> dict[str, Any]:
        function = self._of()
        found: dict[str, Any] = {} if function is None else function.__globals__
        return found


class _Closure(_Globals):
    """Names of enclosing functions that a function reads."""

    def __call__(self) -> dict[str, Any]:
        function = self._of()
        if function is None:
            return {}
        return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


class _Namespace:
    """Names of a module of Python that a function reads."""

    def __init__(self, module: ModuleType) -> None:
        self._held = vars(module)

    def __call__(self) -> dict[str, Any]:
        return self._held


class ClassScope:
    """Attributes of a class that a function reads by the class's name; the class is referenced weakly."""

    def __init__(self, kind: type) -> None:
        self.kind = weakref.ref(kind)

    def __call__(self) -> dict[str, Any]:
        kind = self.kind()
        found: dict[str, Any] = {}
        for base in () if kind is None else user_classes(kind):
            found = {**vars(base), **found}
        return {name: item for name, item in found.items() if name != "__name__"}


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
    if value is _MISSING:
        return "nothing"
    return ("class", _class_key(value)) if place.owner is not None else frozen(value)


def _marks(tensor: Tensor) -> Any:
    """Key of the attributes that a user has given to a tensor."""
    marks = vars(tensor)
    return tuple((name, frozen(mark)) for name, mark in marks.items()) if marks else None


def _class_key(value: Any) -> Any:
    """Key of an attribute of a class: of a descriptor, by the functions that it calls."""
    inner = [function for function in within(value) if function is not None]
    if inner and not isinstance(value, FunctionType):
        return type(value), *map(frozen, inner)
    descriptor = callable(value) or hasattr(type(value), "__get__")
    return (
        Same(value)
        if descriptor and library(type(value)) and not isinstance(value, FunctionType)
        else frozen(value)
    )


class Reads:
    """Names read from modules, each with the key of its value at the first read.

    Args:
        refuse: Function that raises; called with a reason where a value is read whose changes cannot be detected.
    """

    def __init__(self, refuse: Callable[[str], None]) -> None:
        self._refuse = refuse
        self._thread = threading.get_ident()
        self._found: dict[tuple[int, str], Read] = {}
        self._globals: dict[tuple[int, str], GlobalRead] = {}
        self._functions: set[int] = set()
        self._spaces: set[tuple[int, str]] = set()
        self.watch: Callable[[nn.Module], None] = unwatched

    def all(self) -> list[Read | GlobalRead]:
        """All recorded reads."""
        return [*self._found.values(), *self._globals.values()]

    def note(self, module: nn.Module, name: str, kind: type) -> None:
        """Record the read of a name from a module of a class."""
        if threading.get_ident() != self._thread:
            return
        if name == "__dict__" or name in PARTS:
            if _from_module_access():
                return
            names = list(dict_of(module)) if name == "__dict__" else [name]
        else:
            names = [name]
        for one in names:
            if one not in OWN and not (one.startswith("__") and one.endswith("__")):
                self._note(module, one, kind)

    def _note(self, module: nn.Module, name: str, kind: type) -> None:
        at = id(module), name
        if at in self._found:
            return
        place = locate(module, name, kind)
        if place.owner in (nn.Module, object):
            return
        try:
            key = key_of(module, name, place)
        except UnwatchableError as reason:
            self._refuse(f"the attribute {name} of the cell may change unseen: {reason}")
            return
        self._found[at] = Read(weakref.ref(module), name, key)
        self._follow(place.value, module, kind)

    def _follow(self, value: Any, module: nn.Module | None = None, kind: type | None = None) -> None:
        """Record the globals that functions within a value read, and those of the functions among them."""
        functions = [one for one in reachable(value, functions=False) if isinstance(one, FunctionType)]
        for function in functions:
            if id(function) in self._functions:
                continue
            self._functions.add(id(function))
            names = names_in(function.__code__)
            asked = sorted((names.attributes | names.globals) & MODES)
            if asked:
                self._refuse(f"a step asks for a mode of PyTorch, by {asked[0]}")
            asked = sorted(names.globals & INDIRECT)
            if asked:
                self._refuse(f"a step looks for names that it does not tell, by {asked[0]}")
            if module is not None and kind is not None and self._reads_class(value, names):
                for name in sorted(names.attributes & set(dir(kind))):
                    self.note(module, name, kind)
            for name in function.__code__.co_freevars:
                self._global(_Closure(function), name, names.attributes)
            for name in sorted(names.globals & set(function.__globals__)):
                self._global(_Globals(function), name, names.attributes)
            for name in sorted(names.imports & set(sys.modules)):
                self._attributes(sys.modules[name], names.attributes)

    def _reads_class(self, value: Any, names: Names) -> bool:
        """Whether code may read attributes of its object's class past the object."""
        return isinstance(value, classmethod) or "type" in names.globals or "__class__" in names.attributes

    def _global(self, scope: Callable[[], dict[str, Any]], name: str, attributes: Set[str]) -> None:
        value = scope()[name]
        try:
            key = _global_key(value)
        except UnwatchableError as reason:
            self._refuse(f"{name}, which the cell reads, may change unseen: {reason}")
            return
        value = _content(value)
        if key is not None:
            self._globals[len(self._globals), name] = GlobalRead(scope, name, key)
        if isinstance(value, nn.Module):
            for module in value.modules():
                self._watched(module)
        elif isinstance(value, ModuleType | type):
            self._attributes(value, attributes)
        else:
            self._follow(value)

    def _attributes(self, of: Any, names: Set[str]) -> None:
        """Record the attributes of a module of Python, or of a class, that code may read."""
        if library(of):
            return
        scope: Callable[[], dict[str, Any]] = _Namespace(of) if isinstance(of, ModuleType) else ClassScope(of)
        for name in sorted(names & set(scope())):
            if (id(of), name) not in self._spaces:
                self._spaces.add((id(of), name))
                self._global(scope, name, names)

    def _watched(self, module: nn.Module) -> None:
        """Record reads from a module that is no part of the cell."""
        held = dict_of(module)
        if any(held[name] for name in HOOKS):
            self._refuse(f"a {type(module).__name__} outside of the cell has hooks, which run at every step")
        self.watch(module)


def _global_key(value: Any) -> Any:
    value = _content(value)
    if value is _MISSING:
        return "nothing"
    if isinstance(value, nn.Module):
        hooks = any(dict_of(module)[name] for module in value.modules() for name in HOOKS)
        return "module", Same(value), tuple(Same(type(module)) for module in value.modules()), hooks
    if isinstance(value, type | ModuleType):
        return "one", Same(value)
    if isinstance(value, Tensor):
        return None
    if not isinstance(value, staticmethod | classmethod | property) and callable(value) and library(value):
        return "one", Same(value)
    return _class_key(value)


def _content(value: Any) -> Any:
    if type(value).__name__ == "cell":
        try:
            return value.cell_contents
        except ValueError:  # it is empty
            return _MISSING
    return value


def _from_module_access() -> bool:
    frame = sys._getframe(3)
    return frame.f_globals.get("__name__") == "torch.nn.modules.module" and frame.f_code.co_name in _ACCESS


def unwatched(module: nn.Module) -> None:
    """Nothing: outside of `recording` no reads are recorded."""


@contextmanager
def recording(modules: Sequence[nn.Module], reads: Reads) -> Iterator[None]:
    """Context in which reads from the modules, and from others that they call, are recorded."""
    swapped: dict[int, tuple[nn.Module, type]] = {}
    classes: dict[type, type] = {}

    def watch(module: nn.Module) -> None:
        if id(module) in swapped:
            return
        kind = type(module)
        if kind not in classes:
            classes[kind] = _noting(kind, reads)
        try:
            object.__setattr__(module, "__class__", classes[kind])
            swapped[id(module)] = module, kind
        except TypeError:  # a class of another layout: every attribute counts as read
            for name in dict_of(module):
                reads.note(module, name, kind)

    try:
        reads.watch = watch
        for module in modules:
            watch(module)
        yield
    finally:
        reads.watch = unwatched
        for module, kind in swapped.values():
            object.__setattr__(module, "__class__", kind)
        swapped.clear()  # its module would live until Python collects cycles, of which classes are part


def _noting(kind: type, reads: Reads) -> type:
    inherited: Any = kind.__getattribute__
    note = reads.note

    def __getattribute__(self: Any, name: str) -> Any:  # noqa: N807
        note(self, name, kind)
        return inherited(self, name)

    body = {
        "__getattribute__": __getattribute__, "__slots__": (), "__module__": kind.__module__,
        "__qualname__": kind.__qualname__, "__doc__": kind.__doc__,
    }  # fmt: skip
    metaclass: Any = type(kind)
    made: type = metaclass(kind.__name__, (kind,), body)
    return made
