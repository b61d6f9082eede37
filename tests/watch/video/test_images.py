"""Still pictures: read upright, with their times, or refused in one message."""

import warnings

import numpy as np
import pytest
from PIL import Image

from watch_cards import BLUE, RED, picture, quarters
from wolfdog.errors import MediaError
from wolfdog.watch.video import images
from wolfdog.watch.video.footage import open_footage, open_frames
from wolfdog.watch.video.images import StillPicture, image_dates, is_image
from wolfdog.watch.video.sampling import Rate


def shown(path, size=16):
    with open_frames(path, size, Rate(5.0)) as (frames, source):
        assert source is None
        [frame] = frames
    assert (frame.index, frame.time, frame.duration) == (0, 0.0, 0.0)
    return frame.image


@pytest.mark.parametrize("ending", ["jpg", "PNG", "webp", "bmp", "tif"])
def test_a_picture_is_one_frame(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (64, 48), BLUE).save(path)
    assert is_image(path)
    assert np.abs(shown(path).astype(int) - BLUE).max() < 8


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK", "I;16"])
def test_other_kinds_of_pixels_become_colours(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I;16") else "a.png")
    grey = np.linspace(0, 255, 64).astype(np.uint8)[None].repeat(48, 0)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(grey).convert("RGB").convert(mode)
    image.save(path)
    small = shown(path).mean((0, 2))
    assert small[0] < 60
    assert small[-1] > 190


@pytest.mark.parametrize(
    ("orientation", "how"),
    [(1, lambda p: p), (2, np.fliplr), (3, lambda p: np.rot90(p, 2)), (4, np.flipud),
     (5, lambda p: p.swapaxes(0, 1)), (6, lambda p: np.rot90(p, -1)), (7, lambda p: np.rot90(p, 2).swapaxes(0, 1)),
     (8, np.rot90)],
)  # fmt: skip
def test_the_orientation_of_exif_is_carried_out(tmp_path, orientation, how):
    image = Image.fromarray(quarters())
    exif = image.getexif()
    exif[274] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(shown(tmp_path / "a.png", 64), how(quarters()))


def test_a_large_jpeg_is_reduced_while_it_is_decoded(tmp_path):
    path = picture(tmp_path / "a.jpg", size=(4000, 3000))
    [frame] = StillPicture(path)
    assert 1024 <= frame.image.width <= 2048


def test_pixels_are_read_only_for_a_frame(tmp_path, monkeypatch):
    path, decoded = picture(tmp_path / "a.jpg"), []
    whole = images._as_rgb
    monkeypatch.setattr(images, "_as_rgb", lambda image: decoded.append(1) or whole(image))
    with open_footage(path) as footage:
        assert decoded == []
        assert len(list(footage.decoding)) == len(decoded) == 1


def test_dates_and_offsets_of_exif(tmp_path):
    path = picture(tmp_path / "a.jpg", date="2021:05:31 08:25:38", offset="+02:00")
    assert image_dates(path) == ("2021:05:31 08:25:38", "+02:00")
    assert image_dates(picture(tmp_path / "b.jpg")) == ("", "")
    image, exif = Image.new("RGB", (8, 8)), Image.Exif()
    exif[306] = "2020:01:02 03:04:05"
    image.save(tmp_path / "c.jpg", exif=exif)
    assert image_dates(tmp_path / "c.jpg") == ("2020:01:02 03:04:05", "")


def bad_pictures(folder):
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("a wolf, not a dog")
    (folder / "folder.jpg").mkdir()
    whole = picture(folder / "whole.jpg", size=(400, 300))
    (folder / "cut.jpg").write_bytes(whole.read_bytes()[:900])
    (folder / "cut.png").write_bytes(picture(folder / "whole.png", size=(400, 300)).read_bytes()[:200])


def test_a_bad_picture_is_one_clear_message(tmp_path):
    bad_pictures(tmp_path)
    for name, what in {
        "missing.jpg": "no such file", "empty.jpg": "empty", "text.jpg": "not a picture", "folder.jpg": "a folder",
        "cut.jpg": "not a picture, or damaged", "cut.png": "not a picture, or damaged",
    }.items():  # fmt: skip
        with pytest.raises(MediaError, match=what) as caught:
            list(StillPicture(tmp_path / name))
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "a.png"
    Image.new("1", (30_000, 30_000)).save(path)
    assert path.stat().st_size < 1_000_000
    with (
        warnings.catch_warnings(),
        pytest.raises(MediaError, match="30000 x 30000, more than the 100,000,000 pixels"),
    ):
        StillPicture(path)
    small = picture(tmp_path / "b.png", RED, size=(10, 10))
    with pytest.raises(MediaError, match="more than the 99 pixels"), open_footage(small, max_pixels=99):
        pass
    with open_footage(small, max_pixels=100) as footage:
        assert len(list(footage.decoding)) == 1
