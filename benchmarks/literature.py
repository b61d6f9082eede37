"""A row per published result on sequences, ours beside it: python benchmarks/literature.py --json FILE

    --only ROW ...    adding-100, adding-500, adding-1000, temporal-order, embedded-reber, anbncn, jsb, nottingham
    --cells NAME ...  cells that are compared, all where they are not given
    --seeds N ...     seeds, 0 1 2 where they are not given
    --quick           a tenth of the training and one seed
    --music DIR       folder with JSB_Chorales.mat and Nottingham.mat; without it the two rows are left out

The score of the synthetic rows is the share of 1,000 test sequences, of a seed of their own, that are wrong. That of
music is the loss in nats per chord on the test pieces, with the epoch chosen on the validation pieces. The steps of
embedded-reber were raised after scores on other test sequences had been seen, and the figure in the docs is of those
sequences: it is no independent test. Papers' figures are recalled, not
checked. FILE is written after every run, and runs that it holds are not repeated. Milliseconds are of one training
step: ours, and that of the same model on torch.nn's layer.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import wolfdog as wd
from published import music, tasks, training
from published.tasks import Draw
from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError

TEST_SEED, TESTED = 2_000_000, 1000


@dataclass(frozen=True)
class Row:
    """A published result.

    Args:
        source: The paper.
        figure: The paper's figure, in words.
        kind: Loss: "number", "class", "symbols" or "chords".
        sizes: Features of an event and of an output.
        units: Units of a cell.
        steps: Training steps, or epochs of music.
        batch: Sequences in a step.
        rate: Learning rate.
        span: Longest time span of the initial forget gates.
        draw: Batches for training, and for the test; None for music.
        file: File of the music.
    """

    source: str
    figure: str
    kind: str
    sizes: tuple[int, int]
    units: int
    steps: int
    batch: int
    rate: float
    span: float
    draw: tuple[Draw, Draw] | None = None
    file: str = ""
    dropout: float = 0.0


def _adding(length: int, figure: str, steps: int) -> Row:
    draw = partial(tasks.adding, length=length)
    return Row(
        "Hochreiter and Schmidhuber 1997, experiment 4",
        figure,
        "number",
        (2, 1),
        64,
        steps,
        64,
        5e-3,
        float(length),
        (draw, draw),
    )


def _music(file: str, figure: str) -> Row:
    return Row(
        "Bai, Kolter and Koltun 2018",
        figure,
        "chords",
        (88, 88),
        150,
        60,
        16,
        3e-3,
        50.0,
        file=file,
        dropout=0.4,
    )


ROWS = {
    "adding-100": _adding(100, "LSTM: 1 of 2,560 wrong after 74,000 sequences", 1500),
    "adding-500": _adding(500, "LSTM: 0 of 2,560 wrong after 209,000 sequences", 3000),
    "adding-1000": _adding(1000, "LSTM: 1 of 2,560 wrong after 853,000 sequences", 4000),
    "temporal-order": Row(
        "Hochreiter and Schmidhuber 1997, experiment 6b",
        "LSTM: 2 of 2,560 wrong after 571,100 sequences",
        "class",
        (8, 8),
        32,
        1000,
        64,
        1e-2,
        100.0,
        (tasks.temporal_order, tasks.temporal_order),
    ),
    "embedded-reber": Row(
        "Hochreiter and Schmidhuber 1997, experiment 1",
        "LSTM: all of a test set right after 8,440 strings",
        "symbols",
        (7, 7),
        16,
        3000,
        32,
        1e-2,
        20.0,
        (tasks.embedded_reber, tasks.embedded_reber),
    ),
    "anbncn": Row(
        "Gers and Schmidhuber 2001",
        "peephole LSTM, trained on n of 1 to 10: right up to n = 52 on average",
        "symbols",
        (4, 4),
        16,
        2000,
        32,
        1e-2,
        60.0,
        (partial(tasks.counting, low=1, high=10), partial(tasks.counting, low=1, high=10)),
    ),
    "jsb": _music("JSB_Chorales.mat", "LSTM 8.45, GRU 8.43, RNN 8.91, TCN 8.10"),
    "nottingham": _music("Nottingham.mat", "LSTM 3.29, GRU 3.46, RNN 4.05, TCN 3.07"),
}

Run = dict[str, Any]


def made(row: Row, cell: str) -> training.Model:
    """Untrained model of a row."""
    layer = wd.Recurrent(training.CELLS[cell](row.sizes[0], row.units, row.span))
    return training.Model(layer, row.units, row.sizes[1], row.dropout)


def run(name: str, cell: str, seed: int, *, quick: bool, folder: Path | None) -> Run:
    """One cell, trained and tested once."""
    row = ROWS[name]
    torch.manual_seed(seed)
    model, rng = made(row, cell), np.random.default_rng(seed)
    steps = max(1, row.steps // 10) if quick else row.steps
    found: Run = {"row": name, "cell": cell, "seed": seed, "quick": quick}
    began = time.process_time()
    if row.draw is None:
        assert folder is not None
        pieces = music.read(folder / row.file)
        found["epochs"] = training.train_on_music(model, pieces, rng, steps, row.batch, row.rate)
        found["seconds"] = time.process_time() - began
        found["score"] = training.nats_per_chord(model, pieces["test"])
        shown = music.batch(pieces["train"][: row.batch])
    else:
        train, test = row.draw
        found["sequences"] = training.train_on(row.kind, model, train, rng, steps, row.batch, row.rate)
        found["seconds"] = time.process_time() - began
        of_test = np.random.default_rng(TEST_SEED)
        parts = [training.wrong(row.kind, model, test(of_test, 100)) for _ in range(TESTED // 100)]
        found["score"] = 100 * float(np.concatenate(parts).mean())
        shown = train(np.random.default_rng(0), row.batch)
    if name == "anbncn":
        found["up_to"] = _right_up_to(row, model)
    models = {"wolfdog": model}
    if cell in training.IN_TORCH:
        peer = training.IN_TORCH[cell](row.sizes[0], row.units)
        models["torch.nn"] = training.Model(peer, row.units, row.sizes[1], row.dropout)
    found["milliseconds"] = training.milliseconds(row.kind, models, shown)
    return found


def _right_up_to(row: Row, model: training.Model) -> int:
    """Largest n such that a^m b^m c^m is right for all m from 1 to n; at most 500."""
    for n in range(1, 501):
        if training.wrong(row.kind, model, tasks.counting(np.random.default_rng(0), 1, low=n, high=n)).any():
            return n - 1
    return 500


def lines(runs: Sequence[Run]) -> list[str]:
    """Markdown table, a line for each row and cell."""
    found = [
        "| row | cell | ours | paper (recalled) | seeds | training, s | ms a step | torch.nn, ms |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(run["row"] for run in runs):
        for cell in dict.fromkeys(run["cell"] for run in runs if run["row"] == name):
            mine = [run for run in runs if (run["row"], run["cell"]) == (name, cell)]
            scores = [run["score"] for run in mine]
            unit = "" if ROWS[name].kind == "chords" else " %"
            score = f"{statistics.fmean(scores):.2f}{unit}"
            if len(mine) > 1:
                score += f" ± {statistics.stdev(scores):.2f}"
            if "up_to" in mine[0]:
                score += f", n up to {', '.join(str(run['up_to']) for run in mine)}"
            peers = [run["milliseconds"].get("torch.nn") for run in mine]
            peer = f"{statistics.median(peers):.1f}" if peers[0] is not None else ""
            seconds = statistics.median(run["seconds"] for run in mine)
            step = statistics.median(run["milliseconds"]["wolfdog"] for run in mine)
            paper = f"{ROWS[name].source}: {ROWS[name].figure}"
            cells = [name, cell, score, paper, str(len(mine)), f"{seconds:.0f}", f"{step:.1f}", peer]
            found.append(f"| {' | '.join(cells)} |")
    return found


def known(path: Path) -> list[Run]:
    """Runs that a file holds.

    Raises:
        InputError: It was not written by this script.
    """
    if not path.exists():
        return []
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))
        if not all({"row", "cell", "seed", "quick", "score"} <= run.keys() for run in runs):
            raise ValueError("a run lacks what is known of each")
        return list(runs)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a file of this script: {error}. Choose another --json.") from error


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=tuple(ROWS))
    parser.add_argument("--cells", nargs="+", choices=training.CELLS, default=tuple(training.CELLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--music", type=Path)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    runs = known(given.json)
    for name in given.only:
        if ROWS[name].draw is None and given.music is None:
            print(f"{name}: left out; --music DIR is needed", file=sys.stderr)
            continue
        for cell in given.cells:
            for seed in given.seeds[:1] if given.quick else given.seeds:
                key = {"row": name, "cell": cell, "seed": seed, "quick": given.quick}
                if any(key.items() <= one.items() for one in runs):
                    continue
                runs.append(run(name, cell, seed, quick=given.quick, folder=given.music))
                print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
                with atomic_write(given.json) as file:
                    json.dump(runs, file, indent=0)
    print("\n".join(lines([one for one in runs if one["quick"] == given.quick])))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"literature.py: {error}")
