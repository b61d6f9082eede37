"""Cropping and scaling: shapes, places and proportions."""

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.errors import InputError
from wolfdog.watch.classifiers.preprocessing import Crop, Image, Preprocessing

CROPS: tuple[Crop, ...] = ("centre", "squeeze", "letterbox")


def thirds(height: int = 60, width: int = 180) -> Image:
    """Red, green and blue, from left to right."""
    frame = np.zeros((height, width, 3), np.uint8)
    for i in range(3):
        frame[:, i * width // 3 : (i + 1) * width // 3, i] = 200
    return frame


@given(
    st.sampled_from(CROPS), st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90),
    st.floats(0.1, 1.0),
)  # fmt: skip
def test_every_shape_becomes_the_size_of_the_network(
    crop: Crop, height: int, width: int, h: int, w: int, part: float
) -> None:
    grey = np.full((2, h, w, 3), 127, np.uint8)
    images = Preprocessing(height, width, crop, part).images(grey)
    assert images.shape == (2, height, width, 3)
    assert (images == 127).all()


def test_centre_takes_the_middle() -> None:
    image = Preprocessing(30, 30, "centre").image(thirds())
    assert image[:, 2:-2].reshape(-1, 3).mean(0) == pytest.approx([0, 200, 0], abs=2)


def test_a_part_of_the_centre_is_nearer() -> None:
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[16:48, 16:48] = 200
    assert Preprocessing(32, 32, "centre", 0.5).image(frame)[2:-2, 2:-2].min() > 190


def test_squeeze_keeps_all() -> None:
    image = Preprocessing(30, 30, "squeeze").image(thirds())
    assert [image[15, x].argmax() for x in (3, 15, 26)] == [0, 1, 2]


def test_letterbox_keeps_all_between_bars() -> None:
    image = Preprocessing(30, 30, "letterbox").image(thirds())
    assert (image[:9] == Preprocessing.GREY).all()
    assert (image[21:] == Preprocessing.GREY).all()
    assert [image[15, x].argmax() for x in (3, 15, 26)] == [0, 1, 2]


def test_a_box_at_the_edge_may_be_rounded_outside() -> None:
    frame = np.full((300, 500, 3), 127, np.uint8)
    for part in np.linspace(0.05, 1, 200):
        assert (Preprocessing(224, 224, "centre", part).image(frame) == 127).all()
    assert (Preprocessing(8, 8).whole(frame, (-1e-9, -1e-9, 500 + 1e-9, 300)) == 127).all()


def test_a_box_is_what_is_looked_at() -> None:
    image = Preprocessing(16, 16, "centre", 0.5).whole(thirds(), (125, 5, 175, 55))
    assert (image[..., 2] > 190).all()
    assert (image[..., :2] < 10).all()


def test_frames_of_the_right_size_pass_unchanged() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 24, 20, 3), np.uint8)
    np.testing.assert_array_equal(Preprocessing(24, 20, "centre", 0.5).images(frames), frames)


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("shape", [(64, 200), (200, 64), (64, 64)])
def test_video_frames_agree_with_arrays(crop: Crop, shape: tuple[int, int]) -> None:
    y, x = np.mgrid[: shape[0], : shape[1]]
    smooth = np.stack([y * 255 // shape[0], x * 255 // shape[1], np.full_like(x, 90)], -1).astype(np.uint8)
    preprocessing = Preprocessing(32, 32, crop, 0.875)
    frame = av.VideoFrame.from_ndarray(smooth, format="rgb24")
    got = preprocessing.video_frame(frame, VideoReformatter())
    difference = np.abs(got.astype(int) - preprocessing.image(smooth))
    assert difference[2:-2, 2:-2].max() <= 12  # libswscale and Pillow weigh pixels differently
    assert difference.mean() < 4


def test_wide_pixels_widen_the_frame() -> None:
    frame = av.VideoFrame.from_ndarray(thirds(60, 60), format="rgb24")
    image = Preprocessing(30, 30, "letterbox").video_frame(frame, VideoReformatter(), pixel_aspect=3.0)
    assert (image[:9] == Preprocessing.GREY).all()


@pytest.mark.parametrize(
    ("height", "crop", "part", "message"),
    [(0, "centre", 1.0, "1 x 1 or larger"), (8, "zoom", 1.0, "one of centre"), (8, "centre", 0.0, "above 0")],
)
def test_nonsense_is_refused(height: int, crop: Crop, part: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Preprocessing(height, 8, crop, part)
