"""Television of real photographs: python benchmarks/photographs.py --images DIR [--only head degraded] [--json FILE]

DIR holds a folder of photographs for each class: wolf, dog, bear, goldfish, unknown. Simulated programmes of the model
problem's world show one photograph in each shot, and each frame another crop of it. Two experiments, each for every
seed:

head       The photographs as they are, through EfficientNet-Lite0 and a linear head on its features. Head and memories
           are trained on 70 % of the photographs (the memories on predictions of heads for photographs that these
           were not fitted to), and tested on the other 30 %. Printed: balanced accuracy of the canines.
degraded   Each shot clean, small, at night or out of focus, through EfficientNet-Lite0 with its own classes in groups.
           The world memory is trained on one half of the photographs, as the one in the package is, and tested on the
           other half. Printed: balanced accuracy of five classes by degradation, canines alone in brackets. With
           --distractors, the photographs of these folders of DIR are trained as unknown besides, and never tested.

The ideal observer is the exact filter of the world, given what the classifier says, how it errs (fitted to the
training photographs), and where shots begin. All figures are per cent, mean and standard deviation over
the seeds.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import numpy as np
import torch
from torch import nn

import command_line
import wolfdog as wd
from wolfdog.atomic import atomic_write
from wolfdog.tv import Sampler, default_world
from wolfdog.watch.classifiers.registry import load_classifier
from wolfdog.watch.evaluation.metrics import GapTable
from wolfdog.watch.smoothing import (
    AnyClass,
    ExponentialMovingAverage,
    HiddenMarkov,
    Majority,
    Mean,
    Median,
    Method,
)
from wolfdog.watch.world_memory.bank import Bank, build_bank
from wolfdog.watch.world_memory.comparison import (
    ALL,
    IDEAL,
    SNAPSHOT,
    Scores,
    contexts,
    gap_tables,
    ideal_context,
    mean_gap_tables,
    scores_of,
)
from wolfdog.watch.world_memory.gap_panels import draw_gap_panels
from wolfdog.watch.world_memory.method import WorldMemory
from wolfdog.watch.world_memory.network import WorldNetwork, WorldNetworkConfig
from wolfdog.watch.world_memory.photographs import PhotographSet, parts
from wolfdog.watch.world_memory.posterior import CalibratedPosterior, cross_fitted
from wolfdog.watch.world_memory.pretraining import distractor_bank
from wolfdog.watch.world_memory.streams import show
from wolfdog.watch.world_memory.training import WorldTraining, train_world_memory
from wolfdog.watch.world_memory.training_streams import StreamRanges

FOUR = ("clean", "small", "night", "out-of-focus")
"""Degradations of the published figures; the memory is trained on all."""
STREAMS, FRAMES = 24, 3000
"""Of the programmes that everything is tested on."""
CELLS: dict[str, Callable[..., nn.Module]] = {
    "lstm": wd.cells.LSTMCell,
    "four-gate-lstm": wd.cells.FourGateLSTMCell,
    "peephole-full": partial(wd.cells.PeepholeLSTMCell, peephole="full"),
    "peephole-diagonal": partial(wd.cells.PeepholeLSTMCell, peephole="diagonal"),
    "gru": wd.cells.GRUCell,
}
"""Every gated memory."""
Run = dict[str, Scores]
Gaps = dict[str, GapTable]


def baselines() -> dict[str, Method]:
    """Methods that are not trained here, with their default numbers."""
    return {
        "mean of 5 frames": Mean(),
        "median of 10": Median(),
        "majority of 5": Majority(),
        "exponential mean": ExponentialMovingAverage(),
        "hidden Markov filter": HiddenMarkov(),
        "any-class memory": AnyClass(),
    }


def judge(
    bank: Bank, seed: int, memories: dict[str, Method], posterior: CalibratedPosterior
) -> tuple[Run, Gaps]:
    """Scores of the classifier, the baselines, the memories and the ideal observer on new programmes."""
    programme = Sampler(default_world(), STREAMS, seed=5000 + seed).draw(FRAMES)
    streams = show(bank, programme, seed=6000 + seed)
    said = contexts(streams, bank.classes, baselines() | memories)
    said[IDEAL] = ideal_context(streams, programme, bank.classes, posterior)
    shown = {name: said[name] for name in (SNAPSHOT, "mean of 5 frames", "memory", IDEAL) if name in said}
    gaps = gap_tables(shown, streams, programme, bank.degradations)
    return scores_of(said, streams, bank.degradations, bank.classes), gaps


def head_run(bank: Bank, seed: int, steps: int, cells: list[str], forget: wd.cells.Chrono) -> Run:
    """Linear head and gated memories, whose forget gates all begin with `forget`."""
    training, tested = (bank.take(part) for part in parts(bank.labels, 0.7, seed))
    training, head = cross_fitted(training, seed=seed)
    assert tested.features is not None
    tested = tested.with_probabilities(head.probabilities(tested.features))
    options = WorldTraining(steps=steps, seed=seed, ranges=StreamRanges(as_world=1.0))
    memories: dict[str, Method] = {}
    for name in cells:
        torch.manual_seed(seed)
        config = WorldNetworkConfig(classes=bank.classes)
        cell = CELLS[name](config.inputs, config.width, forget=forget)
        network = train_world_memory(training, default_world(), options, WorldNetwork(config, cell))
        memories[name] = WorldMemory(network=network)
    return judge(tested, seed, memories, CalibratedPosterior(training))[0]


def degraded_run(
    bank: Bank, seed: int, steps: int, *, distractors: Bank | None = None
) -> tuple[Run, Gaps, float]:
    """The world memory, trained on one half of the photographs and tested on the other; seconds of the training."""
    training, tested = (bank.take(part) for part in parts(bank.labels, 0.5, seed))
    started = time.process_time()
    options = WorldTraining(steps=steps, seed=seed)
    network = train_world_memory(training, default_world(), options, distractors=distractors)
    seconds = time.process_time() - started
    posterior = CalibratedPosterior(training.only(FOUR))
    run, gaps = judge(tested.only(FOUR), seed, {"memory": WorldMemory(network=network)}, posterior)
    return run, gaps, seconds


def table(runs: list[Run], kinds: list[str], *, canines: bool) -> list[str]:
    """Lines of Markdown."""
    lines = [f"| | {' | '.join(kinds)} | ECE | flips/min |", f"| --- |{' ---: |' * (len(kinds) + 2)}"]
    for name in runs[0]:
        cells = []
        for kind in kinds:
            scores = [one[name].by_degradation[kind] for one in runs]
            of_canines = 100 * np.array([s.canines for s in scores if s.canines is not None])
            of_five = 100 * np.array([s.balanced for s in scores])
            first, second = (of_canines, of_five) if canines else (of_five, of_canines)
            cells.append(f"{first.mean():.1f} ± {first.std():.1f} ({second.mean():.1f})")
        ece = np.mean([one[name].by_degradation[ALL].calibration for one in runs])
        flips = np.mean([one[name].flips for one in runs])
        lines.append(f"| {name} | {' | '.join(cells)} | {ece:.3f} | {flips:.1f} |")
    return lines


def bank_of(options: argparse.Namespace, experiment: str) -> Bank:
    """The photographs through the classifier; kept in FILE-<experiment>.npz where --bank says so."""
    kept = None if options.bank is None else options.bank.with_name(f"{options.bank.name}-{experiment}.npz")
    if kept is not None and kept.exists():
        return Bank.load(kept)
    classifier = load_classifier(options.classifier, classes="model-problem")
    photographs = PhotographSet.of_folder(options.images, classifier.classes, most=options.most)
    started = time.perf_counter()
    head = experiment == "head"
    bank = build_bank(
        classifier,
        photographs,
        **({"degradations": ("clean",), "features": True} if head else {}),
        progress=lambda done, total: print(f"\r{done} of {total} photographs", end="", flush=True),
    )
    print(f"\r{len(bank)} photographs classified in {time.perf_counter() - started:.0f} s")
    if kept is not None:
        bank.save(kept)
    return bank


def main() -> None:
    parser = command_line.Parser((__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=command_line.folder, required=True, metavar="DIR")
    parser.add_argument("--only", nargs="+", choices=["head", "degraded"], default=["head", "degraded"])
    parser.add_argument("--seeds", type=command_line.seed, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS), help="for head")
    parser.add_argument(
        "--spread",
        choices=["uniform", "log"],
        default="uniform",
        help="of the cells' first time spans; for head",
    )
    parser.add_argument(
        "--steps", type=command_line.whole(1), help="of training; the default is that of each experiment"
    )
    parser.add_argument(
        "--most", type=command_line.whole(1), default=500, help="photographs of a class at most"
    )
    parser.add_argument("--distractors", nargs="+", default=[], metavar="FOLDER", help="for degraded")
    parser.add_argument("--classifier", default="efficientnet-lite0")
    parser.add_argument(
        "--bank", type=command_line.file_to_write, help="where the classifier's answers are kept"
    )
    parser.add_argument(
        "--plot", type=command_line.picture_to_write, help="picture of the accuracy by gap; for degraded"
    )
    parser.add_argument("--json", type=command_line.file_to_write)
    options = parser.parse_args()
    for name in options.distractors:
        if not (options.images / name).is_dir():
            parser.error(f"--distractors {name}: no such folder in {str(options.images)!r}. Check the name.")
    torch.set_num_threads(1)
    results: dict[str, object] = {}
    for experiment in options.only:
        bank = bank_of(options, experiment)
        others = None
        if options.distractors and experiment == "degraded":
            classifier = load_classifier(options.classifier, classes="model-problem")
            others = distractor_bank(
                options.images, options.distractors, classifier, bank.classes, bank=options.bank
            )
        runs: list[Run] = []
        gap_runs: list[Gaps] = []
        for seed in options.seeds:
            if experiment == "head":
                forget = wd.cells.Chrono(1000, spread=options.spread)
                runs.append(head_run(bank, seed, options.steps or 1200, options.cells, forget))
                print(f"head, seed {seed}", flush=True)
            else:
                run, gaps, seconds = degraded_run(
                    bank, seed, options.steps or WorldTraining().steps, distractors=others
                )
                runs.append(run)
                gap_runs.append(gaps)
                print(f"degraded, seed {seed}: trained in {seconds:.0f} s of one core", flush=True)
        print(f"\n### {experiment}: {len(bank)} photographs, seeds {', '.join(map(str, options.seeds))}\n")
        kinds = [ALL] if experiment == "head" else [ALL, *FOUR]
        print("\n".join(table(runs, kinds, canines=experiment == "head")), flush=True)
        if gap_runs and options.plot is not None:
            title = f"Wolf or dog, on photographs it was not trained on ({bank.classifier})"
            draw_gap_panels(mean_gap_tables(gap_runs), options.plot, fps=default_world().fps, title=title)
        results[experiment] = {
            str(seed): {name: asdict(scores) for name, scores in run.items()}
            for seed, run in zip(options.seeds, runs, strict=True)
        }
    if options.json is not None:
        with atomic_write(options.json) as file:
            json.dump({"images": options.images.name, **results}, file, indent=1)


if __name__ == "__main__":
    command_line.run(main)
