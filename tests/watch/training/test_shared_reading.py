"""Reading and fine-tuning that several processes share: the results of one process, in each."""

import numpy as np
import pytest
import torch

from colour_classifier import ColourClassifier
from lite_weights import random_state
from process_threads import in_processes
from tolerances import assert_agree
from watch_films import film, plain
from wolfdog.errors import InputError, MediaError
from wolfdog.labels import read_labels
from wolfdog.watch.classifiers.efficientnet_lite import EfficientNetLite, Variant
from wolfdog.watch.data.labelled_media import find_labelled_media
from wolfdog.watch.data.labelled_video import read_labelled_videos
from wolfdog.watch.distributed import SINGLE, Processes
from wolfdog.watch.progress import silent
from wolfdog.watch.training.fine_tuning import FineTuning, LabelledFrames, fine_tune
from wolfdog.watch.training.labelled_features import read_features

CLASSES = ("a", "b")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Five films, one of which is damaged, with labels."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(4):
        film(folder / f"{number}.mp4", plain(6 + number), rate=10)
    (folder / "4.mp4").write_bytes(b"nothing")
    rows = [f"{n}.mp4,0,0.3,a\n{n}.mp4,0.3,9,b\n" for n in range(5)]
    (folder / "labels.csv").write_text("video,start,end,label\n" + "".join(rows))
    return find_labelled_media(folder, read_labels(folder / "labels.csv"), folder / "labels.csv")


def test_frames_are_those_of_one_process(found):
    def read(processes):
        return read_labelled_videos(
            found.media, found.labels, classes=CLASSES, fps=10, size=16, progress=lambda number: None,
            processes=processes,
        )  # fmt: skip

    one = read(SINGLE)
    assert len(one.videos) == 4
    assert len(one.troubles) == 1
    for other in in_processes(3, read):
        assert (other.troubles, other.misfits) == (one.troubles, one.misfits)
        for video, expected in zip(other.videos, one.videos, strict=True):
            assert video.name == expected.name
            for part in ("times", "labels", "spans", "events", "further"):
                np.testing.assert_array_equal(getattr(video, part), getattr(expected, part))


def test_features_are_those_of_one_process(found):
    def read(processes):
        return read_features(
            found.media, found.labels, CLASSES, ColourClassifier(), fps=10, stages=silent, processes=processes
        )

    one = read(SINGLE)
    assert len(set(one.media.tolist())) == 4
    for other in in_processes(2, read):
        assert (other.troubles, other.misfits) == (one.troubles, one.misfits)
        for part in ("features", "present", "media", "deployment", "time", "frame"):
            np.testing.assert_array_equal(getattr(other, part), getattr(one, part))


def test_no_file_that_can_be_read_is_said_in_each(found, tmp_path):
    bad = [medium for medium in found.media if medium.name == "4.mp4"]

    def read(processes):
        with pytest.raises(MediaError, match="no labelled video can be read"):
            read_features(
                bad, found.labels, CLASSES, ColourClassifier(), fps=10, stages=silent, processes=processes
            )

    in_processes(2, read)


def test_fine_tuning_makes_the_steps_of_one_process():
    variant = Variant("tiny", 0.25, 0.25, 32)
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1, 0, 1], 8)
    images = rng.integers(0, 60, (32, 32, 32, 3))
    images[labels == 0, :, ::4] += 8
    images[labels == 1, ::4] += 8
    media = np.repeat(np.array(["a", "b", "c", "d"], object), 8)
    frames = LabelledFrames(images.astype(np.uint8), labels.astype(np.int64), media)
    state, options = random_state(variant), FineTuning(steps=3, batch=5, convolutions=3)

    def tune(processes):
        network = EfficientNetLite(variant, state).eval()
        tuned = fine_tune(network, frames, CLASSES, options, stages=silent, processes=processes)
        return network.state_dict(), tuned

    weights, one = tune(SINGLE)
    assert one.head is not None  # it was kept, so that the weights below are those of its steps
    for other_weights, other in in_processes(2, tune):
        assert other.head is not None
        assert other.loss_after == pytest.approx(one.loss_after, rel=1e-4)
        for name, expected in weights.items():
            assert_agree(other_weights[name], expected)
        assert_agree(torch.from_numpy(other.head.weight), torch.from_numpy(one.head.weight))
    with pytest.raises(InputError, match="9 processes cannot share 5 frames"):
        tune(Processes(0, 9))
