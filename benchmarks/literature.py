"""A row per published result on sequences, ours beside it: python benchmarks/literature.py --json FILE

    --only ROW ...    rows; all where they are not given
    --models NAME ... cells and other models; all of a row where they are not given
    --seeds N ...     seeds, 0 1 2 where they are not given
    --quick           a tenth of the training, one seed and, where no models are given, those of QUICK
    --music DIR       folder of JSB_Chorales.mat and Nottingham.mat
    --mnist DIR       folder of mnist.npz
    --scores DIR      folder of 50salads_mid_SVM.npz and gtea_SVM.npz
    --stories DIR     folder of the files of bAbI

Rows whose folder is not given are left out, unless --only names them: then this is an error, as is a folder that lacks
a file of a row. The score of the synthetic rows is the share of 1,000 test sequences, of a seed of their own, that are
wrong; that of music the loss in nats per chord; that of digits and frames the share that is right; that of questions
the share that is wrong. docs/explanation/literature.md says how settings were chosen, and which of them were changed
after test scores had been seen. FILE is written after every run, and runs that it holds are not repeated. Seconds and
milliseconds are of the processor, in one thread: milliseconds of one training step, ours and that of the same model on
torch.nn's layer.
"""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

import command_line
from published.rows import ROWS
from published.training import Run
from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError

FOLDERS = {
    "music": "JSB_Chorales.mat and Nottingham.mat",
    "mnist": "mnist.npz",
    "scores": "50salads_mid_SVM.npz and gtea_SVM.npz",
    "stories": "qa1_..._train.txt and _test.txt, and those of tasks 2 and 3",
}
QUICK = ("LSTM", "two-way LSTM", "memory network")
MODELS = tuple(dict.fromkeys(model for row in ROWS.values() for model in row.task.models))


def run(name: str, model: str, seed: int, *, quick: bool, folder: Path) -> Run:
    """One model, trained and tested once."""
    found = ROWS[name].task.run(model, seed, 0.1 if quick else 1.0, folder)
    return {"row": name, "model": model, "seed": seed, "quick": quick, **found}


def lines(runs: Sequence[Run]) -> list[str]:
    """Markdown table, a line for each row and model."""
    found = [
        "| row | model | ours | seeds | training | s | ms a step | torch.nn, ms | paper |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for name in (name for name in ROWS if any(run["row"] == name for run in runs)):
        row = ROWS[name]
        paper = f"{row.paper}: {row.figure} ({row.checked or 'recalled'})"
        for model in (
            model for model in MODELS if any((name, model) == (r["row"], r["model"]) for r in runs)
        ):
            mine = [run for run in runs if (run["row"], run["model"]) == (name, model)]
            budget = ", ".join(dict.fromkeys(run["budget"] for run in mine))
            cells = [name, model, score(name, mine), str(len(mine)), budget, *times(mine), paper]
            found.append(f"| {' | '.join(cells)} |")
            paper = ""
    return found


def score(name: str, mine: Sequence[Run]) -> str:
    """Mean and standard deviation of the scores of runs of a row, with what else is found."""
    scores = [run["score"] for run in mine]
    found = f"{statistics.fmean(scores):.2f}"
    if len(mine) > 1:
        found += f" ± {statistics.stdev(scores):.2f}"
    found += ROWS[name].task.unit
    if "up_to" in mine[0]:
        found += f", n up to {', '.join(str(run['up_to']) for run in mine)}"
    if name.startswith("copying"):
        found += f", {statistics.fmean(run['test loss'] for run in mine):.3f} nats"
    return found


def times(mine: Sequence[Run]) -> list[str]:
    """Seconds of training, and milliseconds of a step, ours and torch.nn's."""
    peers = [run["milliseconds"].get("torch.nn") for run in mine]
    return [
        f"{statistics.median(run['seconds'] for run in mine):.0f}",
        f"{statistics.median(run['milliseconds']['wolfdog'] for run in mine):.1f}",
        f"{statistics.median(peers):.1f}" if None not in peers else "",
    ]


def known(path: Path) -> list[Run]:
    """Runs that a file holds.

    Raises:
        InputError: It was not written by this script.
    """
    if not path.exists():
        return []
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))
        if not all({"row", "model", "seed", "quick", "score", "budget"} <= run.keys() for run in runs):
            raise ValueError("a run lacks what is known of each")
        return list(runs)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a file of this script: {error}. Choose another --json.") from error


def folders(rows: Sequence[str], named: bool, given: Mapping[str, Path | None]) -> dict[str, Path]:
    """The rows to run, each with its folder; the working directory where a row reads no file.

    Raises:
        InputError: A folder lacks a file of a row, or a row that the user named has no folder.
    """
    found = {}
    for name in rows:
        task = ROWS[name].task
        folder = given[task.folder] if task.folder else Path()
        if folder is None:
            needed = f"--{task.folder} DIR with {' and '.join(task.files)} is needed"
            if named:
                raise InputError(f"--only {name}: {needed}.")
            print(f"{name}: left out; {needed}", file=sys.stderr)
            continue
        if missing := [pattern for pattern in task.files if not any(folder.glob(pattern))]:
            raise InputError(
                f"--{task.folder} {folder}: {name} needs {' and '.join(missing)}, and no such file is there. "
                "Add it, or choose other rows with --only."
            )
        found[name] = folder
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("--json", type=command_line.file_to_write, required=True)
    parser.add_argument("--only", nargs="+", choices=ROWS)
    parser.add_argument("--models", nargs="+", choices=MODELS)
    parser.add_argument("--seeds", nargs="+", type=command_line.seed, default=(0, 1, 2))
    parser.add_argument("--quick", action="store_true")
    for name, files in FOLDERS.items():
        parser.add_argument(f"--{name}", type=command_line.folder, metavar="DIR", help=f"folder of {files}")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    runs = known(given.json)
    rows = folders(given.only or tuple(ROWS), bool(given.only), vars(given))
    wanted = given.models or (QUICK if given.quick else MODELS)
    if not any(model in wanted for name in rows for model in ROWS[name].task.models):
        raise InputError(f"--models {' '.join(wanted)}: no chosen row has such a model. Choose another one.")
    seeds = given.seeds[:1] if given.quick else given.seeds
    for name, folder in rows.items():
        models = (model for model in ROWS[name].task.models if model in wanted)
        for model, seed in ((model, seed) for model in models for seed in seeds):
            key = {"row": name, "model": model, "seed": seed, "quick": given.quick}
            if any(key.items() <= one.items() for one in runs):
                continue
            runs.append(run(name, model, seed, quick=given.quick, folder=folder))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
            with atomic_write(given.json) as file:
                json.dump(runs, file, indent=0)
    print("\n".join(lines([one for one in runs if one["quick"] == given.quick])))


if __name__ == "__main__":
    command_line.run(main)
