"""Optional packages, loaded when they are first used."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from wolfdog.extras import needs_extra


def optional_package(name: str, purpose: str, *, extra: str) -> ModuleType:
    """Optional package, or an error that tells how to install it.

    Args:
        name: Name under which it is imported.
        purpose: Feature that needs it, as the subject of a sentence.
        extra: Extra of wolfdog that installs it.

    Returns:
        The package.

    Raises:
        MissingPackageError: It is not installed, or cannot be loaded.

    Examples:
        >>> optional_package("json", "reading settings", extra="watch").__name__
        'json'
    """
    with needs_extra(extra, purpose):
        try:
            return import_module(name)
        except ImportError:
            raise
        except Exception as error:  # as of compiled parts that do not fit the installed PyTorch
            raise ImportError(f"{type(error).__name__}: {error}", name=name) from error


def is_installed(name: str) -> bool:
    """Whether a package is installed; it is not loaded."""
    return find_spec(name) is not None
