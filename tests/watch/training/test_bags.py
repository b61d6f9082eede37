"""Labels of whole files and sequences, and several labels at a time, in a head's training."""

import numpy as np
import pytest

from colour_classifier import ColourClassifier
from watch_cards import BLUE, GREEN, RED, picture
from watch_films import film
from wolfdog.labels import LabelTable, read_labels
from wolfdog.watch.classifiers.linear_head import fit_linear_head
from wolfdog.watch.data.labelled_media import find_labelled_media
from wolfdog.watch.progress import silent
from wolfdog.watch.training.bags import Bag, bag_targets
from wolfdog.watch.training.head_training import train_head
from wolfdog.watch.training.labelled_features import read_features


def shots(*colours, each=10):
    return [np.full((32, 32, 3), colour, np.uint8) for colour in colours for _ in range(each)]


def features(folder, text, classes):
    (folder / "labels.csv").write_text(text)
    table = read_labels(folder / "labels.csv")
    found = find_labelled_media(folder, table, folder / "labels.csv")
    return read_features(
        found.media,
        found.labels,
        classes,
        ColourClassifier(),
        fps=10,
        stages=silent,
        sites=found.labels.sites,
    )


def test_equal_weights_fit_the_head_of_hard_labels():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 0.5)
    hard = fit_linear_head(x, y, ("a", "b", "c"))
    soft = fit_linear_head(x, np.eye(3, dtype=np.float32)[y], ("a", "b", "c"))
    np.testing.assert_allclose(soft.probabilities(x), hard.probabilities(x), atol=1e-3)


def test_frames_of_a_bag_are_told_apart(tmp_path):
    """Films of a blank meadow (green), two of which show a fox (red) for a third of the time."""
    for name in ("a", "b"):
        film(tmp_path / f"{name}.mp4", shots(GREEN, RED, GREEN), rate=10)
        film(tmp_path / f"{name}-empty.mp4", shots(GREEN, GREEN), rate=10)
    text = "filepath,label\n" + "".join(f"{name}.mp4,fox\n{name}-empty.mp4,blank\n" for name in "ab")
    data = features(tmp_path, text, ("blank", "fox"))
    assert sorted(bag.name for bag in data.bags) == ["a.mp4", "b.mp4"]
    assert data.blank == 0
    foxes = (data.media == "a.mp4") & (data.time > 0.95) & (data.time < 1.95)
    targets = data.targets()
    assert (targets[foxes, 1] > 0.5).all()
    assert (targets[(data.media == "a.mp4") & ~foxes, 0] > 0.5).all()
    trained = train_head(data, memory="none", classifier="colours", stages=silent)
    said = trained.head.probabilities(data.features).argmax(1)
    assert said[foxes].all()
    assert not said[(data.media == "a.mp4") & ~foxes].any()
    assert not said[data.media == "a-empty.mp4"].any()


def test_images_of_a_sequence_are_one_bag_and_a_deployment(tmp_path):
    rows = ["file,sequence,label,site"]
    for site in ("north", "south"):
        for number, colour in enumerate((GREEN, RED, GREEN, GREEN)):
            picture(tmp_path / site / f"{number}.jpg", colour, date=f"2026:05:01 10:00:0{number}")
            rows.append(
                f"{site}/{number}.jpg,{site} 1,fox,{site}" if number < 3 else f"{site}/3.jpg,,blank,{site}"
            )
    data = features(tmp_path, "\n".join(rows) + "\n", ("blank", "fox"))
    assert [(bag.name, len(bag.rows), bag.classes) for bag in data.bags] == [
        ("north 1", 3, (1,)),
        ("south 1", 3, (1,)),
    ]
    assert set(data.deployment) == set(data.group) == {"north", "south"}
    np.testing.assert_allclose(np.diff(data.time[data.deployment == "north"]), 1.0)
    assert data.targets()[:, 1].round().tolist() == [0, 1, 0, 0] * 2


def test_two_labels_at_a_time_have_equal_weights(tmp_path):
    for name in ("a", "b"):
        film(tmp_path / f"{name}.mp4", shots(RED, BLUE, (120, 20, 120)), rate=10)
    spans = "".join(f"{n}.mp4,0,1,red\n{n}.mp4,1,2,blue\n{n}.mp4,2,3,red\n{n}.mp4,2,3,blue\n" for n in "ab")
    data = features(tmp_path, f"video,start,end,label\n{spans}", ("blue", "red"))
    both = (data.time > 1.95) & (data.time < 3)
    assert (data.targets()[both] == 0.5).all()
    trained = train_head(data, memory="none", classifier="colours", stages=silent)
    p = trained.head.probabilities(data.features)
    assert (abs(p[both, 0] - 0.5) < 0.2).all()
    assert (p[data.time < 0.95, 1] > 0.8).all()
    assert trained.right[0] == 1.0


@pytest.mark.parametrize("blank", [0, None])
def test_the_expected_frames_of_a_bag_are_at_least_one(blank):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    targets = np.zeros((40, 3), np.float32)
    targets[:20, rng.integers(0, 3, 20)[:1]] = 1
    bags = [Bag("p", np.arange(20, 30), (1,)), Bag("q", np.arange(30, 40), (1, 2))]
    found = bag_targets(x, targets, bags, ("none", "fox", "dog"), blank)
    assert (found >= 0).all()
    assert (found.sum(1) <= 1 + 1e-5).all()
    assert found[20:30, 1].sum() >= 0.95
    np.testing.assert_array_equal(found[:20], targets[:20])


def test_labels_that_fit_no_frame_and_broken_files_come_with_the_features(tmp_path):
    film(tmp_path / "a.mp4", shots(RED, BLUE), rate=10)
    (tmp_path / "b.mp4").write_bytes(b"nothing")
    text = "video,start,end,label\na.mp4,0,1,red\na.mp4,1,2,blue\na.mp4,1.01,1.04,green\nb.mp4,0,1,red\n"
    data = features(tmp_path, text, ("blue", "green", "red"))
    assert [misfit.span.label for misfit in data.misfits] == ["green"]
    assert "b.mp4: not a video" in data.troubles[0]
    assert isinstance(read_labels(tmp_path / "labels.csv"), LabelTable)
