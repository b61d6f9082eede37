"""Forms of the any-class memory, trained alike on simulated streams and judged on others.

    python benchmarks/memory_variants.py --steps 600 --json variants.json

Every form has the same seed, the same number of steps and the same streams, so that the rows differ in the form alone;
the memory in the package was trained for longer. Printed for each: the log loss on streams without and with bursts,
the mean change of accuracy and of the recall of rare classes against the classifier, the processor seconds of the
training, the size of the file, and the time of a frame at 20 classes.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from smoothing_sets.labelled import Labelled, from_streams, judge
from smoothing_sets.metrics import metrics
from smoothing_sets.speed import microseconds_a_frame
from wolfdog.watch.smoothing import METHODS, AnyClass
from wolfdog.watch.smoothing.any_class_file import save_network
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig
from wolfdog.watch.smoothing.camera_times import Times
from wolfdog.watch.smoothing.pretraining import Pretraining, pretrain
from wolfdog.watch.smoothing.simulation import simulate
from wolfdog.watch.smoothing.world import TRAINED, Ranges

FORMS: dict[str, tuple[AnyClassConfig, dict[str, object]]] = {
    "width 16": (AnyClassConfig(width=16), {}),
    "width 32": (AnyClassConfig(width=32), {}),
    "width 48": (AnyClassConfig(width=48), {}),
    "width 64": (AnyClassConfig(width=64), {}),
    "width 48, weighted mean of classes": (AnyClassConfig(width=48, pooling="weighted"), {}),
    "width 48, plain mean of classes": (AnyClassConfig(width=48, pooling="mean"), {}),
    "width 48, no seconds": (AnyClassConfig(width=48, times=False), {}),
    "width 48, no loss of harm": (AnyClassConfig(width=48), {"harm": 0.0}),
}
KINDS: dict[str, Ranges] = {
    "no bursts": replace(TRAINED, times=Times(bursty=0.0)),
    "bursts": replace(TRAINED, times=Times(bursty=1.0)),
}
CLASSES = (5, 20)
SEED = 9_000_011


def held_out() -> dict[str, list[Labelled]]:
    """Streams of each kind that nothing is trained on."""
    found: dict[str, list[Labelled]] = {}
    for kind, ranges in KINDS.items():
        for K in CLASSES:
            made = simulate(48, 120, K, np.random.default_rng([SEED, K]), ranges)
            found.setdefault(kind, []).extend(from_streams(made))
    return found


def judged(config: AnyClassConfig, options: Pretraining, sets: dict[str, list[Labelled]]) -> dict[str, float]:
    """Figures of one form."""
    start = time.process_time()
    network = pretrain(options, config)
    row = {"seconds": time.process_time() - start}
    memory = AnyClass(network=network)
    for kind, parts in sets.items():
        now = metrics(judge(memory, parts), by_stream=True)
        before = metrics(judge(METHODS["none"](), parts), by_stream=True)
        row[f"log loss, {kind}"] = now["log loss"]
        for metric in ("accuracy", "rare recall"):
            row[metric] = row.get(metric, 0.0) + (now[metric] - before[metric]) / len(sets)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.safetensors"
        save_network(file, network)
        row["kB"] = file.stat().st_size / 1000
    row["µs"] = microseconds_a_frame(memory, classes=20)
    return row


def _cell(column: str, value: float) -> str:
    if "loss" in column:
        return f"{value:.3f}"
    return f"{value:+.1f}" if column in ("accuracy", "rare recall") else f"{value:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sets, rows = held_out(), {}
    columns = [*(f"log loss, {kind}" for kind in KINDS), "accuracy", "rare recall", "seconds", "kB", "µs"]
    print(f"| form | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}", flush=True)
    for name in arguments.only:
        config, changed = FORMS[name]
        options = replace(Pretraining(steps=arguments.steps, ahead_steps=1, seed=arguments.seed), **changed)
        rows[name] = judged(config, options, sets)
        cells = [_cell(column, rows[name][column]) for column in columns]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
