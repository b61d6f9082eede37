"""Memories and smoothing methods by their names on the command line."""

import difflib
from collections.abc import Sequence

from ...errors import InputError
from ..smoothing import METHODS, AnyClass, Method
from ..smoothing.options import method_of
from ..world_memory.method import WorldMemory

AUTO = "auto"
"""World memory where the classes are its own, otherwise the any-class memory."""

METHOD_NAMES = (AUTO, *METHODS, WorldMemory.name)


def load_method(
    name: str, classes: Sequence[str], *, options: Sequence[str] = (), ahead: bool = False
) -> Method:
    """Smoothing method by name.

    Args:
        name: One of `METHOD_NAMES`.
        classes: Names of the classifier's classes.
        options: Options of the method, each as name=value.
        ahead: Whether later frames are read too.

    Returns:
        The method.

    Raises:
        InputError: No method has that name, or the method has no such form or option, or is for other classes.

    Examples:
        >>> load_method("majority", ["wolf", "dog"]).name
        'majority'
        >>> load_method("auto", ["wolf", "dog"]).name
        'memory'
    """
    if options and name in (AUTO, WorldMemory.name):
        raise InputError(f"--option: the method {name} has none; got {options[0]!r}.")
    if name == AUTO:
        own = not ahead and WorldMemory.knows(classes)
        return WorldMemory() if own else AnyClass()
    if name == WorldMemory.name:
        if not WorldMemory.knows(classes):
            raise InputError(
                "method world-memory: it is for wolf, dog, bear, goldfish and unknown (--classes model-problem); "
                f"the classifier has {', '.join(classes)}."
            )
        method: Method = WorldMemory()
    elif name in METHODS:
        method = method_of(name, options)
    else:
        near = difflib.get_close_matches(name, METHOD_NAMES, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Choose one of {', '.join(METHOD_NAMES)}."
        raise InputError(f"method: there is none called {name!r}. {hint}")
    if ahead and not method.looks_ahead:
        raise InputError(f"method {name}: it has no form that reads later frames. Leave --lookahead out.")
    if not ahead and not method.causal:
        raise InputError(f"method {name}: it reads later frames. Give --lookahead as well.")
    return method
