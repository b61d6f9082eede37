"""Random programs against the eager loop, for as long as is asked: python benchmarks/differential.py [--seconds N]

Each program is a random cell of PyTorch's modules and operations, called a few times with a random change in between:
weights, masks, numbers, ties, hooks, methods, modes. Every call is compared with the loop's, outputs and gradients. A
difference is printed with its seed. Programs run in child processes, so that a crash ends no more than one of them; it
is printed with its seed too. With --log, results are added to a file, and a later run goes on after its last seed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import command_line

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

CHUNK = 100
"""Programs of one child process."""

SUMS = "programs", "calls", "kernels", "unstable", "differing", "crashed"


def main() -> int:
    parser = command_line.Parser(__doc__)
    parser.add_argument(
        "--seconds", type=command_line.positive, default=3600.0, help="how long (default: an hour)"
    )
    parser.add_argument(
        "--first",
        type=command_line.whole(0),
        default=0,
        help="the first seed (default: after those of the log, or 0)",
    )
    parser.add_argument(
        "--log",
        type=command_line.file_to_write,
        help="file of results, a line of JSON for each chunk of programs",
    )
    parser.add_argument("--child", type=int, nargs=2, metavar=("FIRST", "END"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _child(*arguments.child)
        return 0
    lines = _read(arguments.log)
    seed = max([arguments.first, *(line["end"] for line in lines)])
    began = time.monotonic()
    while time.monotonic() < began + arguments.seconds:
        line = _chunk(seed, seed + CHUNK)
        for problem in line["problems"]:
            print(problem, flush=True)
        lines.append(line)
        seed = line["end"]
        if arguments.log is not None:
            with arguments.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    total = {name: sum(line.get(name, 0) for line in lines) for name in SUMS}
    print(
        f"{total['programs']:,} programs, {total['calls']:,} calls, of them {total['kernels']:,} by kernels; "
        f"{total['unstable']:,} calls left out, whose numbers lie on a step or a kink; "
        f"{total['differing']} programs differ, {total['crashed']} crashed"
    )
    return bool(total["differing"] or total["crashed"])


def _read(log: Path | None) -> list[dict[str, Any]]:
    if log is None or not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]


def _chunk(first: int, end: int) -> dict[str, Any]:
    """Results of the programs of some seeds, by a child process; it ends early where the process crashed."""
    command = [sys.executable, __file__, "--child", str(first), str(end)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found = [json.loads(line) for line in child.stdout.splitlines()]
    done = [line for line in found if "calls" in line]
    problems = [text for line in done for text in line["differences"]]
    crashed = child.returncode != 0
    if crashed:
        problems.append(f"seed {first + len(done)}: the process ended with {child.returncode}")
    return {
        "first": first, "end": first + len(done) + crashed, "programs": len(done) + crashed,
        "calls": sum(line["calls"] for line in done), "kernels": sum(line["kernels"] for line in done),
        "unstable": sum(line.get("unstable", 0) for line in done),
        "differing": sum(bool(line["differences"]) for line in done), "crashed": int(crashed),
        "problems": problems,
    }  # fmt: skip


def _child(first: int, end: int) -> None:
    from dataclasses import asdict

    from differential import differences  # loads PyTorch, which the parent process does not need

    for seed in range(first, end):
        print(json.dumps(asdict(differences(seed))), flush=True)


if __name__ == "__main__":
    sys.exit(main())
