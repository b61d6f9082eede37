"""Optional packages: one message for each that is missing, with the extra that brings it."""

from importlib import import_module
from typing import Any

from .errors import MissingPackageError


def import_extra(module: str, *, extra: str, purpose: str, package: str | None = None) -> Any:
    """Module of an optional package.

    Args:
        module: Name of the module, as `import` has it.
        extra: Extra of wolfdog that brings the package.
        purpose: Subject of the message, such as "reading videos".
        package: Name of the package, where it is not the module's first name.

    Raises:
        MissingPackageError: The package, or one that it imports, is not installed.

    Example:
        >>> import_extra("json", extra="watch", purpose="reading JSON").dumps([1])
        '[1]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        name = package or module.partition(".")[0]
        raise MissingPackageError(
            f"{purpose} needs the package {name}, which cannot be imported ({error}). "
            f'Install it: pip install "wolfdog[{extra}]"'
        ) from error
