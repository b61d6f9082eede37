"""Names that the code of Python functions reads: globals, attributes and imported modules."""

import dis
import sys
from collections.abc import Iterator, Set
from functools import _lru_cache_wrapper, cached_property, lru_cache, partial
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

INDIRECT = frozenset({"__import__", "import_module", "globals", "locals", "eval", "exec", "open"})
"""Functions that read names which code does not tell, or files."""

INDIRECT_METHODS = frozenset({"__import__", "import_module", "_getframe", "currentframe"})
"""Those that are attributes of a module."""

LOOKUPS = frozenset({
    "getattr", "hasattr", "vars", "dir", "attrgetter", "methodcaller", "getattr_static", "getmembers", "__dict__",
    "__getattribute__",
})  # fmt: skip
"""Functions and attributes by which code looks up the attributes of an object by a string."""

RENAMED = frozenset({"__name__", "__qualname__", "_get_name"})
"""Attributes that tell the name of a class."""

parts_of_function = attrgetter("__code__", "__defaults__", "__kwdefaults__", "__dict__")
"""Replaceable parts of a function."""


class Names(NamedTuple):
    """Names that code reads, with the code of functions within it.

    Attributes:
        globals: Names of globals and builtins.
        attributes: Names of attributes of anything.
        imports: Names of modules that are imported.
        bare: Names of globals, closures and attributes of which no attribute is read at once.
        strings: Constants that could be names.
    """

    globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]
    bare: frozenset[str]
    strings: frozenset[str]

    @property
    def indirect(self) -> bool:
        """Whether attributes are looked up by strings."""
        return not LOOKUPS.isdisjoint(self.globals | self.attributes)

    @property
    def looked_up(self) -> Set[str]:
        """Names of attributes, and strings where these are looked up."""
        return self.attributes | self.strings if self.indirect else self.attributes


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
    bare, strings = set[str](), set[str]()
    kinds = {
        "LOAD_GLOBAL": "GLOBAL", "LOAD_NAME": "GLOBAL", "LOAD_ATTR": "ATTR", "LOAD_METHOD": "ATTR",
        "LOAD_SUPER_ATTR": "ATTR", "IMPORT_FROM": "ATTR", "IMPORT_NAME": "IMPORT",
    }  # fmt: skip
    codes = [code]
    while codes:
        one = codes.pop()
        instructions = list(dis.get_instructions(one))
        for instruction, following in zip(instructions, [*instructions[1:], None], strict=True):
            kind = kinds.get(instruction.opname)
            if kind is not None:
                found[kind].add(instruction.argval)
            read = kind in ("GLOBAL", "ATTR") or instruction.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF")
            if read and (following is None or kinds.get(following.opname) != "ATTR"):
                bare.add(instruction.argval)
        codes += [constant for constant in one.co_consts if isinstance(constant, CodeType)]
        strings.update(
            constant for constant in one.co_consts if isinstance(constant, str) and constant.isidentifier()
        )
    names, attributes, imports = map(frozenset, found.values())
    return Names(names, attributes, imports, frozenset(bare), frozenset(strings))


def library(of: Any) -> bool:
    """Whether a function, class or module belongs to PyTorch, NumPy, Python or this library.

    Of the modules of Python's own library some hold what may change, as `os.environ`.
    """
    if isinstance(of, ModuleType):
        return of.__name__.partition(".")[0] in LIBRARIES
    package = str(getattr(of, "__module__", None) or "builtins").partition(".")[0]
    return package in LIBRARIES or package in sys.stdlib_module_names


def pure(function: Any) -> bool:
    """Whether a cached function computes from its arguments alone, with functions of libraries."""
    inner = function.__wrapped__
    if not isinstance(inner, FunctionType) or inner.__closure__:
        return False
    return all(
        (callable(item) or isinstance(item, ModuleType)) and library(item) for _, item in read_globals(inner)
    )


def cached(value: Any) -> bool:
    """Whether a value is a function with functools.lru_cache or functools.cache."""
    return isinstance(value, _lru_cache_wrapper)


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
