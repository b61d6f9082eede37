"""How fast layers run beside their peers, in one run: python benchmarks/speed.py [--quick] [--json FILE]

sequences  every cell and shape, in inference and in training (forward and backward, gradients to the events and to all
           parameters): medians in milliseconds by wolfdog, the eager loop, torch.nn, torch.compile of one step in a
           loop and of torch.nn's layer, ONNX Runtime (inference) and jax.lax.scan, in turn; the ratio of the best
           peer's time to wolfdog's; wolfdog's rate beside the machine's sgemm rate of the same moment; for cells that
           torch.nn has no layer for the time per FLOP beside wolfdog's own LSTM; and for ragged lengths, spread evenly
           from 1 to T in any order, and for resets in mid-sequence, the part of the time that full lengths take
stacks     two layers in both directions beside torch.nn's
drop_ins   one layer of wolfdog.LSTM, GRU and RNN beside wolfdog.Recurrent over the cell
steps      one LSTM step at one example
formats    with --precision: cells in bfloat16 and with weights of int8, over sequences and in single steps, beside
           their float32 and PyTorch's layers of that format
starting   seconds that importing adds, that the first use of a cell takes, and the first use in a later process
memory     the peak of memory in training beside torch.nn.LSTM's
long       training over 100,000 steps with checkpoints beside the plain run: memory, and seconds of one thread
vanishing  training with a loss of the last output alone, whose gradient vanishes on its way, beside torch.nn's layers

At the end stands a table of the targets with what was found. A speed is printed only where outputs or gradients agree
with the eager loop's in the same run. A peer that is not installed (onnx, onnxruntime, jax, torchrecurrent's cells, a
C++ compiler for torch.compile) is left out, and said so. The whole takes about 15 minutes on two cores, --quick three;
a first run is longer, since kernels and torch.compile's steps are then compiled, which no time here counts.
"""

import argparse
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import command_line
import drop_ins
import formats
import sequences
import stacks
import steps
from cells import CELLS, IN_TORCH, OF_OTHERS, OTHERS, OURS, QUICK, RAGGED, SHAPES, Shape
from long import SHAPE as LONG
from long import long_row
from memory import SHAPES as MEMORY_SHAPES
from memory import memory_row
from peers import PEERS
from starting import starting
from summary import table
from vanishing import LAYERS, vanishing_row
from vanishing import STEPS as VANISHING_STEPS
from wolfdog.atomic import atomic_write


def shape(text: str) -> Shape:
    """ "100,32,128" as steps, examples and units."""
    steps, batch, units = map(int, text.split(","))
    return steps, batch, units


def forms(name: str, arguments: argparse.Namespace) -> list[tuple[Shape, sequences.Form]]:
    """The shapes that a cell is measured at, and the form of the sequences."""
    if arguments.shapes:
        return [(found, "full") for found in arguments.shapes]
    shapes = QUICK if arguments.quick else OF_OTHERS if name in OTHERS else SHAPES
    return [*((found, "full") for found in shapes), (RAGGED, "ragged"), (RAGGED, "resets")]


def measure_sequences(arguments: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    rows, told = [], set()
    peers = ["wolfdog", "eager loop", *(p for p in arguments.peers if p not in ("wolfdog", "eager loop"))]
    for name in arguments.cells:
        if name in OTHERS and importlib.util.find_spec("torchrecurrent") is None:
            print(f"left out: {name}: torchrecurrent is not installed")
            continue
        for training in (False, True):
            for size, form in forms(name, arguments):
                row, missing = sequences.row(name, size, training, form, seconds, peers)
                rows.append(row)
                print(sequences.line(row), flush=True)
                for peer, reason in missing.items():
                    if (peer, reason) not in told:
                        told.add((peer, reason))
                        print(f"  left out: {peer}: {reason}")
    return rows


def measure_stacks(arguments: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for name in stacks.LAYERS:
        for training in (False, True):
            for size in arguments.shapes or (QUICK if arguments.quick else stacks.SHAPES):
                rows.append(stacks.stack_row(name, size, training, seconds))
                print(stacks.line(rows[-1]), flush=True)
    return rows


def measure_drop_ins(arguments: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for name in drop_ins.LAYERS:
        for training in (False, True):
            for size in arguments.shapes or (QUICK if arguments.quick else drop_ins.SHAPES):
                rows.append(drop_ins.drop_in_row(name, size, training, 4 * seconds))
                print(drop_ins.line(rows[-1]), flush=True)
    return rows


def measure_steps(arguments: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for size in dict.fromkeys(s[2] for s in arguments.shapes) if arguments.shapes else steps.SIZES:
        rows.append(steps.step_row(size, 2 * seconds))
        print(steps.line(rows[-1]), flush=True)
    return rows


def measure_formats(arguments: argparse.Namespace, seconds: float) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {"sequences": [], "steps": []}
    shapes = arguments.shapes or (QUICK if arguments.quick else formats.SHAPES)
    for precision in (each for each in arguments.precision if each != "float32"):
        modes = (False,) if precision == "int8" else (False, True)
        for name in [name for name in formats.NAMES if name in arguments.cells]:
            for training in modes:
                for size in shapes:
                    found["sequences"].append(formats.format_row(name, size, training, precision, seconds))
                    print(formats.line(found["sequences"][-1]), flush=True)
        sizes = dict.fromkeys(s[2] for s in arguments.shapes) if arguments.shapes else formats.STEPS
        for units in sizes:
            found["steps"].append(formats.format_steps(units, precision, 2 * seconds))
            print(formats.line(found["steps"][-1]), flush=True)
    return found


def measure_starting(arguments: argparse.Namespace, seconds: float) -> dict[str, float]:
    found = starting()
    print("  ".join(f"{name} {value:.2f}" for name, value in found.items()), flush=True)
    return found


def measure_memory(arguments: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    if not Path("/proc/self/clear_refs").exists():
        print("left out: memory: the peak of a process is read from Linux's /proc")
        return []
    rows = [memory_row(size) for size in arguments.shapes or MEMORY_SHAPES]
    for row in rows:
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
    return rows


def measure_long(arguments: argparse.Namespace, seconds: float) -> list[dict[str, float]]:
    if not Path("/proc/self/clear_refs").exists():
        print("left out: long: the peak of a process is read from Linux's /proc")
        return []
    rows = [long_row(size) for size in arguments.shapes or [LONG]]
    for row in rows:
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
    return rows


def measure_vanishing(arguments: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    steps = VANISHING_STEPS[:1] if arguments.quick else VANISHING_STEPS
    rows = [vanishing_row(name, number, seconds) for name in LAYERS for number in steps]
    for row in rows:
        figures = (f"{name} {value:.1f}" for name, value in row.items() if isinstance(value, float))
        print(f"{row['cell']:6} {row['steps']:5} steps  {'  '.join(figures)} ms", flush=True)
    return rows


SECTIONS: dict[str, Callable[[argparse.Namespace, float], Any]] = {
    "sequences": measure_sequences,
    "stacks": measure_stacks,
    "drop_ins": measure_drop_ins,
    "steps": measure_steps,
    "formats": measure_formats,
    "starting": measure_starting,
    "memory": measure_memory,
    "long": measure_long,
    "vanishing": measure_vanishing,
}


def parsed() -> argparse.Namespace:
    parser = command_line.Parser(__doc__, allow_abbrev=False)
    parser.add_argument(
        "--quick", action="store_true", help="fewer cells and shapes, shorter, no torch.compile"
    )
    parser.add_argument(
        "--precision", nargs="+", default=["float32"], choices=formats.PRECISIONS, help="number formats"
    )
    parser.add_argument(
        "--json", type=command_line.file_to_write, metavar="FILE", help="write every figure to a file"
    )
    parser.add_argument("--only", nargs="+", default=list(SECTIONS), choices=list(SECTIONS), help="sections")
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), metavar="PEER", help=", ".join(PEERS))
    parser.add_argument(
        "--shapes", nargs="+", type=shape, metavar="T,B,H", help="other steps, examples, units"
    )
    parser.add_argument(
        "--seconds", type=command_line.positive, help="for each timing: 0.35, or 0.12 where quick"
    )
    arguments = parser.parse_args()
    few = [*IN_TORCH, *OURS, "NAS"]
    arguments.cells = arguments.cells or (few if arguments.quick else list(CELLS))
    left_out = {"torch.compile", "torch.compile, torch.nn"} if arguments.quick else set()
    arguments.peers = arguments.peers or [peer for peer in PEERS if peer not in left_out]
    return arguments


def main() -> None:
    arguments = parsed()
    seconds = arguments.seconds or (0.12 if arguments.quick else 0.35)
    results: dict[str, Any] = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    for name, measure in SECTIONS.items():
        if name in arguments.only:
            print(f"\n## {name}\n", flush=True)
            results[name] = measure(arguments, seconds)
    print(f"\n## targets\n\n{table(results)}")
    if arguments.json:
        with atomic_write(arguments.json) as file:
            json.dump(results, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    command_line.run(main)
