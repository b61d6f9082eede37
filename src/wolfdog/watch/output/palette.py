"""Colours of the classes, the same in every picture, distinguishable with colour blindness."""

from collections.abc import Sequence
from typing import NamedTuple

# Okabe and Ito, "Color Universal Design" (2008), without black; greys are kept for the two labels of no
# animal.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
HATCHES = ("", "////", "....", "xxxx", "||||")
NOTHING = {"unknown": "#C4C4C4", "blank": "#EDEDED"}  # a medium grey resembles the pink in colour blindness


class Paint(NamedTuple):
    """Colour and hatch of a class.

    Attributes:
        fill: Red, green and blue as #RRGGBB.
        hatch: Hatch of Matplotlib, empty for the first seven classes.
    """

    fill: str
    hatch: str

    @property
    def ink(self) -> str:
        """Black or white, whichever has more contrast with the fill (by its relative luminance, ITU-R BT.709)."""
        red, green, blue = self.rgb
        return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 125 else "#FFFFFF"

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green and blue of the fill, from 0 to 255."""
        red, green, blue = bytes.fromhex(self.fill[1:])
        return red, green, blue


OTHERS = Paint("#F4F4F4", "")
"""Paint of the sum of all improbable classes."""


def palette(classes: Sequence[str]) -> dict[str, Paint]:
    """Paint of each class, by its position among `classes`; `unknown` and `blank` are grey.

    Hues repeat after seven classes with a hatch over them, so that 35 animals are distinguishable.

    Args:
        classes: Names of the classes.

    Returns:
        Paints by class.

    Examples:
        >>> palette(["wolf", "dog", "unknown"])["dog"]
        Paint(fill='#E69F00', hatch='')
    """
    paints: dict[str, Paint] = {}
    coloured = 0
    for name in dict.fromkeys(classes):
        if name in NOTHING:
            paints[name] = Paint(NOTHING[name], "")
            continue
        hatch = HATCHES[coloured // len(HUES) % len(HATCHES)]
        paints[name] = Paint(HUES[coloured % len(HUES)], hatch)
        coloured += 1
    return paints
