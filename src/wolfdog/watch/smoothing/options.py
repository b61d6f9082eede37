"""Smoothing methods and their options from text, as a command line gives them."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal, get_origin, get_type_hints

from wolfdog.errors import InputError

from . import METHODS
from .method import Method


def method_of(name: str, options: Sequence[str] = ()) -> Method:
    """Smoothing method by name, with options as `name=value`.

    Args:
        name: Name in `METHODS`.
        options: Options of the method.

    Returns:
        The method.

    Raises:
        InputError: There is no such method or option, or the value is of another kind.

    Examples:
        >>> method_of("megadetector", ["mode=mild", "gap=120"]).gap
        120.0
    """
    if name not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}; got {name!r}.")
    kind = METHODS[name]
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind) if _is_simple(hints[field.name])}
    chosen: dict[str, Any] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or key not in known:
            raise InputError(
                f"{name}: expected an option as name=value, with a name of "
                f"{', '.join(sorted(known)) or '(it has none)'}; got {option!r}."
            )
        chosen[key] = _value(hints[key], text, f"{name}: option {key}")
    return kind(**chosen)


def _is_simple(hint: Any) -> bool:
    """Whether a text on a command line can express a type."""
    return hint in (int, float, str, bool, tuple[str, ...]) or get_origin(hint) is Literal


def _value(hint: Any, text: str, where: str) -> Any:
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise InputError(f"{where}: expected true or false, got {text!r}.")
        return text.lower() == "true"
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            raise InputError(
                f"{where}: expected a {'whole number' if hint is int else 'number'}, got {text!r}."
            ) from None
    if hint == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
