"""Bounds on the names of classes, which come from models and files that may be anybody's."""

from collections.abc import Sequence

from wolfdog.errors import InputError

LONGEST = 200
"""Characters of a name."""
MOST = 50_000
"""Number of classes."""


def check_class_names(names: Sequence[str], where: str) -> None:
    """Check that class names can be shown and written.

    Args:
        names: The names.
        where: The model or file, for the message.

    Raises:
        InputError: A name is empty, too long or holds control characters, or there are too many names.

    Examples:
        >>> check_class_names(["wolf", "dog"], "model")
    """
    if len(names) > MOST:
        raise InputError(f"{where}: {len(names):,} classes; up to {MOST:,} can be used.")
    for name in names:
        if not name or len(name) > LONGEST or not all(one.isprintable() for one in name):
            what = (
                f"of {len(name):,} characters" if len(name) > LONGEST else "empty, or with control characters"
            )
            raise InputError(
                f"{where}: a class name is {what}: {name[:40]!r}. Names have 1 to {LONGEST} printable characters. Use "
                "models from a source that you trust."
            )
