"""An experiment so small that it takes seconds: everything happens often, and nothing is learned well."""

from wolfdog.tv import Channel, Pace, ShotLength, World
from wolfdog.watch.experiment import Airtime, Experiment
from wolfdog.watch.training.train import ContextPlan, EyePlan
from wolfdog.watch.training.trainer import Plan

WORLD = World(
    "busy",
    channels=(
        Channel("Nature Channel", 30, tells={"bear": 1.0}, fills={"wolf": 1.0, "unknown": 1.0}),
        Channel("The Dog Office", 30, tells={"goldfish": 1.0}, fills={"dog": 1.0, "unknown": 1.0}),
    ),
    paces=(Pace("lively", tell_rate=0.4, mean_stay=200),),
    shot=ShotLength(mean=4.0, phases=2),
    looks={"wolf": "canine", "dog": "canine"},
)

TINY = Experiment(
    seed=2,
    world=WORLD,
    size=24,
    for_eye=Airtime(2, 0.5),
    for_memory=Airtime(2, 0.7),
    evening=Airtime(2, 0.4),
    highlights=Airtime(1, 0.2),
    eye=EyePlan(Plan(8, 3e-3), batch=8),
    context=ContextPlan(Plan(4, 5e-3), chunk=8, streams=4),
    memories=("gru", "elman"),
    workers=1,
)
