"""Public classes and functions: all that `wolfdog` and its public packages export, and their own methods."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

PACKAGES = (
    "wolfdog",
    "wolfdog.cells",
    "wolfdog.interop",
    "wolfdog.labels",
    "wolfdog.layers",
    "wolfdog.memory",
    "wolfdog.tv",
    "wolfdog.watch",
    "wolfdog.watch.formats",
    "wolfdog.watch.predictions",
    "wolfdog.watch.smoothing",
)


def exports() -> dict[str, Any]:
    """Every exported class and function of wolfdog, once, by the shortest name that exports it."""
    found: dict[int, tuple[str, Any]] = {}
    for package in PACKAGES:
        module = import_module(package)
        for name in dir(module):
            thing = getattr(module, name)
            own = getattr(thing, "__module__", "").startswith("wolfdog")
            if not name.startswith("_") and own and (inspect.isclass(thing) or inspect.isfunction(thing)):
                found.setdefault(id(thing), (f"{package}.{name}", thing))
    return dict(found.values())


def callables() -> Iterator[tuple[str, Any, inspect.Signature]]:
    """Names, objects and signatures (without self) of exports and of the public methods that they define."""
    for name, thing in exports().items():
        if not inspect.isclass(thing):
            yield name, thing, inspect.signature(thing)
            continue
        if issubclass(thing, Exception):
            continue
        if "__init__" in vars(thing):
            yield name, thing, _without_self(thing.__init__)
        for method, raw in vars(thing).items():
            bound = isinstance(raw, classmethod)
            function = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
            if method.startswith("_") or not inspect.isfunction(function):
                continue
            plain = isinstance(raw, staticmethod)
            signature = inspect.signature(function) if plain else _without_self(function)
            yield f"{name}.{method}", function, signature
            assert bound or plain or "self" in inspect.signature(function).parameters, method


def _without_self(function: Any) -> inspect.Signature:
    signature = inspect.signature(function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])
