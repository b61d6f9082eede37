"""Simulated streams: each shot one photograph of its label, each degradation at its share."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.tv import Sampler, default_world
from wolfdog.watch.world_memory.streams import LEAST, SimulatedStreams, log_of, show
from wolfdog.watch.world_memory.training_streams import StreamRanges, TrainingStreams
from world_banks import small_bank


def sources(log_p: np.ndarray, cuts: np.ndarray) -> list[set[tuple[int, int]]]:
    """For each shot of one stream, which photograph and degradation its frames can be of."""
    bank = small_bank()
    of_bank = {
        log_of(p).tobytes(): place[:2] for place in np.ndindex(60, 2, 2) for p in [bank.probabilities[place]]
    }
    starts = [*np.flatnonzero(cuts), len(cuts)]
    return [{of_bank[frame.tobytes()] for frame in log_p[start:stop]} for start, stop in pairwise(starts)]


def test_a_shot_is_one_photograph_of_its_label_in_one_degradation() -> None:
    bank, programme = small_bank(), Sampler(default_world(), 3, seed=1).draw(400)
    streams = show(bank, programme, seed=2)
    names = np.array(programme.world.labels)[programme.label]
    assert np.array_equal(np.array(bank.classes)[streams.labels], names)
    for n in range(3):
        shots = sources(streams.log_p[:, n], streams.cuts[:, n])
        assert all(len(shot) == 1 for shot in shots)
        photographs = np.array([next(iter(shot)) for shot in shots])
        assert np.array_equal(bank.labels[photographs[:, 0]], streams.labels[streams.cuts[:, n], n])
        assert np.array_equal(photographs[:, 1], streams.degradations[streams.cuts[:, n], n])
        assert len(set(map(tuple, photographs))) > len(shots) / 3
    assert np.array_equal(show(bank, programme, seed=2).log_p, streams.log_p)
    assert not np.array_equal(show(bank, programme, seed=3).log_p, streams.log_p)


def test_degradations_come_at_their_shares() -> None:
    programme = Sampler(default_world(), 8, seed=1).draw(2000)
    streams = show(small_bank(), programme, mix=[3, 1])
    assert 0.7 < (streams.degradations[streams.cuts] == 0).mean() < 0.8
    assert not show(small_bank(), programme, mix=[1, 0]).degradations.any()
    for mix in ([1.0], [0.0, 0.0], [-1.0, 2.0]):
        with pytest.raises(InputError, match="mix"):
            show(small_bank(), programme, mix=mix)


def test_a_label_without_photographs_is_named() -> None:
    bank = small_bank()
    with pytest.raises(InputError, match="bear"):
        show(bank.take(np.flatnonzero(bank.labels != 2)), Sampler(default_world()).draw(10))


def segment(**ranges: object) -> SimulatedStreams:
    source = TrainingStreams(
        small_bank(), default_world(), streams=24, frames=600, seed=3, pool=1200,
        ranges=StreamRanges(**ranges),  # type: ignore[arg-type]
    )  # fmt: skip
    return source.segment()


def test_streams_of_the_world_are_as_shown() -> None:
    streams = segment(as_world=1.0)
    assert np.allclose(streams.seconds[1:], 0.2)
    assert 6 < streams.cuts.size / streams.cuts.sum() < 10  # shots have 8 frames
    for n in range(5):
        assert all(len(shot) == 1 for shot in sources(streams.log_p[:, n], streams.cuts[:, n]))
    bears = (streams.labels == 2).any(0)
    assert not (bears & (streams.labels == 3).any(0)).all()


def test_varied_streams_have_longer_shots_other_times_and_noise() -> None:
    streams = segment(as_world=0.0, pace=(6.0, 8.0), fps=(10.0, 20.0))
    assert 35 < streams.cuts.size / streams.cuts.sum() < 75
    known = streams.seconds[1:, ~np.isnan(streams.seconds[1])]
    assert known.min() >= 1 / 20 - 1e-6
    assert known.max() <= 1 / 10 + 1e-6
    assert np.allclose(np.exp(streams.log_p).sum(-1), 1, atol=1e-3)
    assert streams.log_p.min() >= LEAST
    own = {log_of(p).tobytes() for p in small_bank().probabilities.reshape(-1, 5)}
    assert not any(frame.tobytes() in own for frame in streams.log_p[5])


def test_crops_stay_where_that_is_asked_for() -> None:
    quiet = {"as_world": 0.0, "noise": (0.0, 0.0), "change": (0.0, 0.0), "pace": (10.0, 12.0)}
    stays = segment(**quiet, same_crop=(0.99, 0.99))
    changes = segment(**quiet, same_crop=(0.0, 0.0))
    same = [(np.diff(s.log_p, axis=0) == 0).all(-1)[~s.cuts[1:]].mean() for s in (stays, changes)]
    assert same[0] > 0.95
    assert 0.3 < same[1] < 0.7  # two crops


def test_distractors_are_shown_as_the_class_that_they_are_of() -> None:
    bank = small_bank()
    strange = np.full((3, 2, 2, 5), 0.2, np.float32)  # no photograph of the bank is so
    others = replace(bank, labels=np.full(3, 4), probabilities=strange, clarity=None)
    quiet = {"noise": (0.0, 0.0), "shot_noise": (0.0, 0.0), "distracting": (0.5, 0.5)}
    shares = []
    for as_world in (0.0, 1.0):
        source = TrainingStreams(
            bank, default_world(), streams=24, frames=600, seed=3, pool=1200, distractors=others,
            ranges=StreamRanges(as_world=as_world, **quiet),
        )  # fmt: skip
        streams = source.segment()
        shown = np.ptp(streams.log_p, axis=-1) < 1e-3
        assert (streams.labels[shown] == 4).all()
        shares.append(shown[streams.labels == 4].mean())
    assert 0.4 < shares[0] < 0.6
    assert shares[1] == 0


def test_less_sure_classifiers_and_noise_of_shots() -> None:
    still = {"as_world": 0.0, "noise": (0.0, 0.0), "change": (0.0, 0.0), "same_crop": (0.999, 0.999)}
    still |= {"shot_noise": (0.0, 0.0), "sharpness": (1.0, 1.0)}
    plain, flat, noisy = (
        segment(**(still | more)) for more in ({}, {"sharpness": (0.4, 0.4)}, {"shot_noise": (1.0, 1.0)})
    )
    sure = [np.exp(streams.log_p.max(-1)).mean() for streams in (plain, flat)]
    assert sure[1] < sure[0] - 0.05
    changes = [(np.diff(s.log_p, axis=0) != 0).any(-1) for s in (plain, noisy)]
    assert changes[1][~noisy.cuts[1:]].mean() < 0.01 < changes[1].mean()
    own = {log_of(p).tobytes() for p in small_bank().probabilities.reshape(-1, 5)}
    assert not any(frame.tobytes() in own for frame in noisy.log_p[5])


def test_disorder_mixes_the_channels() -> None:
    ordered = segment(as_world=0.0, disorder=0.0, pace=(0.5, 0.6))
    mixed = segment(as_world=0.0, disorder=1.0, pace=(0.5, 0.6))

    def both(labels: np.ndarray) -> float:
        """Share of bears among bears and goldfish next to a wolf, before and after."""
        near = np.array(
            [[2 in labels[max(0, t - 40) : t, n] for n in range(labels.shape[1])] for t in range(len(labels))]
        )
        wolf = labels == 0
        fish = np.array(
            [[3 in labels[max(0, t - 40) : t, n] for n in range(labels.shape[1])] for t in range(len(labels))]
        )
        return float(near[wolf].sum() / max(1, near[wolf].sum() + fish[wolf].sum()))

    assert both(ordered.labels) > 0.85
    assert 0.3 < both(mixed.labels) < 0.7
