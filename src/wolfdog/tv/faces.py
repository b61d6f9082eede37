"""Drawings of bears, canines and cats from the front."""

import numpy as np

from wolfdog.tv.pen import Colour, Pen, shade, vary

BLACK: Colour = (18, 16, 16)


def _eyes(pen: Pen, apart: float, y: float, size: float, colour: Colour | None = None) -> None:
    for side in (-1, 1):
        if colour is not None:
            pen.oval(side * apart, y, size * 1.5, size * 1.25, colour)
        pen.oval(side * apart, y, size, size, BLACK)
        pen.oval(side * apart + 0.02, y - 0.025, size * 0.35, size * 0.35, (240, 240, 240))


def bear_face(pen: Pen, rng: np.random.Generator, coat: Colour) -> None:
    """Bear's face: a round head with round ears and a short, pale, round muzzle."""
    dark = shade(coat, 0.72)
    wide = rng.uniform(0.72, 0.8)
    pen.blob([(-0.7, 1.0), (-0.62, 0.5), (0.62, 0.5), (0.7, 1.0)], dark)
    for side in (-1, 1):
        pen.oval(side * 0.58, -0.52, 0.24, 0.24, coat)
        pen.oval(side * 0.57, -0.49, 0.13, 0.13, shade(coat, 0.55))
    pen.oval(0, 0.06, wide, 0.74, coat)
    pen.oval(0, 0.36, 0.36, 0.31, vary(rng, (188, 150, 108), 12))
    pen.oval(0, 0.22, 0.15, 0.1, BLACK)
    pen.line([(0, 0.3), (0, 0.46)], 0.035, BLACK)
    pen.line([(-0.14, 0.52), (0, 0.46), (0.14, 0.52)], 0.035, BLACK)
    _eyes(pen, 0.28, -0.06, 0.07)


def canine_face(pen: Pen, rng: np.random.Generator, coat: Colour) -> None:
    """Canine face: pointed ears, a forehead and cheeks of two shades, and a long muzzle that narrows to the nose."""
    dark, light = shade(coat, 0.68), shade(coat, 1.35)
    spread = rng.uniform(0.5, 0.62)
    for side in (-1, 1):
        pen.shape([(side * 0.12, -0.42), (side * spread, -0.98), (side * 0.66, -0.18)], dark)
        pen.shape([(side * 0.26, -0.42), (side * spread, -0.84), (side * 0.56, -0.28)], shade(coat, 0.95))
    pen.blob([(-0.5, 1.0), (-0.42, 0.4), (0.42, 0.4), (0.5, 1.0)], dark)
    pen.blob(
        [
            (0, -0.56),
            (0.42, -0.42),
            (0.62, -0.1),
            (0.82, 0.22),
            (0.4, 0.42),
            (0.2, 0.78),
            (-0.2, 0.78),
            (-0.4, 0.42),
            (-0.82, 0.22),
            (-0.62, -0.1),
            (-0.42, -0.42),
        ],
        coat,
    )
    for side in (-1, 1):
        pen.blob([(side * 0.2, 0.16), (side * 0.52, 0.06), (side * 0.72, 0.24), (side * 0.36, 0.4)], light)
    pen.blob([(-0.2, 0.0), (0.2, 0.0), (0.22, 0.5), (0.14, 0.8), (-0.14, 0.8), (-0.22, 0.5)], light)
    pen.blob([(-0.1, -0.5), (0.1, -0.5), (0.1, 0.3), (-0.1, 0.3)], dark)
    pen.oval(0, 0.56, 0.13, 0.1, BLACK)
    pen.line([(-0.13, 0.78), (0, 0.7), (0.13, 0.78)], 0.035, BLACK)
    _eyes(pen, 0.3, -0.06, 0.06, colour=(214, 170, 80))


def cat_face(pen: Pen, rng: np.random.Generator, coat: Colour) -> None:
    """Cat's face: wide and round, with pointed ears far apart, slit eyes and whiskers."""
    for side in (-1, 1):
        pen.shape([(side * 0.2, -0.5), (side * 0.72, -0.95), (side * 0.8, -0.1)], coat)
        pen.shape([(side * 0.36, -0.5), (side * 0.66, -0.78), (side * 0.7, -0.26)], (222, 160, 150))
    pen.oval(0, 0.1, 0.84, 0.72, coat)
    for shift in (-0.2, 0.0, 0.2):
        pen.line([(shift, -0.56), (shift * 0.7, -0.32)], 0.06, shade(coat, 0.65))
    green = vary(rng, (130, 190, 80), 25)
    for side in (-1, 1):
        pen.oval(side * 0.34, 0.0, 0.17, 0.14, green)
        pen.oval(side * 0.34, 0.0, 0.05, 0.13, BLACK)
        pen.oval(side * 0.14, 0.44, 0.18, 0.15, shade(coat, 1.3))
        for rise in (-0.08, 0.06):
            pen.line([(side * 0.26, 0.42), (side * 0.92, 0.36 + rise * 2)], 0.02, (244, 244, 240))
    pen.shape([(-0.09, 0.28), (0.09, 0.28), (0, 0.38)], (220, 110, 110))
