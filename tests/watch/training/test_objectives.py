import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from watch_moments import moment
from watch_reels import painted, single
from wolfdog.errors import InputError, MediaError
from wolfdog.labels import LabelSpan
from wolfdog.watch.data.labelled_media import classes_of
from wolfdog.watch.data.labelled_video import (
    UNLABELLED,
    embed_video,
    read_labelled_video,
    read_labelled_videos,
)
from wolfdog.watch.data.video_streams import VideoStreams
from wolfdog.watch.model.context import Context
from wolfdog.watch.model.frame_classifier import FrameClassifier
from wolfdog.watch.output import thinned_moments
from wolfdog.watch.training.halves import halves
from wolfdog.watch.training.objectives import ContextObjective, FrameObjective, halved, vary
from wolfdog.watch.training.settings import FrameClassifierTraining
from wolfdog.watch.video.media import Medium


class Noted(torch.nn.Module):
    """A frame classifier that notes the frames it is shown, by their darkest pixel."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, frames):
        self.shown += frames.amin((1, 2, 3)).tolist()
        return None, torch.zeros(len(frames), 3)


def test_every_class_is_shown_as_often_and_nothing_unlabelled():
    labels = np.array([0] * 90 + [1] * 9 + [2] + [UNLABELLED] * 20)
    grey = np.where(labels == UNLABELLED, 200, 20 + 40 * np.maximum(labels, 0)).astype(np.uint8)
    events = np.broadcast_to(grey[:, None, None, None], (120, 16, 16, 3))
    video = single(labels)
    video = type(video)(
        video.name, video.times, video.labels, video.spans, video.looks, np.ascontiguousarray(events)
    )
    frame_classifier = Noted()
    objective = FrameObjective(frame_classifier, [video], batch=3000, seed=0)
    assert float(objective.loss(0.0)) == pytest.approx(np.log(3))
    shown = np.digitize(
        frame_classifier.shown, [35, 75, 130]
    )  # lit from 0.8 to 1.2 times: 20, 60 and 100 stay apart
    np.testing.assert_allclose(np.bincount(shown, minlength=4) / 3000, [1 / 3, 1 / 3, 1 / 3, 0], atol=0.04)


def test_without_labels_there_is_nothing_to_see():
    with pytest.raises(InputError, match="no frame of the footage has a label"):
        FrameObjective(FrameClassifier(2), [single([UNLABELLED] * 3)], 2, 0)


@pytest.mark.parametrize(("side", "early"), [(64, 32), (32, 16), (16, 16)])
def test_early_frames_are_halved_where_they_are_large_enough(side, early):
    class Sized(Noted):
        def forward(self, frames):
            assert frames.dtype is torch.uint8
            self.shown.append(tuple(frames.shape))
            return None, torch.zeros(len(frames), 3)

    frame_classifier = Sized()
    objective = FrameObjective(frame_classifier, [painted(size=side)], batch=2, seed=0, coarse=0.5)
    for progress in (0.0, 0.49, 0.5, 0.99):
        objective.loss(progress)
    assert frame_classifier.shown == [(2, early, early, 3)] * 2 + [(2, side, side, 3)] * 2


def test_half_a_frame_is_the_mean_of_every_four_pixels():
    frames = torch.randint(0, 256, (3, 32, 64, 3), dtype=torch.uint8, generator=torch.manual_seed(0))
    expected = frames.numpy().reshape(3, 16, 2, 32, 2, 3).mean((2, 4))
    np.testing.assert_allclose(halved(frames).numpy(), expected, atol=0.5)


def test_bfloat16_convolutions_give_nearly_the_same_loss_and_gradients():
    def loss_and_gradients(precision):
        torch.manual_seed(0)
        classifier = FrameClassifier(3, width=4, embedding=8).train()
        loss = FrameObjective(classifier, [painted()], batch=16, seed=0, precision=precision).loss(0.0)
        loss.backward()
        return loss.detach(), torch.cat([parameter.grad.flatten() for parameter in classifier.parameters()])

    (loss, gradients), (reduced_loss, reduced) = map(loss_and_gradients, ("float32", "bfloat16"))
    assert loss.dtype is reduced_loss.dtype is torch.float32
    assert float(reduced_loss) == pytest.approx(float(loss), rel=0.05)
    assert 0 < float((reduced - gradients).norm()) < 0.2 * float(gradients.norm())


def test_the_precision_of_the_training_is_part_of_its_checkpoint():
    assert FrameClassifierTraining(precision="bfloat16").identity()["precision"] == "bfloat16"
    with pytest.raises(InputError, match="precision"):
        FrameClassifierTraining(precision="float8")


@pytest.mark.parametrize("coarse", [-0.1, 1.0, float("nan")])
def test_an_eye_is_taught_on_whole_frames_in_the_end(coarse):
    with pytest.raises(InputError, match="coarse"):
        FrameClassifierTraining(coarse=coarse)


def test_variations_move_mirror_and_light():
    ramp = np.zeros((400, 32, 32, 3), np.uint8)
    ramp[:, 8:24, 4:12] = 100
    varied = vary(torch.from_numpy(ramp), np.random.default_rng(0)).numpy()
    lit = varied.max((1, 2, 3)) / 100
    assert 0.79 <= lit.min() < 0.85
    assert 1.15 < lit.max() <= 1.2
    assert (
        varied[:, 8:24, 4:12].mean((1, 2, 3)) < varied[:, 8:24, 20:28].mean((1, 2, 3))
    ).mean() == pytest.approx(0.5, abs=0.1)
    tops = (varied.max((2, 3)) > 0).argmax(1)
    assert set(tops) == {6, 7, 8, 9, 10}
    assert np.array_equal(ramp[0], ramp[1])


@pytest.mark.parametrize("unlabelled", [(2, 3, 4, 11), tuple(range(12))])
def test_unlabelled_moments_do_not_count(unlabelled):
    labels = np.arange(12) % 3
    labels[list(unlabelled)] = UNLABELLED
    torch.manual_seed(0)
    context = Context("elman", 3, embedding=1, hidden=4)
    objective = ContextObjective(
        context, VideoStreams([single(labels, np.zeros(12, int))], [], 2, 0), chunk=12
    )
    again = VideoStreams([single(labels, np.zeros(12, int))], [], 2, 0).draw(12, 1.0)
    logits, _ = context(again.events, None, again.resets)
    losses = F.cross_entropy(logits.flatten(0, 1), again.labels.flatten().clamp(min=0), reduction="none")
    counted = losses[again.labels.flatten() != UNLABELLED]
    expected = counted.mean().item() if len(counted) else 0.0
    loss = objective.loss(1.0)
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert all(parameter.grad.isfinite().all() for parameter in context.parameters())


def test_a_reel_has_the_labels_of_its_times(tmp_path):
    from watch_films import film, plain

    path = film(tmp_path / "a.mp4", plain(20), rate=10)
    spans = [
        LabelSpan(0.2, 0.6, "wolf", look="canine"),
        LabelSpan(0.6, 0.9, "bear"),
        LabelSpan(1.5, 9.0, "wolf"),
    ]
    video, trouble, misfits = read_labelled_video(path, "a.mp4", spans, ("bear", "wolf"), 10.0, 16)
    assert (trouble, misfits) == (None, [])
    none = UNLABELLED
    assert video.labels.tolist() == [none] * 2 + [1] * 4 + [0] * 3 + [none] * 6 + [1] * 5
    assert video.spans.tolist() == [-1] * 2 + [0] * 4 + [1] * 3 + [-1] * 6 + [2] * 5
    assert video.looks == ("canine", "", "")
    assert video.events.shape == (20, 16, 16, 3)
    assert classes_of({"a.mp4": spans}) == ("bear", "wolf")
    assert (
        read_labelled_video(path, "a.mp4", [], ("bear", "wolf"), 10.0, 16)[0].labels.tolist() == [none] * 20
    )


def test_a_reel_with_two_labels_at_a_time(tmp_path):
    from watch_films import film, plain

    path = film(tmp_path / "a.mp4", plain(10), rate=10)
    spans = [LabelSpan(0, 0.6, "wolf"), LabelSpan(0.4, 1, "bear"), LabelSpan(90, 95, "bear", unit="frames")]
    video, _, misfits = read_labelled_video(path, "a.mp4", spans, ("bear", "wolf"), 10.0, 16)
    assert video.labels.tolist() == [1] * 4 + [0] * 6
    assert video.further.tolist() == [[4, 1], [5, 1]]
    assert video.classes == {0, 1}
    assert [misfit.span for misfit in misfits] == spans[2:]
    objective = FrameObjective(FrameClassifier(2, width=2, embedding=4), [video], 2, 0)
    assert objective._places.of(1)[:, 1].tolist() == [0, 1, 2, 3, 4, 5]
    drawn = VideoStreams([video], [], 40, 0).draw(20, 1.0)
    seen = drawn.labels[(drawn.times > 0.35) & (drawn.times < 0.55)].tolist()
    assert 0.3 < np.mean(seen) < 0.7
    assert drawn.labels[drawn.times > 0.55].tolist() == [0] * int((drawn.times > 0.55).sum())


def test_reels_come_in_order_and_all_troubles_at_once(tmp_path):
    from watch_films import cut, film, noise, plain

    paths = [tmp_path / f"{name}.mp4" for name in "cadbe"]
    for number, path in enumerate(paths):
        film(path, plain(3 + number))
    labels = {path.name: [LabelSpan(0.0, 1.0, "wolf")] for path in paths}
    media = [Medium(path, path.name, path.name) for path in paths]
    read = partial(read_labelled_videos, media, labels, classes=("wolf", "dog"), fps=30.0, size=16)
    told: list[int] = []
    footage = read(progress=told.append, develop=lambda video: replace(video, name=video.name.upper())).videos
    assert [(video.name, len(video)) for video in footage] == [
        ("C.MP4", 3), ("A.MP4", 4), ("D.MP4", 5), ("B.MP4", 6), ("E.MP4", 7)
    ]  # fmt: skip
    assert told == [1, 2, 3, 4, 5]
    paths[2].write_bytes(b"")
    whole = film(tmp_path / "whole.mkv", noise(90), codec="mpeg4")
    cut(paths[1], whole, 0.6)
    found = read(progress=told.append)
    assert [video.name for video in found.videos] == ["c.mp4", "a.mp4", "b.mp4", "e.mp4"]
    assert 40 < len(found.videos[1]) < 60
    assert [trouble[len(str(tmp_path)) + 1 :][:5] for trouble in found.troubles] == ["a.mp4", "d.mp4"]
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(MediaError, match=r"no labelled video can be read:.*c\.mp4: empty.*e\.mp4: empty"):
        read(progress=told.append)


def test_looking_through_is_seeing_every_frame():
    torch.manual_seed(0)
    frame_classifier, video = FrameClassifier(3, width=2, embedding=4).eval(), painted(frames=10)
    seen = embed_video(frame_classifier, video, batch=3)
    with torch.no_grad():
        torch.testing.assert_close(
            torch.from_numpy(seen.events), frame_classifier(torch.from_numpy(video.events))[0]
        )
    assert seen.events.shape == (10, 4)


def test_halves_share_no_video_and_do_not_hang_on_the_order():
    footage = [single([0], name=f"{n}.mp4") for n in range(7)]
    one, other = ({video.name for video in half} for half in halves(footage)[:2])
    assert (len(one), len(other)) == (4, 3)
    assert not one & other
    assert [{video.name for video in half} for half in halves(footage[::-1])[:2]] == [one, other]


def test_a_timeline_of_very_many_moments_keeps_its_changes_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(thinned_moments, "KEPT", 100)
    kept = thinned_moments.ThinnedMoments()
    labels = ["wolf" if 400 <= n < 403 else "dog" for n in range(5000)]
    for n, label in enumerate(labels):
        kept.add(moment(n / 5, label, duration=0.2))
        assert len(kept.moments()) <= 101
    moments = kept.moments()
    covered = [(one.time, one.time + one.duration) for one in moments]
    assert covered[0][0] == 0
    assert covered[-1][1] == pytest.approx(1000)
    assert all(end == pytest.approx(start) for (_, end), (start, _) in itertools.pairwise(covered))
    wolf = [one for one in moments if one.context == "wolf"]
    assert wolf[0].time == pytest.approx(80)
    assert wolf[-1].time + wolf[-1].duration == pytest.approx(80.6)


def test_a_timeline_of_nothing_but_changes_is_bounded_too(monkeypatch):
    monkeypatch.setattr(thinned_moments, "KEPT", 50)
    kept = thinned_moments.ThinnedMoments()
    for n in range(3000):
        kept.add(moment(n / 5, "wolf" if n % 2 else "dog", duration=0.2))
        assert len(kept.moments()) <= 51
    assert kept.moments()[-1].time + kept.moments()[-1].duration == pytest.approx(600)
