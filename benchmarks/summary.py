"""The table at the end: every target, the figure of this run, and whether it is met."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cells import IN_TORCH

MEANS = {"LSTM": (1.3, 1.5), "GRU": (1.5, 2.0), "Elman": (1.5, 2.0)}  # inference, training
AGAINST_TORCH = {"GRU": (2.0, 3.0), "Elman": (2.0, 3.0)}
MEAN_OF_OTHERS = 3.0
TIME_PER_FLOP = 1.25
PART_OF_FULL = 0.65
STEP_AGAINST_CELL = {64: 10.0, 128: 10.0, 256: 4.0, 512: 2.0}
STEP_AGAINST_LAYER = 30.0
DROP_IN = 1.05
SHARE_OF_SGEMM = {"inference": 0.85, "training": 0.75}
BFLOAT16_AGAINST_TORCH, BFLOAT16_OF_FLOAT32, INT8_STEP = 1.2, 1.6, 2.5
LARGE = [(100, 64, 512), (100, 128, 256)]
STARTING = {"import_seconds": 0.15, "first_use_seconds": 4.0, "later_use_seconds": 0.3}


@dataclass(frozen=True)
class Line:
    """One target: at least `target`, or at most where `below`."""

    what: str
    target: float
    found: float
    below: bool = False

    @property
    def met(self) -> bool:
        return self.found <= self.target if self.below else self.found >= self.target


def lines(results: dict[str, Any]) -> list[Line]:
    """The targets that the sections of a run speak of."""
    found: list[Line] = []
    rows = results.get("sequences", [])
    for name in dict.fromkeys(row["cell"] for row in rows):
        for at, mode in enumerate(("inference", "training")):
            of_cell = [row for row in rows if row["cell"] == name and row["mode"] == mode]
            if of_cell:
                found += _of_cell(name, mode, at, of_cell)
    stacks = results.get("stacks", [])
    for name, mode in dict.fromkeys((row["layer"], row["mode"]) for row in stacks):
        ratios = [row["ratio"] for row in stacks if (row["layer"], row["mode"]) == (name, mode)]
        head = f"{name}, two layers, both directions, {mode}: against torch.nn,"
        found.append(Line(f"{head} worst", 1.0, min(ratios)))
        found.append(Line(f"{head} mean", 1.0, statistics.geometric_mean(ratios)))
    drop_ins = results.get("drop_ins", [])
    for name, mode in dict.fromkeys((row["layer"], row["mode"]) for row in drop_ins):
        worst = max(row["part"] for row in drop_ins if (row["layer"], row["mode"]) == (name, mode))
        found.append(Line(f"{name}, {mode}: worst part of the single layer's time", DROP_IN, worst, True))
    for row in results.get("steps", []):
        head, size = f"one step of a stream, {row['units']} units, against torch.nn", row["units"]
        found.append(Line(f"{head}.LSTMCell", STEP_AGAINST_CELL.get(size, 1.0), row["stream_ratio"]))
        found.append(Line(f"{head}.LSTM", STEP_AGAINST_LAYER, row["stream_layer_ratio"]))
        if "stream_onnx_ratio" in row:
            what = f"one step of a stream, {size} units, against ONNX Runtime with IO binding"
            found.append(Line(what, 1.0, row["stream_onnx_ratio"]))
    found += _of_formats(results.get("formats", {}))
    for name, limit in STARTING.items():
        if name in results.get("starting", {}):
            what = name.removesuffix("_seconds").replace("_", " ")
            found.append(Line(f"{what}, seconds", limit, results["starting"][name], below=True))
    for row in results.get("memory", []):
        size = f"({row['steps']}, {row['batch']}, {row['units']})"
        found.append(
            Line(f"LSTM, training {size}: peak memory against torch.nn.LSTM", 1.0, row["part"], True)
        )
    for row in results.get("long", []):
        size = f"({row['steps']}, {row['batch']}, {row['units']})"
        found.append(
            Line(f"LSTM, training {size} in pieces: part of the memory", 0.1, row["memory_part"], True)
        )
        found.append(Line(f"LSTM, training {size} in pieces: part of the time", 1.5, row["time_part"], True))
    return found


def _of_formats(results: dict[str, Any]) -> Iterable[Line]:
    rows = results.get("sequences", [])
    for name, mode in dict.fromkeys(
        (row["cell"], row["mode"]) for row in rows if row["precision"] == "bfloat16"
    ):
        of_cell = [
            row for row in rows if (row["cell"], row["mode"], row["precision"]) == (name, mode, "bfloat16")
        ]
        head = f"{name} in bfloat16, {mode}:"
        if name == "LSTM":
            ratios = [row["ratio"] for row in of_cell]
            yield Line(
                f"{head} mean against torch.nn", BFLOAT16_AGAINST_TORCH, statistics.geometric_mean(ratios)
            )
            yield Line(f"{head} worst against torch.nn", 1.0, min(ratios))
            continue
        large = [row["of_float32"] for row in of_cell if row["units"] >= 256]
        if large:
            mean = statistics.geometric_mean(large)
            yield Line(f"{head} mean against float32, 256 units and more", BFLOAT16_OF_FLOAT32, mean)
    for row in results.get("steps", []):
        if row["precision"] == "int8" and row["units"] >= 256:
            what = f"one step with weights of int8, {row['units']} units, against float32"
            yield Line(what, INT8_STEP, row["of_float32"])


def _of_cell(name: str, mode: str, at: int, rows: list[dict[str, Any]]) -> Iterable[Line]:
    head, ratios = f"{name}, {mode}:", [row["ratio"] for row in rows]
    if name in IN_TORCH:
        yield Line(f"{head} worst against the best peer", 1.0, min(ratios))
    if name in MEANS:
        yield Line(f"{head} mean against the best peer", MEANS[name][at], statistics.geometric_mean(ratios))
    else:  # ONNX Runtime's operator for diagonal peepholes is a kernel made for that one cell: told apart
        loops = [
            _best(row["milliseconds"], without="onnxruntime") / row["milliseconds"]["wolfdog"] for row in rows
        ]
        what = f"{head} mean against the best of the loop, torch.compile and jax.lax.scan"
        yield Line(what, MEAN_OF_OTHERS, statistics.geometric_mean(loops))
        operator = [
            t["onnxruntime"] / t["wolfdog"] for row in rows if "onnxruntime" in (t := row["milliseconds"])
        ]
        if operator:
            yield Line(f"{head} mean against ONNX Runtime", 1.0, statistics.geometric_mean(operator))
    if name in AGAINST_TORCH:
        alone = [row["milliseconds"] for row in rows if "torch.nn" in row["milliseconds"]]
        if alone:
            mean = statistics.geometric_mean([times["torch.nn"] / times["wolfdog"] for times in alone])
            yield Line(f"{head} mean against torch.nn", AGAINST_TORCH[name][at], mean)
    per_flop = [row["time_per_flop"] for row in rows if "time_per_flop" in row]
    if per_flop:
        mean = statistics.geometric_mean(per_flop)
        yield Line(f"{head} mean time per FLOP against our LSTM's", TIME_PER_FLOP, mean, below=True)
    for row in rows:
        size = (row["steps"], row["batch"], row["units"])
        if row["form"] == "ragged":
            what = f"{head} lengths from 1 to T at {size}, part of the time of full lengths"
            yield Line(what, PART_OF_FULL, row["part_of_full"], below=True)
        if name == "LSTM" and size in LARGE and row["form"] == "full":
            yield Line(
                f"{head} part of sgemm's rate at {size}", SHARE_OF_SGEMM[mode], row["gflops"] / row["sgemm"]
            )


def _best(times: dict[str, float], without: str) -> float:
    return min(time for peer, time in times.items() if peer not in ("wolfdog", without))


def table(results: dict[str, Any]) -> str:
    """All lines as Markdown."""
    text = ["| what | target | found | |", "| --- | ---: | ---: | --- |"]
    for line in lines(results):
        sign, verdict = "at most" if line.below else "at least", "met" if line.met else "**missed**"
        text.append(f"| {line.what} | {sign} {line.target:g} | {line.found:.2f} | {verdict} |")
    return "\n".join(text)
