"""Labels of whole files and sequences in the training of a frame classifier from nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from watch_films import film
from wolfdog.errors import InputError
from wolfdog.labels import LabelSpan
from wolfdog.watch.data.labelled_video import UNLABELLED, LabelledVideo, VideoBag, read_labelled_video
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.frame_classifier import FrameClassifier
from wolfdog.watch.progress import silent
from wolfdog.watch.training.bags import expected_targets
from wolfdog.watch.training.frame_bags import bag_frame_targets, resolve_bags
from wolfdog.watch.training.frame_places import FramePlaces
from wolfdog.watch.training.objectives import FrameObjective
from wolfdog.watch.training.pipeline import WatcherTraining
from wolfdog.watch.training.settings import ContextTraining, FrameClassifierTraining
from wolfdog.watch.training.trainer import OptimizerSettings, Trainer

GREEN, RED = (40, 160, 40), (200, 40, 40)
CLASSES = ("blank", "fox")


def video(name, colours, bags=(), label=UNLABELLED):
    """Ten frames of noise around each colour."""
    rng = np.random.default_rng(len(name))
    frames = np.concatenate([np.broadcast_to(colour, (10, 16, 16, 3)) for colour in colours])
    frames = np.clip(frames + rng.normal(0, 10, frames.shape), 0, 255).astype(np.uint8)
    labels = np.full(len(frames), label)
    spans = np.full(len(frames), -1 if label == UNLABELLED else 0)
    return LabelledVideo(name, np.arange(len(frames)) / 5, labels, spans, ("",), frames, bags=tuple(bags))


def footage():
    """Films of an empty meadow, and films that show a fox for a third of the time and are labelled as a whole."""
    bag = lambda name: VideoBag(name, np.arange(30), (1,))  # noqa: E731
    return [
        *(video(f"{n}.mp4", (GREEN, RED, GREEN), [bag(f"{n}.mp4")]) for n in range(2)),
        *(video(f"{n}-empty.mp4", (GREEN, GREEN), label=0) for n in range(2)),
    ]


def test_labels_of_a_file_become_a_bag_of_the_frames_without_labels_of_their_own(tmp_path):
    path = film(tmp_path / "a.mp4", [np.zeros((16, 16, 3), np.uint8)] * 10, rate=10)
    spans = [LabelSpan(0, float("inf"), "fox", bag="a.mp4"), LabelSpan(0, 0.3, "blank")]
    [bag] = read_labelled_video(path, "a.mp4", spans, CLASSES, 10.0, 16).video.bags
    assert (bag.name, bag.frames.tolist(), bag.classes) == ("a.mp4", list(range(3, 10)), (1,))


def test_frames_of_a_sequence_share_one_bag():
    both = [replace(one, bags=(replace_name(one.bags[0]),)) for one in footage()[:2]]
    p = np.full((30, 2), (0.95, 0.05), np.float32)
    seen = p.copy()
    seen[7] = (0.1, 0.9)
    found = bag_frame_targets(both, [seen, p], 0)
    whole = expected_targets(np.concatenate([seen, p]), (1,), 0)
    np.testing.assert_allclose(np.concatenate(found), whole)
    assert found[0][7, 1] > 0.9
    assert found[1][:, 1].max() < 0.1  # the fox was in the other file


def replace_name(bag):
    return VideoBag("sequence", bag.frames, bag.classes)


def test_a_frame_classifier_finds_the_frames_of_bags_and_resumes_exactly(tmp_path):
    def trainer():
        torch.manual_seed(0)
        module = FrameClassifier(2, width=2, embedding=4)
        objective = FrameObjective(module, footage(), batch=16, seed=0, blank=0)
        return Trainer(objective, OptimizerSettings(60, 1e-2), {})

    whole, first, second = trainer(), trainer(), trainer()
    whole.run()
    for _ in range(25):
        first.advance()
    first.save(tmp_path / "half.safetensors")
    second.run(checkpoint=tmp_path / "half.safetensors", every=1000)
    for name, value in whole.objective.module.state_dict().items():
        assert torch.equal(value, second.objective.module.state_dict()[name]), name
    [embedded] = [
        replace(one, events=whole.objective.module(torch.from_numpy(one.events))[0].detach().numpy())
        for one in footage()[:1]
    ]
    [resolved] = resolve_bags(whole.objective.module, [embedded], CLASSES, 0)
    found = (resolved.labels == 1).reshape(3, 10).mean(1)
    assert found[1] > 0.7
    assert found[[0, 2]].max() < 0.4
    assert resolved.bags == ()


def test_places_of_a_bag_are_those_of_which_the_classifier_says_so():
    class Reddish(FrameClassifier):
        def forward(self, frames):
            red = frames.float().mean((1, 2))[:, 0] > 120
            return red, torch.where(red, 3.0, -3.0)[:, None] * torch.tensor([-1.0, 1.0])

    places, rng = FramePlaces(footage(), 0), np.random.default_rng(0)
    assert {int(places.draw(1, rng)[1]) for _ in range(300)} == set(range(30))
    places.expect(Reddish(2), 0.5)
    drawn = [int(places.draw(1, rng)[1]) for _ in range(300)]
    assert np.mean([10 <= frame < 20 for frame in drawn]) > 0.9


@pytest.mark.parametrize("joint", [True, False])
def test_a_watcher_is_trained_on_labels_of_files_alone(tmp_path, joint):
    config = WatcherConfig(CLASSES, 5.0, size=16, width=2, embedding=4, hidden=4, memory="gru")
    training = WatcherTraining(
        config,
        FrameClassifierTraining(OptimizerSettings(40, 1e-2), batch=16),
        ContextTraining(OptimizerSettings(3, 1e-2), 8, 4),
        0,
        tmp_path,
        joint=joint,
    )
    if joint:
        with pytest.raises(InputError, match="labels of whole files or sequences"):
            training.run(footage(), silent)
        return
    watcher = training.run(footage(), silent)
    with torch.no_grad():
        said = watcher.frame_classifier(torch.from_numpy(footage()[0].events))[1].argmax(1).numpy()
    assert (said == np.repeat([0, 1, 0], 10)).mean() > 0.8
