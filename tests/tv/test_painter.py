import time

import numpy as np
import pytest

from tv_cases import CASES, three_channels
from wolfdog.errors import InputError, WorldError
from wolfdog.tv import Channel, Pace, Painter, Sampler, World, default_world
from wolfdog.tv.backgrounds import BACKGROUNDS
from wolfdog.tv.clutter import DRAWABLE, THINGS
from wolfdog.tv.painter import FINER, TINT, kinds_of_unknown
from wolfdog.tv.pen import Pen
from wolfdog.tv.sheet import write_sheet


def _painted(programme, stream=0, **arguments):
    return np.stack(list(Painter(**arguments).frames(programme, stream)))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [16, 64, 130])
def test_frames_are_pictures_of_the_size_asked_for(name, size):
    frames = _painted(Sampler(CASES[name](), seed=1).draw(20), size=size)
    assert frames.shape == (20, size, size, 3)
    assert frames.dtype == np.uint8
    assert frames.std(axis=(1, 2, 3)).min() > 3  # something is to be seen


def test_the_same_seed_paints_the_same_and_another_does_not():
    programme = Sampler(default_world(), streams=2, seed=1).draw(60)
    frames = _painted(programme)
    assert np.array_equal(frames, _painted(programme))
    assert not np.array_equal(frames, _painted(programme, seed=1))
    assert not np.array_equal(frames, _painted(programme, stream=1))


def test_chunks_and_streams_alone_are_painted_as_the_whole():
    sampler = Sampler(default_world(), streams=3, seed=7)
    parts = [_painted(sampler.draw(frames), stream=2) for frames in (13, 40, 7)]
    whole = Sampler(default_world(), streams=3, seed=7).draw(60)
    assert np.array_equal(np.concatenate(parts), _painted(whole, stream=2))
    assert np.array_equal(_painted(whole.alone(2)), _painted(whole, stream=2))


def test_pictures_move_within_a_shot_and_change_at_a_cut():
    programme = Sampler(default_world(), seed=0).draw(200)
    frames = _painted(programme).astype(int)
    change = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    cut = np.diff(programme.shot[:, 0]) > 0
    assert change.min() > 0
    assert change[cut].mean() > 3 * change[~cut].mean()


def test_wolves_and_dogs_are_painted_alike():
    world, painter = default_world(), Painter()
    wolf, dog = (
        [painter.scene(world, label, np.random.default_rng(seed)).at(3) for seed in range(5)]
        for label in ("wolf", "dog")
    )
    assert np.array_equal(wolf, dog)


def test_the_channel_does_not_show_in_the_background():
    programme = Sampler(default_world().with_(switch_every=300), streams=1, seed=3).draw(6000)
    unknown = programme.label[:, 0] == programme.world.labels.index("unknown")
    first = programme.age[:, 0] == 0
    brightness = _painted(programme, size=16).mean(axis=(1, 2, 3))
    means = [brightness[unknown & first & (programme.channel[:, 0] == channel)] for channel in (0, 1)]
    spread = sum(values.var() / len(values) for values in means) ** 0.5
    assert abs(means[0].mean() - means[1].mean()) < 4 * spread


@pytest.mark.parametrize("look", DRAWABLE)
def test_everything_drawable_fills_its_square_and_varies(look):
    pictures = []
    for seed in range(6):
        pen = Pen(64 * FINER, tint=TINT)
        DRAWABLE[look](pen, np.random.default_rng(seed))
        pictures.append(np.asarray(pen.image))
    covered = np.mean([picture[..., 3] > 0 for picture in pictures])
    assert 0.08 < covered < 0.9
    assert len({picture.tobytes() for picture in pictures}) == 6


@pytest.mark.parametrize("background", BACKGROUNDS, ids=lambda background: background.__name__)
def test_backgrounds_fill_the_frame(background):
    for seed in range(5):
        image = background(np.random.default_rng(seed), 80)
        assert image.size == (80, 80)
        assert image.mode == "RGB"


def test_unknown_is_many_things_and_none_of_the_worlds_own():
    assert len(kinds_of_unknown(default_world())) >= 12
    assert "car" in THINGS
    world = World("cars", (Channel("a", 9, {"car": 1}, {"bird": 1, "unknown": 1}),), (Pace("p", 0.5),))
    assert not {"car", "bird"} & set(kinds_of_unknown(world))
    assert list(Painter().frames(Sampler(world).draw(5)))


def test_a_look_nobody_can_draw_is_refused_with_the_choices():
    world = World("x", (Channel("a", 9, {"unicorn": 1}, {"unknown": 1}),), (Pace("p", 0.5),))
    with pytest.raises(WorldError, match=r"'unicorn'.*bear.*goldfish"):
        next(Painter().frames(Sampler(world).draw(1)))
    all_of_it = dict.fromkeys((*THINGS, "bird"), 1.0)
    with pytest.raises(WorldError, match="none is left"):
        Painter().check(World("x", (Channel("a", 9, all_of_it, {"unknown": 1}),), (Pace("p", 0.5),)))


@pytest.mark.parametrize("arguments", [{"size": 0}, {"size": 63}, {"size": 5000}, {"seed": -1}])
def test_arguments_that_cannot_be_used_are_refused(arguments):
    with pytest.raises(InputError):
        Painter(**arguments)


def test_a_contact_sheet_has_a_row_for_each_label(tmp_path):
    from PIL import Image

    write_sheet(tmp_path / "sheet.png", three_channels(), Painter(16), columns=3)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 36 - 4, len(three_channels().labels) * 36 - 4)
    with pytest.raises(InputError, match=r"\.png"):
        write_sheet(tmp_path / "sheet.bmp", three_channels(), Painter())


def test_painting_is_fast():
    programme = Sampler(default_world(), seed=0).draw(200)
    best = min(_seconds(programme) for _ in range(3))
    assert best / 200 < 0.01  # about 0.4 ms when the machine has nothing else to do


def _seconds(programme):
    start = time.process_time()  # what others on the machine do does not count
    for _ in Painter().frames(programme):
        pass
    return time.process_time() - start
