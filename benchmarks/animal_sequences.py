"""What comes next at a camera trap, and when: python benchmarks/animal_sequences.py --data FILE --json OUT

FILE has the columns site, datetime and species, sorted or not, gzipped or not. Sites are split by a hash of their name,
six in ten to train, two to validate, two to test. At every event the species of the next event at the site is named,
and the time until it in eight classes, from what was seen at this site so far. Methods: frequency in training sites and
at the site so far, the same as last, a Markov chain, gradient-boosted trees on hand-made features, and memories of
wolfdog. Smoothing, the number of trees and the epochs are chosen on the validation sites; the test sites
are used once.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import command_line
from sightings import baselines, memories
from sightings.reading import OTHER, Sightings, read, targets
from wolfdog.atomic import atomic_write

SPECIES = ("wolf", "dog_domestic", "bear_black", "coyote")
MEMORIES = ("elman", "lstm", "four-gate-lstm", "gru", "attention")

Scores = dict[str, Any]


def scores(pair: baselines.Pair, sightings: Sightings, species: Sequence[str]) -> Scores:
    """Log loss and top-1 of the next species and of the time until it, and of events that are of one species."""
    sites = sightings.parts["test"]
    of_species, of_waits = targets(sites)
    named = pair[0].argmax(1)
    found: Scores = {
        "loss": baselines.log_loss(pair[0], of_species),
        "top1": float((named == of_species).mean()),
        "wait_loss": baselines.log_loss(pair[1], of_waits),
        "wait_top1": float((pair[1].argmax(1) == of_waits).mean()),
        "species": {},
    }
    for name in species:
        number = sightings.classes.index(name)
        mine = of_species == number
        if mine.any():
            found["species"][name] = {
                "events": int(mine.sum()),
                "loss": baselines.log_loss(pair[0][mine], of_species[mine]),
                "top1": float((named[mine] == number).mean()),
            }
    return found


def methods(sightings: Sightings, given: argparse.Namespace):
    """Name, seed, and function that gives the probabilities at the test sites."""
    test = sightings.parts["test"]
    yield "frequency in training", 0, lambda: baselines.overall(sightings, test)
    yield "frequency at the site", 0, lambda: baselines.site_frequency(sightings, test)
    yield "same as last", 0, lambda: baselines.same_as_last(sightings, test)
    yield "Markov chain", 0, lambda: baselines.markov(sightings, test)
    yield "boosted trees", 0, lambda: baselines.boosted_trees(sightings, test, most=given.rounds)
    for memory in given.memories:
        for seed in given.seeds:

            def learned(memory=memory, seed=seed):
                model, epochs = memories.taught(sightings, memory, seed, given.epochs)
                print(f"{memory}, seed {seed}: best after {epochs} epochs", file=sys.stderr, flush=True)
                return memories.forecast(model, test)

            yield memory, seed, learned


def shown(values: Sequence[float], scale: float = 1.0, digits: int = 3) -> str:
    """Mean, and the standard deviation over several seeds."""
    mean = f"{scale * statistics.fmean(values):.{digits}f}"
    return f"{mean} ± {scale * statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def table(found: dict[str, list[Scores]], species: Sequence[str]) -> str:
    """Markdown tables: over all events, and over those of each species."""
    lines = [
        "| method | next: log loss | top-1, % | wait: log loss | top-1, % |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, runs in found.items():
        cells = [
            shown([run["loss"] for run in runs]),
            shown([run["top1"] for run in runs], 100, 1),
            shown([run["wait_loss"] for run in runs]),
            shown([run["wait_top1"] for run in runs], 100, 1),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    first = next(iter(found.values()))[0]["species"]
    kept = [name for name in species if name in first]
    heads = [f"{name} ({first[name]['events']:,})" for name in kept]
    lines += ["", f"| log loss, top-1 in % | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(kept)}"]
    for name, runs in found.items():
        cells = [
            f"{shown([run['species'][one]['loss'] for run in runs], digits=2)}, "
            f"{shown([run['species'][one]['top1'] for run in runs], 100, 1)}"
            for one in kept
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=command_line.file_to_write, required=True)
    parser.add_argument("--memories", nargs="*", default=MEMORIES)
    parser.add_argument("--seeds", nargs="+", type=command_line.seed, default=(0, 1, 2))
    parser.add_argument("--epochs", type=command_line.whole(1), default=40, help="at most")
    parser.add_argument("--rounds", type=command_line.whole(1), default=60, help="of boosting, at most")
    parser.add_argument("--species", nargs="+", default=SPECIES, help="scored one by one")
    parser.add_argument(
        "--least", type=command_line.whole(1), default=100, help="training events that make a species a class"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for memory in given.memories:
        memories.Forecaster(memory, 2)  # a name that no memory has is refused before any training
    sightings = read(given.data, least=given.least, always=given.species)
    species = [name for name in given.species if name in sightings.classes]
    counts = {part: (len(sites), sum(map(len, sites))) for part, sites in sightings.parts.items()}
    named = f"{len(sightings.classes)} classes: {', '.join(name for name in sightings.classes if name != OTHER)}, other"
    print(", ".join(f"{part} {sites} sites, {events:,} events" for part, (sites, events) in counts.items()))
    print(named, flush=True)
    found: dict[str, list[Scores]] = {}
    for name, seed, method in methods(sightings, given):
        began = time.process_time()
        run = scores(method(), sightings, species)
        found.setdefault(name, []).append(run | {"seed": seed, "seconds": time.process_time() - began})
        with atomic_write(given.json) as file:
            json.dump({"counts": counts, "classes": sightings.classes, "methods": found}, file, indent=1)
    print(table(found, species))


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    command_line.run(main)
