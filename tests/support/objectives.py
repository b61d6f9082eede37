"""Small training objectives of every kind, and their trainers."""

import torch

from watch_reels import CLASSES, busy_world, painted, shown
from wolfdog.watch.data.remixed_streams import RemixedStreams
from wolfdog.watch.data.streams import Curriculum
from wolfdog.watch.data.video_streams import VideoStreams
from wolfdog.watch.distributed import SINGLE
from wolfdog.watch.model.context import Context
from wolfdog.watch.model.frame_classifier import FrameClassifier
from wolfdog.watch.training.objectives import ContextObjective, FrameObjective, JointObjective
from wolfdog.watch.training.trainer import OptimizerSettings, Trainer

STEPS = 6
WORLD = busy_world()
REELS = shown(WORLD, 200, 2)
FRAMES = [painted(name=f"{n}.mp4", seed=n, unlabelled=(5, 6)) for n in range(2)]


def frames(processes):
    module = FrameClassifier(3, width=2, embedding=4)
    return FrameObjective(module, FRAMES, batch=6, seed=3, processes=processes)


def recut(memory):
    def make(processes):
        streams = RemixedStreams(REELS, CLASSES, WORLD, 3, 5, deployment=7.0)
        return ContextObjective(Context(memory, 5, embedding=6, hidden=4), streams, 5, processes)

    return make


def footage(memory):
    def make(processes):
        streams = VideoStreams(REELS, [4], 3, 5, Curriculum())
        return ContextObjective(Context(memory, 5, embedding=6, hidden=4), streams, 5, processes)

    return make


def joint(memory):
    def make(processes):
        streams, module = VideoStreams(FRAMES, [0], 2, 5), FrameClassifier(3, width=2, embedding=4)
        return JointObjective(module, Context(memory, 3, embedding=4, hidden=4), streams, 3, processes)

    return make


LESSONS = {
    "classifier": frames,
    "recut-lstm": recut("lstm"),
    "recut-gru": recut("gru"),
    "recut-attention": recut("attention"),
    "recut-lstm-bank": recut("lstm+bank"),
    "footage-memory-network": footage("memory-network"),
    "footage-elman": footage("elman"),
    "footage-four-gate-lstm": footage("four-gate-lstm"),
    "joint-gru": joint("gru"),
    "joint-peephole-full": joint("peephole-full"),
}


def trainer(name, identity=None, steps=STEPS, processes=SINGLE):
    """As a new process begins: new objects, the random numbers from the seed."""
    torch.manual_seed(0)
    return Trainer(
        LESSONS[name](processes), OptimizerSettings(steps, 1e-2), identity or {"what": name}, processes
    )
