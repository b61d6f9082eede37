"""Drawings of four-legged animals from the side."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from wolfdog.tv.pen import Colour, Pen, Point, shade

GROUND = 0.88
NOSE: Colour = (18, 16, 16)
ANTLER: Colour = (110, 84, 58)


@dataclass(frozen=True)
class Build:
    """Proportions of a four-legged animal, in units of half the picture.

    Args:
        length: Half the length of the trunk.
        depth: Half the height of the trunk.
        hump: Height of the shoulder above the back.
        leg: Length from the belly to the ground.
        leg_width: Width of a leg.
        neck: Length from the shoulder to the head.
        lift: Least and largest height of the head above the shoulder.
        head: Radius of the head.
        muzzle: Length from the head to the nose.
        muzzle_width: Width at the nose.
        ear: Shape of the ears.
        ear_size: Size of the ears.
        tail: Shape of the tail.
        tuck: Height by which the belly is drawn in at the loins.
        antlers: Whether there are antlers.
        mane: Whether there is a mane.
    """

    length: float
    depth: float
    hump: float
    leg: float
    leg_width: float
    neck: float
    lift: tuple[float, float]
    head: float
    muzzle: float
    muzzle_width: float
    ear: Literal["round", "pointed"]
    ear_size: float
    tail: Literal["stub", "bushy", "thin", "hanging"]
    tuck: float = 0.0
    antlers: bool = False
    mane: bool = False


@dataclass(frozen=True)
class Coat:
    """Colours of an animal.

    Args:
        main: Colour of the body.
        muzzle: Colour of the muzzle.
        belly: Colour of the belly; None for that of the body.
        saddle: Colour of the back; None for that of the body.
    """

    main: Colour
    muzzle: Colour
    belly: Colour | None = None
    saddle: Colour | None = None


def draw_quadruped(pen: Pen, rng: np.random.Generator, build: Build, coat: Coat) -> None:
    """Draw an animal in a random pose: stride, head and tail vary, and proportions a little.

    Args:
        pen: Pen that draws it.
        rng: Source of random numbers.
        build: Proportions.
        coat: Colours.
    """
    b = build
    half, depth = b.length * rng.uniform(0.93, 1.07), b.depth * rng.uniform(0.93, 1.07)
    middle = -0.12
    y = GROUND - b.leg - depth  # the middle of the trunk
    stride = rng.uniform(-0.16, 0.16)
    hip, shoulder = middle - half + 0.14, middle + half - 0.14
    knee = y + depth + b.leg * 0.42
    for x, swing in ((hip + 0.13, -stride), (shoulder - 0.1, stride)):
        _leg(pen, (x, y + depth * 0.3), knee, b.leg_width * 0.95, swing, shade(coat.main, 0.72))
    _tail(pen, rng, b, (middle - half, y - depth * 0.55), coat.main)
    _trunk(pen, b, (middle, y), (half, depth), coat)
    for x, swing in ((hip, stride), (shoulder, -stride)):
        _leg(pen, (x, y + depth * 0.15), knee, b.leg_width, swing, coat.main)
    lift = rng.uniform(*b.lift)
    reach = max(b.neck**2 - lift**2, 0.01) ** 0.5
    root = (middle + half - 0.16, y - depth * 0.35 - b.hump * 0.3)
    head = (middle + half - 0.08 + reach, root[1] - lift - 0.05)
    pen.limb([root, head], [depth * 1.5, b.head * 1.5], coat.main)
    if b.mane:
        crest = [(root[0] - 0.08, root[1] - depth * 0.6), (head[0] - b.head * 0.8, head[1] - b.head * 0.5)]
        pen.limb(crest, [0.1, 0.12], shade(coat.main, 0.5))
    if b.antlers:
        _antlers(pen, head, b.head)
    _head(pen, rng, b, head, coat)


def _trunk(pen: Pen, b: Build, at: Point, reach: Point, coat: Coat) -> None:
    (x, y), (half, depth) = at, reach
    hip, shoulder, back = x - half + 0.14, x + half - 0.14, y - depth
    outline = [
        (x - half, y - depth * 0.2),
        (hip, back),
        (x, back + 0.03 - b.hump * 0.2),
        (shoulder - 0.06, back - b.hump),
        (x + half, y - depth * 0.4),
        (x + half, y + depth * 0.45),
        (shoulder, y + depth),
        (x, y + depth - b.tuck * 0.4),
        (hip + 0.08, y + depth - b.tuck),
        (x - half + 0.02, y + depth * 0.4),
    ]
    pen.blob(outline, coat.main)
    if coat.saddle is not None:
        pen.oval(x - half * 0.1, back + depth * 0.45, half * 0.8, depth * 0.42, coat.saddle)
    if coat.belly is not None:
        pen.oval(x + half * 0.3, y + depth * 0.72, half * 0.5, depth * 0.22, coat.belly)


def _leg(pen: Pen, top: Point, knee: float, width: float, swing: float, colour: Colour) -> None:
    x, foot = top[0], (top[0] + swing, GROUND)
    pen.limb([top, (x + swing * 0.35, knee), foot], [width * 1.5, width, width * 0.8], colour)
    pen.limb([foot, (foot[0] + width * 0.55, GROUND)], [width * 0.8, width * 0.6], colour)


def _tail(pen: Pen, rng: np.random.Generator, b: Build, root: Point, colour: Colour) -> None:
    x, y = root
    start = (x + 0.06, y)
    raised = rng.uniform(-0.2, 0.45)
    if b.tail == "bushy":
        bend, tip = (x - 0.2, y + 0.1 - raised * 0.3), (x - 0.4, y + 0.14 - raised * 1.2)
        pen.limb([start, bend, tip], [0.14, 0.25, 0.06], shade(colour, 0.86))
    elif b.tail == "thin":
        pen.line([start, (x - 0.16, y - 0.1), (x - 0.22, y - 0.4), (x - 0.1, y - 0.56)], 0.07, colour)
    elif b.tail == "hanging":
        pen.limb([start, (x - 0.1, y + 0.12), (x - 0.14, y + 0.55)], [0.09, 0.14, 0.1], shade(colour, 0.5))
    else:
        pen.oval(x, y + 0.05, 0.07, 0.06, colour)


def _antlers(pen: Pen, head: Point, r: float) -> None:
    x, y = head
    for lean in (-0.1, 0.1):
        fork = (x - 0.12 + lean, y - 0.3)
        pen.line([(x - 0.02, y - r * 0.5), fork, (x - 0.1 + lean, y - 0.52)], 0.035, ANTLER)
        pen.line([fork, (x + 0.08 + lean, y - 0.42)], 0.03, ANTLER)


def _head(pen: Pen, rng: np.random.Generator, b: Build, at: Point, coat: Coat) -> None:
    (x, y), r = at, b.head
    dark = shade(coat.main, 0.7)
    for ex, colour in ((x - r * 0.05, dark), (x - r * 0.55, coat.main)):
        ey, s = y - r * 0.75, b.ear_size
        if b.ear == "round":
            pen.oval(ex, ey, s, s, colour)
            pen.oval(ex + 0.01, ey + 0.01, s * 0.5, s * 0.5, dark)
        else:
            pen.shape(
                [(ex - s * 0.5, ey + s * 0.5), (ex - s * 0.25, ey - s), (ex + s * 0.5, ey + s * 0.4)], colour
            )
    pen.oval(x, y, r, r * 0.92, coat.main)
    nose = (x + r * 0.75 + b.muzzle, y + r * 0.3 + rng.uniform(-0.02, 0.05))
    pen.limb([(x + r * 0.4, y + r * 0.28), nose], [r * 1.15, b.muzzle_width], coat.muzzle)
    tip = (nose[0] + b.muzzle_width * 0.3, nose[1] - b.muzzle_width * 0.2)
    pen.oval(*tip, 0.03 + 0.18 * b.muzzle_width, 0.025 + 0.16 * b.muzzle_width, NOSE)
    pen.oval(x + r * 0.35, y - r * 0.25, 0.04, 0.04, NOSE)
