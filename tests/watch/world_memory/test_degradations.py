"""Degradations: what each takes from an image."""

import numpy as np
import pytest

from wolfdog.errors import InputError, ShapeError
from wolfdog.watch.world_memory.degradations import DEGRADATIONS, degrade


@pytest.fixture
def image() -> np.ndarray:
    """Stripes of colours, bright."""
    pixels = np.random.default_rng(0).integers(100, 256, (12, 16, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.repeat(np.repeat(pixels, 8, 0), 8, 1))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_the_same_seed_and_frame_give_the_same_image(name: str, image: np.ndarray) -> None:
    before = image.copy()
    first, again = (degrade(image, name, 0.7, seed=3, frame=2) for _ in range(2))
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(image, before)
    assert np.array_equal(first, image) == (name == "clean")


@pytest.mark.parametrize("name", [name for name in DEGRADATIONS if name not in ("clean", "hidden")])
def test_a_higher_severity_takes_more(name: str, image: np.ndarray) -> None:
    little, much = (degrade(image, name, severity).astype(float) for severity in (0.0, 1.0))
    distance = [np.abs(one - image).mean() for one in (little, much)]
    assert distance[0] < distance[1]


def test_night_is_grey_and_dark_and_its_noise_changes(image: np.ndarray) -> None:
    night, next_night = (degrade(image, "night", 1.0, frame=frame) for frame in (0, 1))
    assert np.ptp(night, axis=2).max() == 0
    assert night.mean() < 0.45 * image.mean()
    assert not np.array_equal(night, next_night)


def test_small_has_few_different_pixels(image: np.ndarray) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    smoothed = degrade(noise, "small", 1.0)
    assert (
        np.abs(np.diff(smoothed.astype(int), axis=1)).mean()
        < np.abs(np.diff(noise.astype(int), axis=1)).mean() / 4
    )


def test_motion_blurs_along_one_line_that_stays() -> None:
    dot = np.zeros((65, 65, 3), np.uint8)
    dot[32, 32] = 255
    blurred = [degrade(dot, "motion-blur", 1.0, seed=5, frame=frame) for frame in (0, 9)]
    assert np.array_equal(*blurred)
    rows, columns = np.nonzero(blurred[0][..., 0])
    assert len(rows) >= 8  # a line of 13 pixels
    spread = np.linalg.svd(np.stack([rows, columns], 1) - [32, 32], compute_uv=False)
    assert spread[1] < 0.2 * spread[0]


@pytest.mark.parametrize(("severity", "share"), [(0.0, 0.35), (1.0, 0.6)])
def test_hidden_covers_a_share_of_the_width_on_one_side(
    severity: float, share: float, image: np.ndarray
) -> None:
    hidden = degrade(image, "hidden", severity, seed=1)
    touched = (hidden != image).any((0, 2))
    assert touched.sum() == round(share * image.shape[1])
    assert touched[0] != touched[-1]
    assert (np.diff(touched.astype(int)) != 0).sum() == 1


def test_images_of_any_size_are_taken() -> None:
    for name in DEGRADATIONS:
        assert degrade(np.full((1, 1, 3), 9, np.uint8), name, 1.0).shape == (1, 1, 3)
        assert degrade(np.full((7, 90, 3), 9, np.uint8), name, 1.0).shape == (7, 90, 3)


def test_what_cannot_be_is_refused(image: np.ndarray) -> None:
    with pytest.raises(InputError, match="fog"):
        degrade(image, "fog")
    with pytest.raises(InputError, match="severity"):
        degrade(image, "night", 1.5)
    with pytest.raises(ShapeError, match="uint8"):
        degrade(image.astype(float), "night")  # type: ignore[arg-type]
