import itertools
import tracemalloc

import numpy as np
import pytest
import torch

from tolerances import assert_agree, assert_same
from watch_films import film, noise
from watch_watchers import CLASSES, frames, made
from wolfdog.errors import MediaError
from wolfdog.watch.model.registry import MEMORIES


@pytest.mark.parametrize("memory", MEMORIES)
def test_batches_and_single_frames_and_resets_give_the_same(memory, monkeypatch):
    if memory in ("ntm", "lstmn"):  # whose kernels take long to be made, and are tested elsewhere
        monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
    watcher = made(memory)
    images = torch.from_numpy(np.stack([frame.image for frame in frames(12)])).view(6, 2, 16, 16, 3)
    times = torch.arange(6, dtype=torch.float64)[:, None].expand(-1, 2)
    with torch.no_grad():
        snapshot, context, last = watcher(images, times=times)
        state, steps = None, []
        for image, time in zip(images, times, strict=True):
            *said, state = watcher(image[None], state, times=time[None])
            steps.append(said)
        assert_agree(torch.cat([one for one, _ in steps]), snapshot)
        assert_agree(torch.cat([one for _, one in steps]), context)
        if memory == "none":
            assert state is last is None
            assert_same(context, snapshot)
            return
        assert_agree(state, last)
        # a reset of the second stream at frame 3 is a new beginning there, and there only
        resets = torch.zeros(6, 2, dtype=torch.bool)
        resets[3, 1] = True
        _, anew, _ = watcher(images, None, resets, times)
        assert_agree(anew[:, 0], context[:, 0])
        assert_agree(anew[3:, 1], watcher(images[3:, 1:], times=times[3:, 1:])[1][:, 0])
        assert not torch.allclose(anew[3:, 1], context[3:, 1])


@pytest.mark.parametrize("memory", ["gru", "four-gate-lstm", "attention", "lstm+bank", "none"])
def test_moments_of_a_stream_are_those_of_frame_by_frame(memory):
    watcher = made(memory)
    moments = list(watcher.watch(frames(70), "stream"))  # more than two batches
    assert len(moments) == 70
    state = None
    for moment, frame in zip(moments, frames(70), strict=True):
        with torch.no_grad():
            image, time = torch.from_numpy(frame.image)[None, None], torch.tensor([[frame.time]])
            snapshot, context, state = watcher(image, state, times=time)
        for said, probabilities, label in (
            (snapshot, moment.snapshot_probabilities, moment.snapshot),
            (context, moment.context_probabilities, moment.context),
        ):
            assert_agree(torch.from_numpy(probabilities), said[0, 0].softmax(-1))
            assert probabilities.sum() == pytest.approx(1, abs=1e-5)
            assert label == CLASSES[probabilities.argmax()]
        assert (moment.video, moment.frame, moment.time, moment.duration) == (
            "stream", frame.index, frame.time, frame.duration,
        )  # fmt: skip
        if memory == "none":
            assert moment.context == moment.snapshot


def test_a_file_is_watched_at_the_watcher_s_rate(tmp_path):
    watcher = made()
    path = film(tmp_path / "a.mp4", noise(60), rate=30)
    watcher.train()  # as after training: watching is not training
    moments = list(watcher.watch(path))
    assert not watcher.training
    assert {moment.video for moment in moments} == {"a.mp4"}
    np.testing.assert_allclose([moment.time for moment in moments], np.arange(10) / 5, atol=0.02)
    assert [moment.video for moment in watcher.watch(str(path), "card/a.mp4")] == ["card/a.mp4"] * 10
    assert list(watcher.watch([])) == []


def test_a_missing_file_is_a_media_error(tmp_path):
    with pytest.raises(MediaError, match=r"none\.mp4"):
        list(made().watch(tmp_path / "none.mp4"))


def test_moments_come_as_they_are_seen_and_without_gradients():
    endless = itertools.cycle(frames(5))
    moments = made().watch(endless)
    assert next(moments).video == ""
    torch.ones(1, requires_grad=True).mul(2).sum().backward()  # gradients are as before, in between
    assert torch.is_grad_enabled()


def test_watching_takes_bounded_memory():
    watcher = made("gru")

    def peak(count):
        tracemalloc.start()
        for _ in watcher.watch(frames(count)):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(160)  # what is allocated once, the check of repeated calls among it
    assert peak(1500) < peak(150) + 100_000  # all frames would take a million
