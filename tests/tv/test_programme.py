import numpy as np
import pytest

from tv_cases import CASES
from wolfdog.tv import Sampler, default_world

BUCKETS = ((1, 10), (10, 30), (30, 100), (100, 300), (300, 1000))


@pytest.fixture(scope="module", params=CASES)
def programme(request):
    return Sampler(CASES[request.param](), streams=4, seed=2).draw(300)


def test_gaps_are_counted_from_the_last_informative_frame(programme):
    world = programme.world
    for stream in range(programme.streams):
        since = -1
        for t in range(programme.frames):
            if world.labels[programme.label[t, stream]] in world.informative_labels:
                since = 0
            elif since >= 0:
                since += 1
            assert programme.gap[t, stream] == since


def test_looks_and_ambiguity_follow_from_labels(programme):
    world = programme.world
    for label, look, ambiguous in zip(
        programme.label.flat, programme.look.flat, programme.ambiguous.flat, strict=True
    ):
        name = world.labels[label]
        assert world.look_names[look] == world.look(name)
        assert ambiguous == (name in world.ambiguous_labels)


def test_shots_cover_the_programme(programme):
    for stream in range(programme.streams):
        shots = programme.shots(stream)
        assert [shot.start for shot in shots] == [0, *(shot.stop for shot in shots[:-1])]
        assert shots[-1].stop == programme.frames
        for shot in shots:
            inside = slice(shot.start, shot.stop)
            assert {programme.world.labels[i] for i in programme.label[inside, stream]} == {shot.label}
            assert {programme.world.channels[i].name for i in programme.channel[inside, stream]} == {
                shot.channel
            }
            assert len(set(programme.shot[inside, stream])) == 1
            assert np.array_equal(np.diff(programme.age[inside, stream]), np.ones(shot.stop - shot.start - 1))


def test_one_stream_alone_is_the_same(programme):
    alone = programme.alone(2)
    assert alone.first_stream == 2
    assert alone.streams == 1
    assert alone.shots(0) == programme.shots(2)
    assert np.array_equal(alone.gap[:, 0], programme.gap[:, 2])


def test_no_frames_have_no_shots():
    assert Sampler(default_world()).draw(0).shots() == []


def test_every_gap_length_has_its_share_of_ambiguous_moments():
    programme = Sampler(default_world(), streams=64, seed=0).draw(20_000)
    gaps = programme.gap[programme.ambiguous]
    gaps = gaps[gaps >= 0]
    shares = [np.mean((gaps >= low) & (gaps < high)) for low, high in BUCKETS]
    assert min(shares) > 0.08
    assert np.mean(gaps >= 1000) < 0.06
