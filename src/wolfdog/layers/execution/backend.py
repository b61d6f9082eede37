"""Requested backend: by argument, or by the environment variable WOLFDOG_BACKEND."""

import os
from typing import Any

from ...errors import InputError

BACKENDS = ("eager", "llvm")
VARIABLE = "WOLFDOG_BACKEND"


def asked_backend(backend: str | None = None) -> str | None:
    """Backend requested by argument, or else by the variable WOLFDOG_BACKEND; None for the fastest.

    Args:
        backend: The argument.

    Returns:
        The name of the backend, or None.

    Raises:
        InputError: The backend does not exist.
    """
    asked = backend if backend is not None else os.environ.get(VARIABLE) or None
    if asked is not None and asked not in BACKENDS:
        origin = "backend" if backend is not None else f"the environment variable {VARIABLE}"
        known = ", ".join(repr(name) for name in BACKENDS)
        raise InputError(f"{origin} must be one of {known}, or be left out for the fastest; got {asked!r}")
    return asked


def variable_slot() -> list[tuple[dict[Any, Any], Any]]:
    """Dictionary and key of the environment variable, for the guards."""
    held = getattr(os.environ, "_data", None)
    return [(held, os.environ.encodekey(VARIABLE))] if isinstance(held, dict) else []
