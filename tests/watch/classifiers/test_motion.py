"""Motion before a still camera: where it is found and where it is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.watch.classifiers.motion import MotionOptions, MotionRegions, _touching

OPTIONS = MotionOptions(seconds=3.0, samples=9)


def scene(seed: int = 0) -> NDArray[np.uint8]:
    """A still picture with structure."""
    return np.random.default_rng(seed).integers(40, 200, (90, 160)).astype(np.uint8)


def with_square(picture: NDArray[np.uint8], x: int, y: int, size: int = 12) -> NDArray[np.uint8]:
    shown = picture.copy()
    shown[y : y + size, x : x + size] = np.where(picture[y : y + size, x : x + size] > 120, 20, 230)
    return shown


def watched(pictures: list[NDArray[np.uint8]], rate: float = 5.0) -> list[list[tuple[float, ...]]]:
    motion = MotionRegions(OPTIONS)
    return [motion.regions(picture, i / rate) for i, picture in enumerate(pictures)]


def test_a_walker_is_boxed() -> None:
    found = watched([scene()] * 20 + [with_square(scene(), 10 + 6 * i, 40) for i in range(20)])
    assert not any(found[:20])
    for i in range(20):
        [(left, top, right, bottom)] = found[20 + i]
        assert left * 160 == pytest.approx(10 + 6 * i, abs=5)
        assert right * 160 == pytest.approx(22 + 6 * i, abs=5)
        assert (top * 90, bottom * 90) == (pytest.approx(40, abs=5), pytest.approx(52, abs=5))


def test_two_walkers_are_boxed_apart_the_larger_first() -> None:
    both = with_square(with_square(scene(), 10, 20, 10), 100, 50, 20)
    [large, small] = watched([scene()] * 20 + [both])[-1]
    assert large[0] * 160 == pytest.approx(100, abs=5)
    assert small[0] * 160 == pytest.approx(10, abs=5)


def test_noise_moves_nothing() -> None:
    rng = np.random.default_rng(1)
    noisy = [(scene() + rng.normal(0, 12, (90, 160))).clip(0, 255).astype(np.uint8) for _ in range(40)]
    assert not any(watched(noisy))


def test_a_camera_that_turns_has_no_regions() -> None:
    wide = np.random.default_rng(2).integers(40, 200, (90, 400)).astype(np.uint8)
    assert not any(watched([wide[:, 5 * i : 5 * i + 160] for i in range(40)]))


def test_what_stands_still_becomes_background() -> None:
    found = watched([scene()] * 20 + [with_square(scene(), 60, 40)] * 40)
    assert all(found[20:24])
    assert not any(found[-10:])


def test_nothing_is_found_before_the_median_is_known() -> None:
    assert watched([scene(), with_square(scene(), 60, 40)]) == [[], []]


def test_another_size_begins_anew() -> None:
    motion = MotionRegions(OPTIONS)
    for i in range(20):
        motion.regions(scene(), i / 5)
    assert motion.regions(scene()[:60, :100], 5.0) == []
    assert motion.regions(with_square(scene(), 60, 40), 6.0) == []


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 20))
def test_groups_of_cells(rows: int, columns: int, seed: int) -> None:
    cells = np.random.default_rng(seed).random((rows, columns)) < 0.25
    groups = _touching(cells)
    assert sorted(tuple(cell) for group in groups for cell in group.tolist()) == [
        tuple(cell) for cell in np.argwhere(cells).tolist()
    ]
    for i, one in enumerate(groups):
        for other in groups[i + 1 :]:
            distance = np.abs(one[:, None] - other[None]).max(-1)
            assert distance.min() > 2


@pytest.mark.parametrize(
    "options", [{"samples": 2}, {"seconds": 0}, {"regions": 0}, {"most": 0}, {"least": 0}]
)
def test_nonsense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="3 samples or more"):
        MotionOptions(**options)  # type: ignore[arg-type]
