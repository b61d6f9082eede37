"""An experiment so small that it takes seconds: everything happens often, and nothing is learned well."""

from wolfdog.tv import Channel, Pace, ShotLength, World
from wolfdog.watch.experiment import Airtime, Experiment
from wolfdog.watch.training.settings import ContextTraining, FrameClassifierTraining
from wolfdog.watch.training.trainer import OptimizerSettings

WORLD = World(
    "busy",
    channels=(
        Channel("Nature Channel", 30, informative={"bear": 1.0}, filler={"wolf": 1.0, "unknown": 1.0}),
        Channel("The Dog Office", 30, informative={"goldfish": 1.0}, filler={"dog": 1.0, "unknown": 1.0}),
    ),
    paces=(Pace("lively", informative_rate=0.4, mean_stay=200),),
    shot=ShotLength(mean=4.0, phases=2),
    looks={"wolf": "canine", "dog": "canine"},
)

TINY = Experiment(
    seed=2,
    world=WORLD,
    size=24,
    classifier_training=Airtime(2, 0.5),
    memory_training=Airtime(2, 0.7),
    test_broadcast=Airtime(2, 0.4),
    highlights=Airtime(1, 0.2),
    frame_classifier=FrameClassifierTraining(OptimizerSettings(8, 3e-3), batch=8),
    context=ContextTraining(OptimizerSettings(4, 5e-3), chunk=8, streams=4),
    memories=("gru", "elman"),
    workers=1,
)
