"""Taxonomy strings of SpeciesNet: seven parts, from the identifier to the common name."""

from dataclasses import dataclass

RANKS = ("class", "order", "family", "genus", "species")
_PARTS = 7


@dataclass(frozen=True)
class Taxon:
    """Taxon named by a class of SpeciesNet.

    Attributes:
        identifier: Of the taxon, a UUID.
        path: Names from class down to species, in lower case; empty below the rank of the taxon.
        common: Common name.

    Examples:
        >>> fox = Taxon.of("436ddfdd;mammalia;carnivora;canidae;vulpes;vulpes;red fox")
        >>> fox.rank, fox.scientific, fox.common
        ('species', 'vulpes vulpes', 'red fox')
    """

    identifier: str
    path: tuple[str, ...]
    common: str

    @classmethod
    def of(cls, name: str) -> "Taxon | None":
        """Taxon of a class name; None of a name that is no taxonomy string.

        Examples:
            >>> Taxon.of("wolf") is None
            True
        """
        parts = [part.strip() for part in name.split(";")]
        if len(parts) != _PARTS:
            return None
        return cls(parts[0], tuple(part.lower() for part in parts[1:6]), parts[6])

    @property
    def depth(self) -> int:
        """Number of ranks that are named, without gaps, from class down: 0 of blanks and vehicles, 5 of a species."""
        return next((at for at, name in enumerate(self.path) if not name), len(self.path))

    @property
    def rank(self) -> str:
        """Rank of the taxon; empty where it is none (blank, vehicle)."""
        return RANKS[self.depth - 1] if self.depth else ""

    @property
    def scientific(self) -> str:
        """Genus and species of a species, else the name at the taxon's own rank, else the common name."""
        if self.depth == len(RANKS):
            return f"{self.path[3]} {self.path[4]}"
        return self.path[self.depth - 1] if self.depth else self.common

    def contains(self, other: "Taxon") -> bool:
        """Whether the other taxon is this one, or below it.

        Examples:
            >>> canidae = Taxon.of("x;mammalia;carnivora;canidae;;;canidae family")
            >>> canidae.contains(Taxon.of("y;mammalia;carnivora;canidae;vulpes;vulpes;red fox"))
            True
        """
        return 0 < self.depth <= other.depth and self.path[: self.depth] == other.path[: self.depth]
