"""Names by which classifiers call pictures with nothing in them."""

from collections.abc import Sequence

_BLANK = ("blank", "empty", "vide", "leer", "vacio", "vacío", "vuoto", "no animal", "nothing")


def blank_of(classes: Sequence[str], asked: str | None = None) -> str | None:
    """The class that says that nothing is there: the one asked for, or the first with a usual name.

    A SpeciesNet taxonomy string counts by its last part.

    Examples:
        >>> blank_of(["wolf", "Empty"]), blank_of(["wolf", "dog"])
        ('Empty', None)
    """
    if asked is not None:
        return asked
    for name in classes:
        if name.rsplit(";", 1)[-1].strip().lower() in _BLANK:
            return name
    return None
