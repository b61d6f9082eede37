"""Drawings of animals, facing right: four-legged ones from the side, the others by their own functions."""

from collections.abc import Callable

import numpy as np

from wolfdog.tv.faces import bear_face, canine_face, cat_face
from wolfdog.tv.pen import Colour, Pen, pick, shade, vary
from wolfdog.tv.quadruped import Build, Coat, draw_quadruped

Draw = Callable[[Pen, np.random.Generator], None]

FACES = 0.35
"""Share of shots in which bears, canines and cats are seen from the front."""

BEAR_COATS: tuple[Colour, ...] = ((92, 58, 34), (64, 42, 30), (38, 32, 30), (124, 84, 50))
CANINE_COATS: tuple[Colour, ...] = (
    (128, 126, 124),
    (150, 112, 72),
    (52, 50, 52),
    (206, 186, 150),
    (176, 172, 168),
)
GOLDFISH_COLOURS: tuple[Colour, ...] = ((250, 132, 20), (255, 160, 30), (240, 92, 24))
CAT_COATS: tuple[Colour, ...] = ((222, 150, 80), (90, 88, 90), (40, 38, 40), (200, 190, 180))
DEER_COATS: tuple[Colour, ...] = ((176, 116, 66), (150, 96, 58))
RABBIT_COATS: tuple[Colour, ...] = ((176, 152, 128), (214, 210, 204), (130, 112, 96))
HORSE_COATS: tuple[Colour, ...] = ((134, 78, 42), (90, 54, 34), (60, 52, 48), (206, 196, 184))
BIRD_COLOURS: tuple[Colour, ...] = ((70, 120, 200), (200, 70, 60), (230, 190, 50), (110, 170, 80))

BEAR = Build(
    length=0.6, depth=0.37, hump=0.15, leg=0.32, leg_width=0.25, neck=0.3, lift=(-0.12, 0.08), head=0.27,
    muzzle=0.15, muzzle_width=0.22, ear="round", ear_size=0.12, tail="stub",
)  # fmt: skip
CANINE = Build(
    length=0.48, depth=0.24, hump=0.03, leg=0.42, leg_width=0.12, neck=0.3, lift=(0.06, 0.27), head=0.2,
    muzzle=0.25, muzzle_width=0.11, ear="pointed", ear_size=0.24, tail="bushy", tuck=0.1,
)  # fmt: skip
CAT = Build(
    length=0.46, depth=0.2, hump=0.0, leg=0.32, leg_width=0.1, neck=0.22, lift=(0.08, 0.2), head=0.23,
    muzzle=0.02, muzzle_width=0.16, ear="pointed", ear_size=0.17, tail="thin",
)  # fmt: skip
DEER = Build(
    length=0.44, depth=0.2, hump=0.0, leg=0.6, leg_width=0.08, neck=0.5, lift=(0.42, 0.5), head=0.12,
    muzzle=0.17, muzzle_width=0.09, ear="pointed", ear_size=0.1, tail="stub", antlers=True,
)  # fmt: skip
HORSE = Build(
    length=0.5, depth=0.24, hump=0.0, leg=0.58, leg_width=0.11, neck=0.5, lift=(0.36, 0.46), head=0.15,
    muzzle=0.3, muzzle_width=0.14, ear="pointed", ear_size=0.08, tail="hanging", mane=True,
)  # fmt: skip


def bear(pen: Pen, rng: np.random.Generator) -> None:
    """Bear: heavy, high-shouldered, with round ears, short legs and a very short tail."""
    coat = pick(rng, BEAR_COATS, by=7)
    if rng.random() < FACES:
        bear_face(pen, rng, coat)
        return
    draw_quadruped(pen, rng, BEAR, Coat(coat, muzzle=vary(rng, (172, 132, 92), 12)))


def canine(pen: Pen, rng: np.random.Generator) -> None:
    """Canine, for wolf and dog alike: lean, on long legs, with pointed ears, a long muzzle and a bushy tail."""
    coat = pick(rng, CANINE_COATS, by=7)
    if rng.random() < FACES:
        canine_face(pen, rng, coat)
        return
    light, dark = shade(coat, rng.uniform(1.1, 1.45)), shade(coat, rng.uniform(0.6, 1.0))
    draw_quadruped(pen, rng, CANINE, Coat(coat, muzzle=light, belly=light, saddle=dark))


def goldfish(pen: Pen, rng: np.random.Generator) -> None:
    """Goldfish with a fan-shaped tail; in a bowl with probability one half."""
    colour = pick(rng, GOLDFISH_COLOURS)
    in_bowl = rng.random() < 0.5
    size, dx, dy = (0.58, 0.0, 0.14) if in_bowl else (1.0, 0.0, 0.0)
    fin, belly = shade(colour, 1.18), shade(colour, 1.35)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(dx + size * x, dy + size * y) for x, y in points]

    if in_bowl:
        pen.oval(0, 0.12, 0.86, 0.82, (214, 232, 240))
        pen.oval(0, 0.14, 0.8, 0.76, (150, 204, 228))
        pen.oval(0, -0.34, 0.64, 0.1, (196, 228, 240))
        pen.oval(0, -0.66, 0.5, 0.1, (226, 240, 246))
        pen.oval(0, -0.66, 0.42, 0.07, (180, 206, 216))
    sweep = rng.uniform(-0.1, 0.1)
    fan = rng.uniform(0.38, 0.52)
    pen.blob(
        at(
            (-0.3, 0.0),
            (-0.72, -fan + sweep),
            (-0.95, -fan * 0.8 + sweep),
            (-0.7, 0.0 + sweep / 2),
            (-0.95, fan * 0.8 + sweep),
            (-0.72, fan + sweep),
        ),
        fin,
    )
    height = rng.uniform(0.32, 0.42)
    pen.blob(
        at((-0.3, -height * 0.8), (0.0, -height - 0.26), (0.22, -height - 0.1), (0.3, -height * 0.7)), fin
    )
    pen.blob(at((-0.12, height * 0.7), (-0.3, height + 0.22), (0.02, height + 0.05)), fin)
    pen.blob(
        at(
            (-0.45, 0.0),
            (-0.2, -height * 0.8),
            (0.2, -height),
            (0.6, -height * 0.72),
            (0.85, 0.02),
            (0.6, height * 0.72),
            (0.2, height),
            (-0.2, height * 0.8),
        ),
        colour,
    )
    pen.blob(
        at(
            (0.1, height * 0.5),
            (0.5, height * 0.35),
            (0.62, height * 0.6),
            (0.3, height * 0.9),
            (-0.1, height * 0.8),
        ),
        belly,
    )
    if rng.random() < 0.35:
        pen.oval(dx - 0.05 * size, dy - 0.1 * size, 0.2 * size, 0.16 * size, (250, 244, 236))
    pen.blob(at((0.2, 0.08), (0.0, 0.3), (-0.08, 0.12)), shade(colour, 0.82))
    pen.oval(dx + 0.56 * size, dy - 0.08 * size, 0.12 * size, 0.12 * size, (255, 250, 240))
    pen.oval(dx + 0.58 * size, dy - 0.08 * size, 0.065 * size, 0.065 * size, (16, 14, 14))
    pen.line(at((0.74, 0.12), (0.83, 0.08)), 0.03 * size, shade(colour, 0.6))
    if in_bowl:
        for x, y in ((0.5, -0.12), (0.56, -0.02)):
            pen.oval(x, y, 0.04, 0.04, (230, 244, 250))
        pen.limb([(-0.66, -0.1), (-0.7, 0.14), (-0.64, 0.4)], [0.03, 0.06, 0.03], (240, 250, 255))


def cat(pen: Pen, rng: np.random.Generator) -> None:
    """Cat: small-headed and low, with a thin raised tail."""
    coat = pick(rng, CAT_COATS, by=7)
    if rng.random() < FACES:
        cat_face(pen, rng, coat)
        return
    draw_quadruped(pen, rng, CAT, Coat(coat, muzzle=shade(coat, 1.2)))


def deer(pen: Pen, rng: np.random.Generator) -> None:
    """Deer: thin legs, a long raised neck and antlers."""
    coat = pick(rng, DEER_COATS, by=7)
    draw_quadruped(pen, rng, DEER, Coat(coat, muzzle=shade(coat, 0.8), belly=shade(coat, 1.35)))


def horse(pen: Pen, rng: np.random.Generator) -> None:
    """Horse: long legs, a long strong neck with a mane, a long head and a hanging tail."""
    coat = pick(rng, HORSE_COATS, by=7)
    draw_quadruped(pen, rng, HORSE, Coat(coat, muzzle=shade(coat, 0.85)))


def rabbit(pen: Pen, rng: np.random.Generator) -> None:
    """Rabbit: a round back, a round head and two long ears."""
    coat = pick(rng, RABBIT_COATS, by=7)
    dark, light = shade(coat, 0.78), shade(coat, 1.25)
    lean = rng.uniform(-0.12, 0.12)
    for shift, colour in ((-0.1, dark), (0.04, coat)):
        ear = [(0.38 + shift, -0.3), (0.3 + shift + lean, -0.62), (0.3 + shift + lean, -0.9)]
        pen.limb(ear, [0.12, 0.17, 0.08], colour)
    pen.limb([(0.27, -0.55), (0.31 + lean, -0.82)], [0.05, 0.04], (226, 168, 160))
    pen.oval(-0.72, 0.36, 0.16, 0.16, light)
    pen.blob(
        [(-0.68, 0.5), (-0.66, 0.05), (-0.25, -0.24), (0.2, -0.1), (0.42, 0.3), (0.3, 0.62), (-0.3, 0.7)],
        coat,
    )
    pen.oval(-0.34, 0.4, 0.34, 0.3, dark)
    pen.oval(-0.34, 0.38, 0.31, 0.27, coat)
    pen.limb([(-0.42, 0.7), (-0.08, 0.72)], [0.16, 0.13], dark)
    pen.limb([(0.26, 0.4), (0.32, 0.7)], [0.15, 0.12], coat)
    pen.oval(0.45, -0.12, 0.28, 0.24, coat, tilt=0.25)
    pen.oval(0.64, -0.02, 0.12, 0.1, light)
    pen.oval(0.74, -0.07, 0.04, 0.035, (210, 120, 120))
    pen.oval(0.5, -0.2, 0.055, 0.06, (20, 16, 16))


def bird(pen: Pen, rng: np.random.Generator) -> None:
    """Bird on thin legs, with a beak and a folded wing."""
    colour = pick(rng, BIRD_COLOURS)
    for x in (-0.04, 0.14):
        pen.line([(x, 0.4), (x + 0.04, 0.82), (x + 0.16, 0.82)], 0.035, (196, 140, 50))
    pen.shape([(-0.45, 0.1), (-0.95, rng.uniform(-0.1, 0.4)), (-0.8, 0.42), (-0.3, 0.32)], shade(colour, 0.7))
    pen.blob(
        [(-0.55, 0.2), (-0.2, -0.14), (0.25, -0.3), (0.5, 0.0), (0.4, 0.36), (0.0, 0.52), (-0.4, 0.42)],
        colour,
    )
    pen.oval(0.2, 0.22, 0.26, 0.22, shade(colour, 1.4))
    pen.blob([(-0.6, 0.3), (-0.2, -0.06), (0.18, 0.02), (0.05, 0.3), (-0.25, 0.4)], shade(colour, 0.75))
    pen.oval(0.42, -0.34, 0.24, 0.23, colour)
    pen.shape([(0.6, -0.44), (0.95, -0.3), (0.6, -0.24)], (236, 170, 40))
    pen.oval(0.5, -0.4, 0.05, 0.05, (16, 14, 14))


ANIMALS: dict[str, Draw] = {
    "bear": bear, "canine": canine, "goldfish": goldfish, "cat": cat, "deer": deer, "horse": horse,
    "rabbit": rabbit, "bird": bird,
}  # fmt: skip
