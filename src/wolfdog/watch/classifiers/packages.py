"""Optional packages, loaded when they are first used."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from wolfdog.errors import MissingPackageError


def optional_package(name: str, purpose: str, *, extra: str) -> ModuleType:
    """The package `name`, or one clear message how to install it.

    Args:
        name: The name under which it is imported.
        purpose: What needs it, as the subject of a sentence.
        extra: The extra of wolfdog that brings it.

    Raises:
        MissingPackageError: It is not installed.

    >>> optional_package("json", "reading settings", extra="watch").__name__
    'json'
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"{purpose} needs the package {name}, which is not installed or cannot be loaded "
            f'({error}): pip install "wolfdog[{extra}]"'
        ) from error


def is_installed(name: str) -> bool:
    """Whether a package is there, without loading it."""
    return find_spec(name) is not None
