"""Forms of the any-class memory, trained alike on simulated streams and judged on others.

    python benchmarks/memory_variants.py --steps 600 --json variants.json

Every form has the same seeds, the same number of steps and the same streams, so that the rows differ in the form alone;
the memory in the package was trained for longer. Printed for each, as mean and half the range over the seeds: the log
loss on streams without and with bursts, and the change of accuracy and of the recall of rare classes against the
classifier. Besides, the processor seconds of a training, the size of the file, and the time of a frame at 20 classes.
"""

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import command_line
from smoothing_sets.labelled import Labelled, from_streams, judge
from smoothing_sets.metrics import metrics
from smoothing_sets.speed import microseconds_a_frame
from wolfdog.atomic import atomic_write
from wolfdog.watch.smoothing import METHODS, AnyClass
from wolfdog.watch.smoothing.any_class_file import save_network
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig
from wolfdog.watch.smoothing.camera_times import Times
from wolfdog.watch.smoothing.pretraining import Pretraining, pretrain
from wolfdog.watch.smoothing.simulation import simulate
from wolfdog.watch.smoothing.world import TRAINED, Ranges

FORMS: dict[str, tuple[AnyClassConfig, dict[str, object]]] = {
    "width 40, attention": (AnyClassConfig(), {}),
    "width 32": (AnyClassConfig(width=32), {}),
    "width 64": (AnyClassConfig(width=64), {}),
    "weighted mean of classes": (AnyClassConfig(pooling="weighted"), {}),
    "plain mean of classes": (AnyClassConfig(pooling="mean"), {}),
    "no seconds": (AnyClassConfig(times=False), {}),
    "no loss of harm": (AnyClassConfig(), {"harm": 0.0}),
}
"""The package's form, and others that differ from it in one thing."""
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


def _cell(column: str, values: list[float]) -> str:
    mean, spread = np.mean(values), (max(values) - min(values)) / 2
    if "loss" in column:
        return f"{mean:.3f} ± {spread:.3f}"
    return f"{mean:+.1f} ± {spread:.1f}" if column in ("accuracy", "rare recall") else f"{mean:.0f}"


def main() -> None:
    parser = command_line.Parser((__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=command_line.whole(1), default=600)
    parser.add_argument("--seeds", type=command_line.seed, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--json", type=command_line.file_to_write)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sets, rows = held_out(), {}
    columns = [*(f"log loss, {kind}" for kind in KINDS), "accuracy", "rare recall", "seconds", "kB", "µs"]
    print(f"| form | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}", flush=True)
    for name in arguments.only:
        config, changed = FORMS[name]
        options = replace(Pretraining(steps=arguments.steps, ahead_steps=0), **changed)
        rows[name] = [judged(config, replace(options, seed=seed), sets) for seed in arguments.seeds]
        cells = [_cell(column, [row[column] for row in rows[name]]) for column in columns]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    if arguments.json:
        with atomic_write(arguments.json) as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    command_line.run(main)
