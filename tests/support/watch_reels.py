"""Labelled footage without videos: noisy one-hot looks in place of embeddings, noise in place of frames."""

import numpy as np

from wolfdog.tv import Channel, Pace, Programme, Sampler, ShotLength, World
from wolfdog.watch.data.labelled_video import UNLABELLED, LabelledVideo

CLASSES = ("wolf", "dog", "bear", "goldfish", "unknown")


def busy_world():
    """The model problem with everything happening often, so that little footage shows all of it."""
    return World(
        "busy",
        channels=(
            Channel("Nature Channel", 300, informative={"bear": 1.0}, filler={"wolf": 1.0, "unknown": 1.0}),
            Channel(
                "The Dog Office", 300, informative={"goldfish": 1.0}, filler={"dog": 1.0, "unknown": 1.0}
            ),
        ),
        paces=(
            Pace("lively", informative_rate=0.4, mean_stay=200),
            Pace("quiet", informative_rate=0.05, mean_stay=200),
        ),
        shot=ShotLength(mean=6.0, phases=2),
        looks={"wolf": "canine", "dog": "canine"},
    )


def looked_at(programme: Programme, embedding=6, noise=0.1, seed=0):
    """A video per stream; the event of a frame is the one-hot of its look, in `embedding` numbers, and noise."""
    rng = np.random.default_rng(seed)
    world = programme.world
    footage = []
    for stream in range(programme.streams):
        look, label = programme.look[:, stream], programme.label[:, stream]
        events = np.eye(embedding, dtype=np.float32)[look]
        events += noise * rng.standard_normal(events.shape).astype(np.float32)
        shots = programme.shots(stream)
        spans = np.repeat(np.arange(len(shots)), [shot.stop - shot.start for shot in shots])
        times = np.arange(programme.frames) / world.fps
        looks = tuple(world.look(shot.label) for shot in shots)
        footage.append(
            LabelledVideo(f"tv-{stream:04d}.mp4", times, label.astype(np.int64), spans, looks, events)
        )
    return footage


def shown(world, frames, streams, seed=0, **options):
    """Videos of a broadcast of `world`."""
    return looked_at(Sampler(world, streams, seed=seed).draw(frames), seed=seed, **options)


def painted(frames=40, size=16, classes=3, name="a.mp4", seed=0, unlabelled=()):
    """A video of frames: each class a colour of its own, with noise; shots of four frames, each class in turn."""
    rng = np.random.default_rng(seed)
    spans = np.arange(frames) // 4
    labels = (spans + seed) % classes
    colours = 60 + 150 * np.eye(3)[labels % 3]
    images = np.clip(colours[:, None, None] + 20 * rng.standard_normal((frames, size, size, 3)), 0, 255)
    labels = labels.astype(np.int64)
    labels[list(unlabelled)] = UNLABELLED
    spans[list(unlabelled)] = -1
    return LabelledVideo(
        name, np.arange(frames) / 5, labels, spans, ("",) * (frames // 4 + 1), images.astype(np.uint8)
    )


def single(labels, spans=None, name="a.mp4", looks=None, site=""):
    """A video whose events are the frames' numbers, [F, 1]: what is drawn from it shows where it came from."""
    labels = np.array(labels, np.int64)
    spans = np.arange(len(labels)) if spans is None else np.array(spans)
    looks = ("",) * (int(spans.max(initial=0)) + 1) if looks is None else looks
    events = np.arange(len(labels), dtype=np.float32)[:, None]
    return LabelledVideo(name, np.arange(len(labels)) / 5, labels, spans, looks, events, site=site)
