"""Memory networks on questions about stories, beside an LSTM and the paper: python benchmarks/babi.py --json FILE

Tasks 1, 2 and 3 of bAbI (one, two and three supporting facts), each learned alone from 1,000 and 10,000 questions, by
memory networks of three hops: with bags of words (BoW), position encoding (PE), a linear start (LS), random noise (RN).

    --data DIR     where the files of bAbI are (qa1_..._train.txt and _test.txt, with --train questions or more); tasks
                   that are not there are told by a world of our own, stories/world.py: training by seed 0, test by 1
    --seeds N ...  how many networks learn from each number of questions, from seeds 0, 1, ...
    --epochs N ... how many epochs, 100 as in the paper unless given; of an LSTM at most so many

One question in ten is kept apart from training, and tells when an LSTM has learned; nothing is chosen by the test
part. FILE is written after every network, and what is in it already is not learned again.
"""

import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import command_line
from stories import learning, paper
from stories.numbers import Asked, Vocabulary, asked
from stories.reading import Question, read_file, read_lines
from stories.world import stories
from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError

TEST = 1000
CAPACITY, HOPS = 50, 3
SIZES = {1000: 20, 10_000: 50}
MODELS = (*learning.VARIANTS, "LSTM")

Run = dict[str, Any]


def files(task: int, data: Path | None) -> list[Path]:
    """The files of bAbI of a task, to learn from and of the test; none where they are not there."""
    found = [sorted(data.glob(f"qa{task}_*_{part}.txt"))[:1] for part in ("train", "test")] if data else []
    return [path for one in found for path in one] if all(found) else []


def material(task: int, count: int, data: Path | None) -> tuple[list[Question], list[Question]]:
    """Questions to learn from, and those of the test."""
    if found := files(task, data):
        train, test = map(read_file, found)
    else:  # the 1,000 are the first of the 10,000, as they are of a file
        train, test = (read_lines(stories(task, n, seed)) for seed, n in enumerate((max(SIZES), TEST)))
    if len(train) < count:
        raise InputError(
            f"task {task}: {count} questions to learn from are wanted, its file has {len(train)}. Choose a --train."
        )
    return train[:count], test


def learned_before(path: Path) -> list[Run]:
    """What a file that this script wrote holds; nothing where there is no file."""
    if not path.exists():
        return []
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))
        if not all(
            run.keys() >= {"task", "questions", "model", "seed", "origin", "train", "test"} for run in runs
        ):
            raise ValueError("a network lacks what is known of each")
        return list(runs)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a file that this script wrote: {error}. Choose another --json."
        ) from error


def learned(name: str, seed: int, vocabulary: int, size: int, parts: Sequence[Asked], epochs: int) -> Run:
    """What became of one network: its errors, the epochs of its linear start or of an LSTM, the processor's seconds."""
    train, valid, _ = parts
    torch.manual_seed(seed)
    start = time.process_time()
    if name == "LSTM":
        model = learning.Listener(vocabulary, 50)
        took = learning.teach_listener(model, train, valid, epochs)
    else:
        model = learning.memory_network(learning.VARIANTS[name], vocabulary, size, HOPS, CAPACITY)
        took = learning.teach_memory_network(model, train, epochs)
    errors = {
        part: learning.error(model, data)
        for part, data in zip(("train", "valid", "test"), parts, strict=True)
    }
    return {**errors, "took": took, "seconds": time.process_time() - start}


def cell(name: str, task: int, count: int, runs: list[Run]) -> str:
    """Mean and standard deviation of so many [the paper's way] (the paper)."""
    of_cell = [run for run in runs if (run["task"], run["questions"], run["model"]) == (task, count, name)]
    if not of_cell:
        return ""
    errors = [run["test"] for run in of_cell]
    spread = f" ± {statistics.stdev(errors):.1f}" if len(errors) > 1 else ""
    best = min(of_cell, key=lambda run: (run["train"], run["seed"]))["test"]
    recalled = paper.told(task, count, name)
    told = "" if recalled is None else f" ({recalled})"
    return f"{statistics.mean(errors):.1f}{spread} of {len(errors)} [{best:.1f}]{told}"


def table(runs: list[Run]) -> str:
    """A row for each task and number of questions."""
    rows = sorted({(run["questions"], run["task"], run["origin"]) for run in runs})
    known = {
        count: [run for run in runs if run["questions"] == count]
        for count in sorted({count for count, *_ in rows})
    }
    taught = "; ".join(
        f"from {count:,} questions in {' and '.join(map(str, sorted({run['epochs'] for run in of})))} epochs"
        for count, of in known.items()
    )
    head = [
        "Errors on the test part in %: mean ± standard deviation of so many networks [the one that errs least in",
        f"training] (the paper's, recalled: the latter of ten networks in 100 epochs); {taught}:",
        "",
        f"| task | questions | {' | '.join(MODELS)} |",
        f"| --- | ---: |{' ---: |' * len(MODELS)}",
    ]
    body = [
        f"| {task}, {origin} | {count:,} | {' | '.join(cell(name, task, count, runs) for name in MODELS)} |"
        for count, task, origin in rows
    ]
    return "\n".join([*head, *body])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("--data", type=command_line.folder)
    parser.add_argument("--tasks", nargs="+", type=int, choices=(1, 2, 3), default=(1, 2, 3))
    parser.add_argument("--train", nargs="+", type=int, choices=SIZES, default=tuple(SIZES))
    parser.add_argument("--seeds", nargs="+", type=command_line.whole(1), default=(10, 2))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--epochs", nargs="+", type=command_line.whole(1), default=(100,))
    parser.add_argument("--json", type=command_line.file_to_write, required=True)
    given = parser.parse_args(arguments)
    for option in ("seeds", "epochs"):
        if len(getattr(given, option)) not in (1, len(given.train)):
            parser.error(f"--{option} takes one number, or one for each of --train")
    torch.set_num_threads(1)  # so small products are faster so
    runs = learned_before(given.json)
    seeds, epochs = ([*of] * len(given.train) if len(of) == 1 else of for of in (given.seeds, given.epochs))
    wanted = [
        {
            "questions": count,
            "seed": seed,
            "task": task,
            "origin": "bAbI" if files(task, given.data) else "world",
            "model": model,
            "epochs": rounds,
        }
        for count, many, rounds in zip(given.train, seeds, epochs, strict=True)
        for seed in range(many)
        for task in given.tasks
        for model in given.models
    ]
    known: dict[tuple[int, int], tuple[int, list[Asked]]] = {}
    for run in wanted:
        if any(run.items() <= done.items() for done in runs):
            continue
        task, count = run["task"], run["questions"]
        if (task, count) not in known:
            train, test = material(task, count, given.data)
            vocabulary = Vocabulary(train)
            to_learn = asked(train, vocabulary, CAPACITY)
            apart = count - count // 10
            parts = [
                to_learn.part(slice(apart)),
                to_learn.part(slice(apart, count)),
                asked(test, vocabulary, CAPACITY),
            ]
            known[task, count] = len(vocabulary), parts
        words, parts = known[task, count]
        found = learned(run["model"], run["seed"], words, SIZES[count], parts, run["epochs"])
        runs.append({**run, **found})
        print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
        with atomic_write(given.json) as file:
            json.dump(runs, file, indent=0)
    print(table(runs))


if __name__ == "__main__":
    command_line.run(main)
