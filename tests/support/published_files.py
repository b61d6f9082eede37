"""Small files in the forms of the data of published results."""

import numpy as np
import pytest


def write_digits(path, count=20):
    rng = np.random.default_rng(0)
    images, classes = rng.integers(0, 256, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10
    np.savez(path, x_train=images, y_train=classes, x_test=images[:5], y_test=classes[:5])
    return images, classes


def write_scores(path, splits=3):
    arrays = {}
    for split in range(splits):
        for video, length in enumerate((4, 8)):
            classes = np.arange(length) % 3
            scores = np.eye(3, dtype=np.float32)[classes]
            scores[0] = scores[0][[1, 0, 2]]  # the first frame is wrong
            arrays[f"split{split}_v{video}_S"], arrays[f"split{split}_v{video}_Y"] = scores, classes
    np.savez(path, **arrays)


def write_stories(folder, task):
    from stories.world import stories

    for seed, (part, count) in enumerate((("train", 40), ("test", 10))):
        (folder / f"qa{task}_facts_{part}.txt").write_text("\n".join(stories(task, count, seed)))


def write_music(path):
    io = pytest.importorskip("scipy.io")
    from published import music

    array = np.empty((1, 3), object)
    array[0, :] = [np.eye(88, dtype=np.uint8)[:length] for length in (3, 5, 9)]
    io.savemat(path, dict.fromkeys(music.PARTS.values(), array))
