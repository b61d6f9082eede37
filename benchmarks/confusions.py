"""Probabilities of a classifier that errs, for the event world "unreliable": python benchmarks/confusions.py FILE

A frame classifier of 16 pixels is trained for a few steps on painted television, and calibrated on a second broadcast.
Of a third broadcast one frame of each shot is classified, and as many rows are kept of each look. FILE is a CSV file
with a column for each look and a row for each frame: the probabilities that the classifier gave.
"""

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import command_line
from wolfdog.atomic import atomic_write
from wolfdog.labels import read_labels
from wolfdog.tv import Painter, World, broadcast, default_world
from wolfdog.watch.data.labelled_video import LabelledVideo, embed_video, read_labelled_videos
from wolfdog.watch.experiment import quick
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.training.jobs import FrameClassifierJob, calibrate_on
from wolfdog.watch.training.settings import FrameClassifierTraining
from wolfdog.watch.training.trainer import OptimizerSettings
from wolfdog.watch.video.media import Medium

SIZE, STREAMS, MINUTES = 16, 20, 2


def videos(world: World, seed: int, folder: Path) -> list[LabelledVideo]:
    """Labelled videos of one broadcast."""
    made = broadcast(
        world, folder / str(seed), minutes=MINUTES, seed=seed, picture=Painter(SIZE, seed), streams=STREAMS
    )
    config = WatcherConfig(world.labels, world.fps, size=SIZE)
    media = [Medium(path, path.name, path.name) for path in made.videos]
    return read_labelled_videos(
        media,
        read_labels(made.labels),
        classes=config.classes,
        fps=config.fps,
        size=SIZE,
        progress=lambda done: None,
    ).videos


def main(arguments: Sequence[str] | None = None) -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("file", type=command_line.file_to_write)
    parser.add_argument("--steps", type=command_line.whole(1), default=100, help="of training")
    parser.add_argument("--rows", type=command_line.whole(1), default=200, help="kept of each look")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    world = quick(default_world())
    with tempfile.TemporaryDirectory() as made:
        train, calibration, test = (videos(world, seed, Path(made)) for seed in (1, 2, 3))
    config = WatcherConfig(world.labels, world.fps, size=SIZE)
    plan = OptimizerSettings(steps=given.steps, learning_rate=3e-3)
    training = replace(FrameClassifierTraining(), plan=plan, coarse=0.0)
    classifier = FrameClassifierJob(config, train, training, 0).run()
    calibrate_on(classifier, [embed_video(classifier, video) for video in calibration])
    looks = np.array([world.look_names.index(world.look(label)) for label in world.labels])
    rng = np.random.default_rng(0)
    found: dict[int, list[np.ndarray]] = {look: [] for look in range(len(world.look_names))}
    for video in test:
        with torch.no_grad():
            logits = classifier.snapshot(torch.from_numpy(embed_video(classifier, video).events))
        of_label = torch.softmax(logits, -1).numpy()
        starts = np.flatnonzero(np.diff(video.spans, prepend=video.spans[:1] - 1))
        for frame in starts:
            row = np.bincount(looks, of_label[frame], len(world.look_names))
            found[int(looks[video.labels[frame]])].append(row)
    kept = [
        (look, rows[at]) for look, rows in found.items() for at in rng.permutation(len(rows))[: given.rows]
    ]
    for look, name in enumerate(world.look_names):
        mine = np.array([row for of, row in kept if of == look])
        print(f"{name}: {len(mine)} rows, {100 * (mine.argmax(1) == look).mean():.1f} % right")
    with atomic_write(given.file) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(world.look_names)
        writer.writerows([f"{value:.4f}" for value in row] for _, row in kept)


if __name__ == "__main__":
    command_line.run(main)
