"""Objects other than animals, shown for the label `unknown`."""

import numpy as np

from wolfdog.tv.animals import ANIMALS, Draw
from wolfdog.tv.pen import Colour, Pen, pick, shade, vary

BRIGHT: tuple[Colour, ...] = (
    (200, 50, 48), (48, 96, 190), (56, 150, 80), (236, 186, 50), (140, 70, 160), (230, 120, 50),
    (240, 236, 228), (60, 60, 66), (90, 180, 190),
)  # fmt: skip
WOOD: tuple[Colour, ...] = ((150, 100, 56), (110, 72, 42), (190, 146, 96))
GREEN: tuple[Colour, ...] = ((60, 130, 60), (40, 100, 56), (110, 150, 60))


def car(pen: Pen, rng: np.random.Generator) -> None:
    """Car from the side."""
    paint = pick(rng, BRIGHT)
    roof = rng.uniform(-0.5, -0.36)
    pen.blob([(-0.6, 0.0), (-0.36, roof), (0.3, roof), (0.62, 0.0)], paint)
    pen.shape([(-0.46, -0.04), (-0.3, roof + 0.1), (-0.04, roof + 0.08), (-0.04, -0.04)], (150, 190, 214))
    pen.shape([(0.04, -0.04), (0.04, roof + 0.08), (0.26, roof + 0.1), (0.46, -0.04)], (150, 190, 214))
    pen.blob([(-0.95, 0.3), (-0.9, 0.0), (-0.4, -0.1), (0.5, -0.08), (0.92, 0.06), (0.95, 0.34)], paint)
    pen.oval(0.86, 0.12, 0.06, 0.06, (250, 240, 180))
    for x in (-0.54, 0.54):
        pen.oval(x, 0.38, 0.24, 0.24, (24, 24, 26))
        pen.oval(x, 0.38, 0.11, 0.11, (190, 190, 194))


def house(pen: Pen, rng: np.random.Generator) -> None:
    """House with a roof, a door and windows."""
    wall, roof = pick(rng, BRIGHT), pick(rng, ((150, 60, 46), (80, 76, 80), (120, 84, 60)))
    pen.shape([(0.36, -0.8), (0.56, -0.8), (0.56, -0.3), (0.36, -0.3)], shade(roof, 0.7))
    pen.shape([(-0.7, -0.14), (0.7, -0.14), (0.7, 0.85), (-0.7, 0.85)], wall)
    pen.shape([(-0.9, -0.12), (0, -0.88), (0.9, -0.12)], roof)
    pen.shape([(-0.14, 0.3), (0.16, 0.3), (0.16, 0.85), (-0.14, 0.85)], shade(roof, 0.6))
    for x in (-0.48, 0.32):
        pen.shape([(x, 0.06), (x + 0.22, 0.06), (x + 0.22, 0.34), (x, 0.34)], (176, 214, 232))


def tree(pen: Pen, rng: np.random.Generator) -> None:
    """Broad-leaved tree or fir."""
    leaf = pick(rng, GREEN)
    pen.limb([(0, 0.0), (0, 0.9)], [0.16, 0.24], pick(rng, WOOD))
    if rng.random() < 0.5:
        for y, width in ((0.4, 0.7), (0.0, 0.56), (-0.4, 0.4)):
            pen.shape([(-width, y), (0, y - 0.52), (width, y)], shade(leaf, 1 - y * 0.3))
        return
    for x, y, r in ((-0.36, -0.1, 0.4), (0.36, -0.1, 0.4), (0.0, -0.44, 0.46), (0.0, 0.0, 0.44)):
        pen.oval(x, y, r, r, shade(leaf, 1 - y * 0.4))


def balloon(pen: Pen, rng: np.random.Generator) -> None:
    """Balloon on a string."""
    colour = pick(rng, BRIGHT)
    pen.line([(0, 0.34), (0.08, 0.6), (-0.06, 0.92)], 0.025, (90, 90, 90))
    pen.oval(0, -0.3, 0.52, 0.62, colour)
    pen.shape([(-0.08, 0.4), (0, 0.28), (0.08, 0.4)], shade(colour, 0.8))
    pen.oval(-0.2, -0.52, 0.1, 0.16, shade(colour, 1.5), tilt=0.5)


def cup(pen: Pen, rng: np.random.Generator) -> None:
    """Cup with a handle, and steam."""
    colour = pick(rng, BRIGHT)
    pen.oval(0.58, 0.2, 0.28, 0.3, colour)
    pen.oval(0.58, 0.2, 0.15, 0.17, (120, 110, 104))
    pen.shape([(-0.6, -0.3), (0.6, -0.3), (0.44, 0.76), (-0.44, 0.76)], colour)
    pen.oval(0, -0.3, 0.6, 0.14, shade(colour, 1.2))
    pen.oval(0, -0.29, 0.5, 0.1, (70, 44, 30))
    for x in (-0.2, 0.16):
        pen.line([(x, -0.5), (x + 0.08, -0.66), (x, -0.82)], 0.05, (228, 228, 230))


def chair(pen: Pen, rng: np.random.Generator) -> None:
    """Chair."""
    wood = pick(rng, WOOD)
    for x, low in ((-0.5, 0.9), (0.5, 0.9), (-0.3, 0.72), (0.62, 0.72)):
        pen.line([(x, 0.2), (x, low)], 0.1, shade(wood, 0.8))
    for y in (-0.78, -0.48):
        pen.line([(-0.5, y), (-0.42, y), (0.1, y - 0.06)], 0.14, wood)
    pen.line([(-0.5, -0.86), (-0.5, 0.2)], 0.11, wood)
    pen.line([(0.12, -0.92), (0.12, 0.14)], 0.1, shade(wood, 0.85))
    pen.shape([(-0.6, 0.24), (0.1, 0.02), (0.72, 0.12), (0.58, 0.32)], pick(rng, BRIGHT))


def umbrella(pen: Pen, rng: np.random.Generator) -> None:
    """Open umbrella."""
    colour = pick(rng, BRIGHT)
    pen.line([(0, -0.7), (0, 0.7), (0.1, 0.84), (0.24, 0.72)], 0.06, (60, 50, 46))
    pen.blob(
        [
            (-0.92, 0.1),
            (-0.7, -0.5),
            (0, -0.84),
            (0.7, -0.5),
            (0.92, 0.1),
            (0.6, -0.02),
            (0.3, 0.1),
            (0, -0.02),
            (-0.3, 0.1),
            (-0.6, -0.02),
        ],
        colour,
    )
    pen.blob(
        [(-0.3, 0.1), (-0.22, -0.4), (0, -0.82), (0.22, -0.4), (0.3, 0.1), (0, -0.02)], shade(colour, 0.78)
    )


def boat(pen: Pen, rng: np.random.Generator) -> None:
    """Sailing boat."""
    hull = pick(rng, BRIGHT)
    pen.line([(0, -0.9), (0, 0.4)], 0.06, (90, 64, 40))
    pen.shape([(0.07, -0.86), (0.72, 0.24), (0.07, 0.24)], (246, 242, 232))
    pen.shape([(-0.07, -0.7), (-0.56, 0.24), (-0.07, 0.24)], vary(rng, (226, 218, 206)))
    pen.blob([(-0.85, 0.36), (0.9, 0.36), (0.6, 0.74), (-0.6, 0.74)], hull)


def lamp(pen: Pen, rng: np.random.Generator) -> None:
    """Standing lamp."""
    pen.line([(0, -0.1), (0, 0.8)], 0.07, (80, 74, 70))
    pen.oval(0, 0.84, 0.4, 0.1, (70, 64, 60))
    pen.shape([(-0.3, -0.85), (0.3, -0.85), (0.62, -0.05), (-0.62, -0.05)], pick(rng, BRIGHT))
    pen.oval(0, -0.04, 0.58, 0.07, (255, 244, 190))


def flower(pen: Pen, rng: np.random.Generator) -> None:
    """Flower on a stalk."""
    petal, leaf = pick(rng, BRIGHT), pick(rng, GREEN)
    pen.line([(0, -0.2), (0.04, 0.9)], 0.07, leaf)
    pen.oval(0.26, 0.5, 0.28, 0.1, leaf, tilt=-0.6)
    count = int(rng.integers(5, 9))
    for angle in np.arange(count) * 2 * np.pi / count:
        pen.oval(0.42 * np.cos(angle), -0.35 + 0.42 * np.sin(angle), 0.24, 0.24, petal)
    pen.oval(0, -0.35, 0.2, 0.2, (240, 200, 60) if petal[2] > 60 else (90, 60, 40))


def ball(pen: Pen, rng: np.random.Generator) -> None:
    """Ball in two colours."""
    colour, other = pick(rng, BRIGHT), pick(rng, BRIGHT)
    pen.oval(0, 0, 0.8, 0.8, colour)
    pen.blob([(-0.3, -0.74), (0.1, -0.3), (0.1, 0.3), (-0.3, 0.74), (-0.1, 0.0)], other)
    pen.blob([(0.36, -0.7), (0.72, -0.3), (0.76, 0.2), (0.5, 0.0)], other)
    pen.oval(-0.34, -0.42, 0.12, 0.1, shade(colour, 1.5))


def clock(pen: Pen, rng: np.random.Generator) -> None:
    """Round clock."""
    pen.oval(0, 0, 0.84, 0.84, pick(rng, BRIGHT))
    pen.oval(0, 0, 0.7, 0.7, (246, 244, 236))
    for angle in np.arange(12) * np.pi / 6:
        pen.oval(0.58 * np.sin(angle), 0.58 * np.cos(angle), 0.04, 0.04, (50, 50, 54))
    for length, width in ((0.34, 0.08), (0.52, 0.06)):
        angle = rng.uniform(0, 2 * np.pi)
        pen.line([(0, 0), (length * np.sin(angle), length * np.cos(angle))], width, (30, 30, 34))


def bicycle(pen: Pen, rng: np.random.Generator) -> None:
    """Bicycle."""
    frame = pick(rng, BRIGHT)
    ring = np.linspace(0, 2 * np.pi, 19)
    for x in (-0.52, 0.52):
        tyre = [(x + 0.36 * np.cos(a), 0.36 + 0.36 * np.sin(a)) for a in ring]
        pen.line(tyre, 0.06, (36, 36, 40))
    pen.line([(-0.52, 0.36), (-0.2, -0.2), (0.34, -0.2), (0.02, 0.36), (-0.52, 0.36)], 0.06, frame)
    pen.line([(0.02, 0.36), (-0.24, -0.32)], 0.06, frame)
    pen.line([(0.52, 0.36), (0.3, -0.42), (0.46, -0.5)], 0.06, frame)
    pen.line([(-0.38, -0.34), (-0.12, -0.34)], 0.09, (40, 34, 30))


def cactus(pen: Pen, rng: np.random.Generator) -> None:
    """Cactus in a pot."""
    green = pick(rng, GREEN)
    pen.line([(0, -0.7), (0, 0.4)], 0.34, green)
    left, right = rng.uniform(-0.2, 0.1, 2)
    pen.line([(0, left + 0.2), (-0.46, left + 0.2), (-0.46, left - 0.2)], 0.2, green)
    pen.line([(0, right + 0.1), (0.46, right + 0.1), (0.46, right - 0.3)], 0.2, green)
    pen.shape([(-0.42, 0.4), (0.42, 0.4), (0.3, 0.9), (-0.3, 0.9)], vary(rng, (188, 96, 60)))


def mushroom(pen: Pen, rng: np.random.Generator) -> None:
    """Mushroom with a spotted cap."""
    cap = pick(rng, ((200, 44, 40), (170, 120, 70), (220, 150, 60)))
    pen.limb([(0, -0.1), (0, 0.8)], [0.36, 0.46], (238, 228, 208))
    pen.blob([(-0.82, 0.06), (-0.6, -0.5), (0, -0.8), (0.6, -0.5), (0.82, 0.06), (0, 0.18)], cap)
    for x, y, r in ((-0.4, -0.3, 0.1), (0.06, -0.54, 0.12), (0.42, -0.22, 0.11), (0.02, -0.1, 0.08)):
        pen.oval(x, y, r, r, (248, 244, 236))


def kite(pen: Pen, rng: np.random.Generator) -> None:
    """Kite with a tail."""
    one, two = pick(rng, BRIGHT), pick(rng, BRIGHT)
    pen.line([(0, 0.3), (0.2, 0.55), (0.0, 0.7), (0.2, 0.94)], 0.04, (70, 70, 74))
    pen.shape([(0, -0.95), (0.6, -0.3), (0, 0.4)], one)
    pen.shape([(0, -0.95), (-0.6, -0.3), (0, 0.4)], two)
    for x, y in ((0.16, 0.55), (0.06, 0.72)):
        pen.shape(
            [(x - 0.12, y - 0.06), (x, y), (x + 0.12, y - 0.06), (x + 0.12, y + 0.06), (x - 0.12, y + 0.06)],
            one,
        )


def bottle(pen: Pen, rng: np.random.Generator) -> None:
    """Bottle with a label."""
    glass = pick(rng, ((40, 110, 70), (110, 64, 30), (90, 150, 190), (190, 200, 196)))
    pen.shape([(-0.12, -0.9), (0.12, -0.9), (0.12, -0.2), (-0.12, -0.2)], glass)
    pen.blob([(-0.13, -0.4), (0.13, -0.4), (0.36, -0.1), (0.36, 0.84), (-0.36, 0.84), (-0.36, -0.1)], glass)
    pen.shape([(-0.36, 0.14), (0.36, 0.14), (0.36, 0.56), (-0.36, 0.56)], (240, 232, 208))
    pen.shape([(-0.13, -0.94), (0.13, -0.94), (0.13, -0.8), (-0.13, -0.8)], pick(rng, BRIGHT))


def aeroplane(pen: Pen, rng: np.random.Generator) -> None:
    """Aeroplane from the side."""
    trim = pick(rng, BRIGHT)
    pen.shape([(-0.72, -0.06), (-0.92, -0.56), (-0.72, -0.56), (-0.42, -0.06)], trim)
    pen.blob(
        [(-0.9, -0.04), (-0.4, -0.2), (0.5, -0.2), (0.92, 0.04), (0.5, 0.2), (-0.4, 0.16)], (226, 228, 232)
    )
    pen.shape([(0.2, 0.06), (-0.3, 0.62), (-0.5, 0.62), (-0.2, 0.06)], trim)
    for x in np.linspace(-0.4, 0.5, 6):
        pen.oval(x, -0.04, 0.045, 0.045, (80, 110, 140))


THINGS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        car, house, tree, balloon, cup, chair, umbrella, boat, lamp, flower, ball, clock, bicycle, cactus,
        mushroom, kite, bottle, aeroplane,
    )
}  # fmt: skip

DRAWABLE: dict[str, Draw] = {**ANIMALS, **THINGS}
"""Everything that can be a look by its own name."""
