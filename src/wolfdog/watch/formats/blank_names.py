"""Search of the class for empty pictures by its usual names."""

from collections.abc import Sequence

from wolfdog.labels.rows import BLANK_NAMES


def blank_of(classes: Sequence[str], given: str | None = None) -> str | None:
    """Name of the class for empty pictures: the given one, or the first with a usual name.

    A SpeciesNet taxonomy string counts by its last part.

    Args:
        classes: Names of the classes.
        given: The name; None to search for one.

    Returns:
        The name; None if there is none.

    Examples:
        >>> blank_of(["wolf", "Empty"]), blank_of(["wolf", "dog"])
        ('Empty', None)
    """
    if given is not None:
        return given
    for name in classes:
        if name.rsplit(";", 1)[-1].strip().lower() in BLANK_NAMES:
            return name
    return None
