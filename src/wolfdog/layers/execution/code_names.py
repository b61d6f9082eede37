"""Names that the code of Python functions reads: globals, attributes and imported modules."""

import dis
import sys
from collections.abc import Iterator
from functools import cached_property, lru_cache, partial
from operator import attrgetter
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

LIBRARIES = frozenset({"torch", "numpy", "wolfdog", "builtins", "math", "functools", "operator", "typing"})
"""Packages that are taken as they are: neither their attributes nor what their code reads is watched."""

MODES = frozenset({
    "is_grad_enabled", "is_inference_mode_enabled", "is_inference", "is_autocast_enabled", "is_autocast_cpu_enabled",
    "are_deterministic_algorithms_enabled", "get_num_threads", "is_anomaly_enabled", "is_compiling", "is_tracing",
    "is_scripting",
})  # fmt: skip
"""Functions of PyTorch that tell a mode, which may be another one in the next call."""

INDIRECT = frozenset({"__import__", "import_module", "globals", "locals", "eval", "exec"})
"""Functions that read names which code does not tell."""

parts_of_function = attrgetter("__code__", "__defaults__", "__kwdefaults__", "__dict__")
"""Replaceable parts of a function."""


class Names(NamedTuple):
    """Names that code reads, with the code of functions within it.

    Attributes:
        globals: Names of globals and builtins.
        attributes: Names of attributes of anything.
        imports: Names of modules that are imported.
    """

    globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]


@lru_cache(1024)
def names_in(code: CodeType) -> Names:
    """Names that code reads.

    Examples:
        >>> sorted(names_in((lambda x: print(x.shape)).__code__).globals)
        ['print']
        >>> sorted(names_in((lambda x: print(x.shape)).__code__).attributes)
        ['shape']
    """
    found: dict[str, set[str]] = {"GLOBAL": set(), "ATTR": set(), "IMPORT": set()}
    kinds = {
        "LOAD_GLOBAL": "GLOBAL", "LOAD_NAME": "GLOBAL", "LOAD_ATTR": "ATTR", "LOAD_METHOD": "ATTR",
        "LOAD_SUPER_ATTR": "ATTR", "IMPORT_FROM": "ATTR", "IMPORT_NAME": "IMPORT",
    }  # fmt: skip
    codes = [code]
    while codes:
        one = codes.pop()
        for instruction in dis.get_instructions(one):
            kind = kinds.get(instruction.opname)
            if kind is not None:
                found[kind].add(instruction.argval)
        codes += [constant for constant in one.co_consts if isinstance(constant, CodeType)]
    return Names(*map(frozenset, found.values()))


def library(of: Any) -> bool:
    """Whether a function, class or module belongs to PyTorch, NumPy, Python or this library.

    Of the modules of Python's own library some hold what may change, as `os.environ`.
    """
    if isinstance(of, ModuleType):
        return of.__name__.partition(".")[0] in LIBRARIES
    package = str(getattr(of, "__module__", None) or "builtins").partition(".")[0]
    return package in LIBRARIES or package in sys.stdlib_module_names


def within(value: Any) -> Iterator[Any]:
    """Functions that a descriptor, a wrapped function or a partial function calls."""
    if isinstance(value, property):
        yield value.fget
    elif isinstance(value, partial | cached_property):
        yield value.func
    for name in ("__func__", "__wrapped__"):
        inner = (
            getattr(value, name, None)
            if isinstance(value, staticmethod | classmethod | FunctionType)
            else None
        )
        if inner is not None:
            yield inner


def read_globals(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Globals that a function reads, with the modules that it imports."""
    names = names_in(function.__code__)
    for name in sorted(names.globals & set(function.__globals__)):
        yield name, function.__globals__[name]
    for name in sorted(names.imports & set(sys.modules)):
        yield name, sys.modules[name]


def user_classes(kind: type) -> Iterator[type]:
    """Classes that a class inherits from, itself first, without those of libraries."""
    for base in kind.__mro__[:-1]:
        if not library(base):
            yield base
