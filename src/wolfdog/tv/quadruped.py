"""Four-legged animals from the side."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from wolfdog.tv.pen import Colour, Pen, shade

GROUND = 0.88


@dataclass(frozen=True)
class Build:
    """How a four-legged animal is made, in units of half the picture.

    Args:
        length: half the length of the trunk.
        depth: half its height.
        hump: how far the shoulder rises above the back.
        leg: from the belly to the ground.
        leg_width: width of a leg at its top.
        neck: from the shoulder to the head.
        lift: how far the head is above the shoulder.
        head: radius of the head.
        muzzle, muzzle_width: from the head forward, and how wide at the nose.
        ear, ear_size: what the ears are like.
        tail: what the tail is like.
        tuck: how far the belly is drawn in at the loins.
        antlers, mane: whether there are any.
    """

    length: float
    depth: float
    hump: float
    leg: float
    leg_width: float
    neck: float
    lift: float
    head: float
    muzzle: float
    muzzle_width: float
    ear: Literal["round", "pointed"]
    ear_size: float
    tail: Literal["stub", "bushy", "thin", "hanging"]
    tuck: float = 0.0
    antlers: bool = False
    mane: bool = False


def draw_quadruped(
    pen: Pen,
    rng: np.random.Generator,
    build: Build,
    coat: Colour,
    muzzle_colour: Colour,
    belly: Colour | None = None,
) -> None:
    """Draw the animal in a pose of its own: stride, head and tail vary, and proportions a little."""
    b = build
    stretch, deepen = rng.uniform(0.93, 1.07, 2)
    half, depth = b.length * stretch, b.depth * deepen
    middle = -0.12
    y = GROUND - b.leg - depth  # centre of the trunk
    stride = rng.uniform(-1, 1)
    dark = shade(coat, 0.72)
    hip, shoulder = middle - half + 0.14, middle + half - 0.14
    knee = y + depth + b.leg * 0.42
    for x, swing in ((hip + 0.13, -stride), (shoulder - 0.1, stride)):
        _leg(pen, x, y + depth * 0.3, knee, b.leg_width * 0.95, swing * 0.16, dark)
    _tail(pen, rng, b, middle - half, y - depth * 0.55, coat)
    back = y - depth
    pen.blob(
        [
            (middle - half, y - depth * 0.2),
            (hip, back),
            (middle, back + 0.03 - b.hump * 0.2),
            (shoulder - 0.06, back - b.hump),
            (middle + half, y - depth * 0.4),
            (middle + half, y + depth * 0.45),
            (shoulder, y + depth),
            (middle, y + depth - b.tuck * 0.4),
            (hip + 0.08, y + depth - b.tuck),
            (middle - half + 0.02, y + depth * 0.4),
        ],
        coat,
    )
    if belly is not None:
        pen.oval(middle + half * 0.35, y + depth * 0.72, half * 0.5, depth * 0.22, belly)
    for x, swing in ((hip, stride), (shoulder, -stride)):
        _leg(pen, x, y + depth * 0.15, knee, b.leg_width, swing * 0.16, coat)
    reach = (max(b.neck**2 - b.lift**2, 0.01)) ** 0.5
    root = (middle + half - 0.16, y - depth * 0.35 - b.hump * 0.3)
    head = (middle + half - 0.08 + reach, root[1] - b.lift - 0.05)
    pen.limb([root, head], [depth * 1.5, b.head * 1.5], coat)
    if b.mane:
        above = [(root[0] - 0.08, root[1] - depth * 0.6), (head[0] - b.head * 0.8, head[1] - b.head * 0.5)]
        pen.limb(above, [0.1, 0.12], shade(coat, 0.5))
    _head(pen, rng, b, head, coat, muzzle_colour)


def _leg(pen: Pen, x: float, top: float, knee: float, width: float, swing: float, colour: Colour) -> None:
    foot = (x + swing, GROUND)
    pen.limb([(x, top), (x + swing * 0.35, knee), foot], [width * 1.5, width, width * 0.8], colour)
    pen.limb([foot, (foot[0] + width * 0.55, GROUND)], [width * 0.8, width * 0.6], colour)


def _tail(pen: Pen, rng: np.random.Generator, b: Build, x: float, y: float, coat: Colour) -> None:
    raised = rng.uniform(-0.22, 0.3)
    if b.tail == "bushy":
        tip = (x - 0.36, y + raised)
        pen.limb(
            [(x + 0.06, y), (x - 0.18, y + raised * 0.4 + 0.06), tip], [0.1, 0.18, 0.07], shade(coat, 0.86)
        )
    elif b.tail == "thin":
        pen.line([(x + 0.06, y), (x - 0.16, y - 0.1), (x - 0.22, y - 0.4), (x - 0.1, y - 0.56)], 0.07, coat)
    elif b.tail == "hanging":
        pen.limb(
            [(x + 0.06, y), (x - 0.1, y + 0.12), (x - 0.14, y + 0.55)], [0.09, 0.14, 0.1], shade(coat, 0.5)
        )
    else:
        pen.oval(x, y + 0.05, 0.07, 0.06, coat)


def _head(
    pen: Pen, rng: np.random.Generator, b: Build, at: tuple[float, float], coat: Colour, muzzle_colour: Colour
) -> None:
    x, y = at
    r = b.head
    nose = (x + r * 0.75 + b.muzzle, y + r * 0.3 + rng.uniform(-0.02, 0.05))
    if b.antlers:
        for lean in (-0.1, 0.1):
            tip = (x - 0.1 + lean, y - 0.52)
            pen.line([(x - 0.02, y - r * 0.5), (x - 0.12 + lean, y - 0.3), tip], 0.035, (110, 84, 58))
            pen.line([(x - 0.1 + lean, y - 0.3), (x + 0.08 + lean, y - 0.42)], 0.03, (110, 84, 58))
    dark = shade(coat, 0.7)
    for shift, colour in ((-r * 0.1, dark), (-r * 0.55, coat)):
        ex, ey = x + shift, y - r * 0.75
        if b.ear == "round":
            pen.oval(ex, ey, b.ear_size, b.ear_size, colour)
            pen.oval(ex + 0.01, ey + 0.01, b.ear_size * 0.5, b.ear_size * 0.5, dark)
        else:
            s = b.ear_size
            pen.shape(
                [(ex - s * 0.5, ey + s * 0.45), (ex - s * 0.1, ey - s), (ex + s * 0.55, ey + s * 0.3)], colour
            )
    pen.oval(x, y, r, r * 0.95, coat)
    pen.limb([(x + r * 0.4, y + r * 0.25), nose], [r * 1.15, b.muzzle_width], muzzle_colour)
    pen.oval(nose[0] + b.muzzle_width * 0.3, nose[1] - b.muzzle_width * 0.15, 0.05, 0.045, (18, 16, 16))
    pen.oval(x + r * 0.35, y - r * 0.25, 0.035, 0.035, (16, 12, 10))
