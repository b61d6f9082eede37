"""Backgrounds, drawn from one distribution for every channel, so that they carry no information about it."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from wolfdog.tv.pen import Colour, shade

Background = Callable[[np.random.Generator, int], Image.Image]


def _colour(rng: np.random.Generator, low: int = 60, high: int = 235) -> Colour:
    """Random colour, from grey to full saturation."""
    colour, strength = rng.uniform(low, high, 3), rng.uniform(0, 1)
    red, green, blue = (colour.mean() * (1 - strength) + colour * strength).astype(int).tolist()
    return red, green, blue


def _gradient(rng: np.random.Generator, size: int, top: Colour, bottom: Colour) -> Image.Image:
    t = np.linspace(0, 1, size)[:, None, None]
    rows = np.array(top) * (1 - t) + np.array(bottom) * t
    return Image.fromarray(np.broadcast_to(rows, (size, size, 3)).astype(np.uint8))


def hills(rng: np.random.Generator, size: int) -> Image.Image:
    """Sky over two or three ridges."""
    sky = _colour(rng, 120, 240)
    image = _gradient(rng, size, sky, shade(sky, 1.2))
    draw = ImageDraw.Draw(image)
    x = np.linspace(0, size, 24)
    for level in np.sort(rng.uniform(0.35, 0.85, int(rng.integers(2, 4)))):
        height, phase, waves = rng.uniform(0.03, 0.12), rng.uniform(0, 6.3), rng.uniform(1, 3)
        y = size * (level + height * np.sin(phase + waves * 6.3 * x / size))
        ridge = np.stack([x, y], 1).ravel().tolist()
        draw.polygon([0, size, *ridge, size, size], fill=_colour(rng, 50, 180))
    return image


def room(rng: np.random.Generator, size: int) -> Image.Image:
    """Wall, floor, and a picture or a window on the wall."""
    image = Image.new("RGB", (size, size), _colour(rng))
    draw = ImageDraw.Draw(image)
    floor = size * rng.uniform(0.6, 0.85)
    draw.rectangle([0, floor, size, size], fill=_colour(rng, 50, 180))
    for _ in range(int(rng.integers(1, 3))):
        x, y = size * rng.uniform(0.05, 0.7), size * rng.uniform(0.05, 0.3)
        w, h = size * rng.uniform(0.12, 0.3, 2)
        draw.rectangle(
            [x, y, x + w, y + h], fill=_colour(rng), outline=_colour(rng, 20, 120), width=max(1, size // 40)
        )
    return image


def stripes(rng: np.random.Generator, size: int) -> Image.Image:
    """Stripes of two colours, vertical or horizontal."""
    one = _colour(rng)
    image = Image.new("RGB", (size, size), one)
    draw = ImageDraw.Draw(image)
    other, width = shade(one, rng.uniform(0.7, 1.3)), int(size * rng.uniform(0.06, 0.2)) + 1
    upright = rng.random() < 0.5
    for start in range(int(rng.integers(width)), size, 2 * width):
        box = [start, 0, start + width, size] if upright else [0, start, size, start + width]
        draw.rectangle(box, fill=other)
    return image


def tiles(rng: np.random.Generator, size: int) -> Image.Image:
    """Chequered wall."""
    cells = int(rng.integers(4, 10))
    one = _colour(rng)
    two = shade(one, rng.uniform(0.75, 1.25))
    board = np.indices((cells, cells)).sum(0)[..., None] % 2
    pattern = np.where(board == 0, np.array(one), np.array(two)).astype(np.uint8)
    return Image.fromarray(pattern).resize((size, size), Image.Resampling.NEAREST)


def clouds(rng: np.random.Generator, size: int) -> Image.Image:
    """Smooth noise between two colours."""
    cells = int(rng.integers(4, 14))
    t = rng.random((cells, cells, 1))
    one, two = np.array(_colour(rng, 40, 230)), np.array(_colour(rng, 40, 230))
    noise = (one * (1 - t) + two * t).astype(np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


def gradient(rng: np.random.Generator, size: int) -> Image.Image:
    """Vertical gradient from one colour to another."""
    return _gradient(rng, size, _colour(rng), _colour(rng))


def street(rng: np.random.Generator, size: int) -> Image.Image:
    """Row of houses with windows, and a road."""
    image = Image.new("RGB", (size, size), _colour(rng, 120, 240))
    draw = ImageDraw.Draw(image)
    x = 0.0
    while x < size:
        width, top = size * rng.uniform(0.18, 0.32), size * rng.uniform(0.1, 0.4)
        wall = _colour(rng, 70, 200)
        draw.rectangle([x, top, x + width, size], fill=wall)
        for wy in np.arange(top + size * 0.05, size * 0.7, size * 0.15):
            for wx in (x + width * 0.2, x + width * 0.6):
                draw.rectangle([wx, wy, wx + width * 0.2, wy + size * 0.07], fill=shade(wall, 1.4))
        x += width
    draw.rectangle([0, size * 0.8, size, size], fill=(90, 90, 94))
    return image


def wood(rng: np.random.Generator, size: int) -> Image.Image:
    """Tree trunks in front of a dim background."""
    ground = _colour(rng, 40, 160)
    image = _gradient(rng, size, shade(ground, 1.3), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 10))):
        x, width = size * rng.uniform(-0.05, 1), size * rng.uniform(0.03, 0.09)
        draw.rectangle(
            [x, 0, x + width, size * rng.uniform(0.7, 1)], fill=shade(ground, rng.uniform(0.5, 0.9))
        )
    return image


def shelves(rng: np.random.Generator, size: int) -> Image.Image:
    """Shelves full of books."""
    back = _colour(rng, 60, 140)
    image = Image.new("RGB", (size, size), back)
    draw = ImageDraw.Draw(image)
    rows = int(rng.integers(2, 4))
    for row in range(rows):
        bottom, x = size * (row + 1) / rows, 0.0
        while x < size:
            width, height = size * rng.uniform(0.04, 0.1), size / rows * rng.uniform(0.5, 0.85)
            draw.rectangle([x, bottom - height, x + width, bottom], fill=_colour(rng, 50, 210))
            x += width
        draw.rectangle([0, bottom - size * 0.03, size, bottom], fill=shade(back, 0.6))
    return image


BACKGROUNDS: tuple[Background, ...] = (
    hills, room, stripes, tiles, clouds, gradient, street, wood, shelves,
)  # fmt: skip


def draw_background(rng: np.random.Generator, size: int) -> Image.Image:
    """Background of a random kind, all kinds equally likely.

    Args:
        rng: Source of random numbers.
        size: Pixels of a side.

    Returns:
        The image, `size` by `size` pixels.
    """
    return BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))](rng, size)
