"""Smoothing methods side by side: simulated streams, real label sequences, real classifiers' scores.

    python benchmarks/smoothing.py --quick
    python benchmarks/smoothing.py --sequences DIR --scores DIR --json smoothing.json

Simulated streams are of seeds and ranges that the memory was not trained on, with the ideal filter as the limit. Each
baseline is tuned twice on training streams of other seeds, for log loss and for macro-F1, and shown with the better
of the two. Sequences are `*.csv.gz` with site, datetime and species; scores are `*.npz` with `<split>_<video>_S` and
`_Y`.
"""

import argparse
import json

import numpy as np
import torch

import command_line
from smoothing_sets.labelled import Judged, Labelled, judge
from smoothing_sets.metrics import lost_species, metrics
from smoothing_sets.scores import joined, load_scores
from smoothing_sets.sequences import load_sequences
from smoothing_sets.simulated import KINDS, simulated
from smoothing_sets.speed import microseconds_a_frame
from smoothing_sets.tuning import tuned
from wolfdog.atomic import atomic_write
from wolfdog.watch.smoothing import AnyClass, Method
from wolfdog.watch.smoothing.any_class_file import load_network
from wolfdog.watch.smoothing.fit import fit_memory

Row = dict[str, float]
Table = dict[str, Row]


def compare(
    parts: list[Labelled],
    baselines: dict[str, tuple[Method, Method]],
    memories: dict[str, tuple[Method, bool]],
    ideal: list[Judged] | None,
    *,
    by_stream: bool,
) -> Table:
    """Metrics of every method on one set."""
    judged = {}
    for name, (by_loss, by_f1) in baselines.items():
        judged[name] = (judge(by_loss, parts), judge(by_f1, parts))
    for name, (method, ahead) in memories.items():
        judged[name] = (judge(method, parts, ahead=ahead),) * 2
    if ideal is not None:
        judged["ideal filter"] = (ideal, ideal)
    classifier = judged["none"][0]
    table = {}
    for name, (by_loss, by_f1) in judged.items():
        row = metrics(by_f1, by_stream=by_stream)
        if by_f1 is not by_loss:
            of_loss = metrics(by_loss, by_stream=by_stream)
            row |= {metric: of_loss[metric] for metric in ("log loss", "ECE")}
        row["lost"] = lost_species(by_f1, classifier)
        table[name] = row
    return table


def mean_table(tables: list[Table]) -> Table:
    """Mean over seeds, the undefined left out."""
    with np.errstate(invalid="ignore"):
        return {
            name: {
                metric: float(np.nanmean([one[name][metric] for one in tables]))
                if any(np.isfinite(one[name][metric]) for one in tables)
                else float("nan")
                for metric in tables[0][name]
            }
            for name in tables[0]
        }


def show(title: str, table: Table) -> None:
    """Print a set's table."""
    columns = list(next(iter(table.values())))
    print(f"\n### {title}\n\n| method | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for name, row in table.items():
        cells = [
            "" if np.isnan(row[c]) else f"{row[c]:.2f}" if c == "log loss" else f"{row[c]:.1f}"
            for c in columns
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def simulated_sets(
    arguments: argparse.Namespace, memories: dict[str, tuple[Method, bool]]
) -> dict[str, Table]:
    """Tables of simulated streams, means over the seeds."""
    small = arguments.quick
    streams, frames = (16, 60) if small else (32, 120)
    rows = [("standard", 5), ("wider", 5)]
    if not small:
        of_kind = {"standard": (3, 5, 8, 20), "plain": (5, 8), "wider": (3, 8, 20, 50, 200)}
        rows = [(kind, K) for kind in KINDS for K in of_kind.get(kind, (8,))]
    rows = [(kind, K) for kind, K in rows if kind in (arguments.kinds or KINDS)]
    found = {}
    for kind, K in rows:
        training, _ = simulated(kind, K, 10_000, streams=streams, frames=frames)
        baselines = tuned(training, by_stream=True)
        tables = []
        for seed in range(arguments.seeds):
            parts, ideal = simulated(kind, K, seed, streams=streams, frames=frames)
            tables.append(compare(parts, baselines, memories, ideal, by_stream=True))
        found[f"simulated, {kind}, {K} classes"] = mean_table(tables)
        show(f"simulated, {kind}, {K} classes", mean_table(tables))
    return found


def sequence_sets(
    arguments: argparse.Namespace, memories: dict[str, tuple[Method, bool]]
) -> dict[str, Table]:
    """Tables of real label sequences."""
    found = {}
    for file in sorted(arguments.sequences.glob("*.csv.gz")):
        if "EVENTS" in file.name or "uruguay" in file.name:  # events of a set that is there; too few images
            continue
        sites, images = (5, 60) if arguments.quick else (30, 400)
        tables = []
        for seed in range(arguments.seeds):
            training = load_sequences(file, seed, train=True, sites=sites, images=images)
            test = load_sequences(file, seed, train=False, sites=sites, images=images)
            baselines = tuned([training], by_stream=False)
            tables.append(compare([test], baselines, memories, None, by_stream=False))
        title = f"sequences, {file.name.removesuffix('.csv.gz')}"
        found[title] = mean_table(tables)
        show(title, found[title])
    return found


def score_sets(arguments: argparse.Namespace, memories: dict[str, tuple[Method, bool]]) -> dict[str, Table]:
    """Tables of real classifiers' scores: each split judged, the others trained on."""
    found = {}
    for file in sorted(arguments.scores.glob("*.npz")):
        splits = load_scores(file)
        judged: dict[str, list[Judged]] = {}
        for split, test in splits.items():
            training = [joined([part for name, part in splits.items() if name != split])]
            methods = {name: (one[0], False) for name, one in tuned(training, by_stream=False).items()}
            methods |= memories
            if not arguments.quick:
                network = next(iter(memories.values()))[0].network
                trained = fit_memory(training[0].table, training[0].labels, network=network)
                methods |= {"memory, trained": (trained, False), "memory, trained, ahead": (trained, True)}
            for name, (method, ahead) in methods.items():
                judged.setdefault(name, []).extend(judge(method, [test], ahead=ahead))
        title = f"scores, {file.stem}"
        found[title] = {
            name: metrics(parts, by_stream=False) | {"lost": lost_species(parts, judged["none"])}
            for name, parts in judged.items()
        }
        show(title, found[title])
    return found


def targets(tables: dict[str, Table]) -> None:
    """Print which of the aims are met."""
    print("\n### Aims\n")
    for title, table in tables.items():
        notes = _of_scores(table) if title.startswith("scores") else _of_streams(table, _classes(title))
        print(f"- {title}: {'; '.join(notes)}")


def _classes(title: str) -> int | None:
    words = title.split()
    return int(words[-2]) if words[-1] == "classes" else None


def _of_scores(table: Table) -> list[str]:
    notes = []
    for name, least in (("memory", -0.2), ("memory, trained", 2.0)):
        if name in table:
            gain = table[name]["accuracy"] - table["none"]["accuracy"]
            notes.append(_aim(f"{name} {gain:+.2f} points of frames", gain >= least, f"{least:+g}"))
    return notes


def _of_streams(table: Table, classes: int | None) -> list[str]:
    memory, none = table["memory"], table["none"]
    baselines = [row for name, row in table.items() if "memory" not in name and name != "ideal filter"]
    loss = min(row["log loss"] for row in baselines)
    f1 = max(row["macro-F1"] for row in baselines)
    rare = memory["rare recall"] - none["rare recall"]
    notes = [
        _aim(f"log loss {memory['log loss']:.3f}", memory["log loss"] < loss, f"below {loss:.3f}"),
        _aim(f"macro-F1 {memory['macro-F1']:.1f}", memory["macro-F1"] > f1, f"above {f1:.1f}"),
    ]
    if classes is not None and classes < 5:
        notes = [note.split(" (")[0] for note in notes]  # the aims begin at 5 classes
    if not np.isnan(rare):
        notes.append(_aim(f"rare recall {rare:+.1f}", rare >= -1, "-1 or more"))
    if "ideal filter" in table:
        ideal = table["ideal filter"]
        way = {m: 100 * (memory[m] - none[m]) / (ideal[m] - none[m]) for m in ("log loss", "accuracy")}
        notes.append(
            _aim(
                f"way to the ideal filter in log loss {way['log loss']:.0f} %", way["log loss"] >= 50, "50 %"
            )
        )
        notes.append(f"in accuracy {way['accuracy']:.0f} %")
    return notes


def _aim(figure: str, met: bool, aim: str) -> str:
    return f"{figure} (aim {aim}: {'met' if met else 'missed'})"


def speed(method: AnyClass) -> None:
    """Print the processor time of a frame at 20 classes, on one thread."""
    for ahead in (False, True):
        best = microseconds_a_frame(method, classes=20, ahead=ahead)
        print(f"memory{', ahead' if ahead else ''}: {best:.1f} µs a frame at 20 classes")


def main() -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("--sequences", type=command_line.folder, help="folder of label sequences, *.csv.gz")
    parser.add_argument("--scores", type=command_line.folder, help="folder of classifiers' scores, *.npz")
    parser.add_argument(
        "--network", type=command_line.file_to_read, help="network to judge instead of the pretrained one"
    )
    parser.add_argument("--seeds", type=command_line.whole(1), default=5)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), help="only these simulated streams")
    parser.add_argument("--skip-simulated", action="store_true")
    parser.add_argument("--quick", action="store_true", help="small sets, one seed, nothing trained")
    parser.add_argument("--json", type=command_line.file_to_write, help="where to write all numbers")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds = 1
    torch.set_num_threads(1)
    memory = AnyClass(network=load_network(arguments.network) if arguments.network else None)
    memories: dict[str, tuple[Method, bool]] = {"memory": (memory, False), "memory, ahead": (memory, True)}
    tables: dict[str, Table] = {}
    if not arguments.skip_simulated:
        tables |= simulated_sets(arguments, memories)
    if arguments.sequences:
        tables |= sequence_sets(arguments, memories)
    if arguments.scores:
        tables |= score_sets(arguments, memories)
    targets(tables)
    speed(memory)
    if arguments.json:
        with atomic_write(arguments.json) as file:
            json.dump(tables, file, indent=1)


if __name__ == "__main__":
    command_line.run(main)
