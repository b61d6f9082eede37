"""Clarity of pictures: high for pictures with the detail of photographs, low for blurred, noisy and dark ones."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from wolfdog.watch.classifiers.clarity import clarity
from wolfdog.watch.world_memory.degradations import degrade


def photograph(seed: int, side: int = 224, exponent: float = 1.5) -> np.ndarray:
    """Coloured noise whose amplitudes fall with the frequency as those of edges do."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)) + 1 / side
    spectrum = np.fft.rfft2(rng.normal(size=(side, side, 3)), axes=(0, 1)) / frequency[..., None] ** exponent
    image = np.fft.irfft2(spectrum, (side, side), axes=(0, 1))
    return np.clip(115 + 45 * image / image.std(), 0, 255).astype(np.uint8)


def of(image: np.ndarray) -> float:
    return float(clarity(image[None])[0])


@pytest.mark.parametrize("exponent", [1.4, 1.6])
def test_sharp_pictures_are_clear(exponent: float) -> None:
    assert (clarity(np.stack([photograph(seed, exponent=exponent) for seed in range(4)])) > 0.9).all()


@pytest.mark.parametrize("name", ["small", "out-of-focus", "night"])
@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_degraded_pictures_are_not(name: str, severity: float) -> None:
    assert of(degrade(photograph(1), name, severity, seed=3)) < 0.2


def test_motion_along_one_axis_is_seen() -> None:
    image = Image.fromarray(photograph(2))
    moved = np.asarray(image.filter(ImageFilter.BoxBlur((12, 0))))
    assert of(moved) < 0.2


def test_dark_pictures_are_not_clear() -> None:
    assert of(photograph(3) // 16) == 0
    assert of(np.zeros((64, 64, 3), np.uint8)) == 0


def test_odd_sizes_and_no_pictures() -> None:
    assert of(photograph(4)[:31, :45]) > 0.5
    assert clarity(np.empty((0, 32, 32, 3), np.uint8)).shape == (0,)
    assert np.isnan(clarity(np.zeros((2, 5, 40, 3), np.uint8))).all()


def test_pictures_are_judged_one_by_one() -> None:
    pictures = np.stack([photograph(5), degrade(photograph(5), "small", 0.5)])
    np.testing.assert_array_equal(
        clarity(pictures), np.concatenate([clarity(pictures[:1]), clarity(pictures[1:])])
    )
