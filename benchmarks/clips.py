"""Memories and baselines on real clips: python benchmarks/clips.py DIR [--seeds 0 1 2 3 4] [--prudence 0.5 1]
    [--json FILE]

Clips are classified by EfficientNet-Lite0 at 5 frames a second, clean and degraded (a sixteenth of the pixels that the
classifier reads, night, motion blur, half hidden), and spliced into streams of minutes (`clip_streams.splice`). In one
half of the streams every visit is clean; in the other each visit is clean or degraded. Every causal smoothing method
runs by its own published rule and numbers. No clip was used to develop or train a memory.

Printed for each condition: balanced accuracy of five classes in per cent (canines alone in brackets), mean and standard
deviation over the seeds; changes of the label in a minute; expected calibration error. Last, for the classifier and the
memories in clean streams: the share of the frames of each class that are right, all seeds together (with `--prudence`,
of the any-class memory with these values too); and the same of each clip of other things, in streams that have no other
such clip, with the most frequent error.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import command_line
from clip_streams import KINDS, UNKNOWN, Clip, load_clips, read_clips, save_clips, splice
from wolfdog.atomic import atomic_write
from wolfdog.watch.classifiers.registry import load_classifier
from wolfdog.watch.smoothing import METHODS, AnyClass, Method
from wolfdog.watch.world_memory.comparison import ALL, SNAPSHOT, Scores, contexts, scores_of
from wolfdog.watch.world_memory.method import WorldMemory

MEMORIES = ("any-class memory", "world memory")
AHEAD = f"{MEMORIES[0]}, ahead"
CLEAN = [1.0] + [0.0] * (len(KINDS) - 1)
"""Shares of the kinds in clean streams."""
OTHER_STREAMS = 4
"""For each clip of other things and each seed."""


def memories() -> dict[str, Method]:
    """The memories, by the name that is printed."""
    return dict(zip(MEMORIES, (METHODS["memory"](), WorldMemory()), strict=True))


def methods() -> dict[str, Method]:
    """Every causal method that needs no labels, by the name that is printed."""
    found: dict[str, Method] = {}
    for name, method in METHODS.items():
        if method.causal and name not in ("none", "memory", "trained-memory", "site-prior"):
            found[name] = method()
    return found | memories()


def run(
    clips: list[Clip], classes: tuple[str, ...], seed: int, streams: int, minutes: float
) -> dict[str, dict[str, Scores]]:
    """Scores of every method in clean and in mixed streams."""
    results = {}
    for condition, mix in (("clean streams", CLEAN), ("mixed streams", [1.0] * len(KINDS))):
        seen = splice(clips, classes, streams=streams, minutes=minutes, seed=seed, mix=mix)
        said = contexts(seen, classes, methods())
        results[condition] = scores_of(said, seen, tuple(KINDS), classes)
    return results


def table(runs: list[dict[str, Scores]], kinds: list[str]) -> list[str]:
    """Lines of Markdown."""
    lines = [f"| method | {' | '.join(kinds)} | flips/min | ECE |", f"| --- |{' ---: |' * (len(kinds) + 2)}"]
    for name in runs[0]:
        cells = []
        for kind in kinds:
            scores = [one[name].by_degradation[kind] for one in runs if kind in one[name].by_degradation]
            share = 100 * np.array([score.balanced for score in scores])
            canines = 100 * np.array([score.canines for score in scores if score.canines is not None])
            cells.append(f"{share.mean():.1f} ± {share.std():.1f} ({canines.mean():.1f})")
        flips = np.mean([one[name].flips for one in runs])
        ece = np.mean([one[name].by_degradation[ALL].calibration for one in runs])
        lines.append(f"| {name} | {' | '.join(cells)} | {flips:.1f} | {ece:.3f} |")
    return lines


def by_memory(
    clips: list[Clip],
    classes: tuple[str, ...],
    seeds: list[int],
    streams: int,
    minutes: float,
    prudence: Sequence[float] = (),
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Labels of the frames of clean streams, and what the classifier and each memory say; all seeds together."""
    labels: list[NDArray[np.int64]] = []
    said: dict[str, list[NDArray[np.int64]]] = {}
    for seed in seeds:
        seen = splice(clips, classes, streams=streams, minutes=minutes, seed=seed, mix=CLEAN)
        known = seen.labels >= 0
        labels.append(seen.labels[known])
        firm = {f", prudence {value:g}": AnyClass(prudence=value) for value in prudence}
        found = contexts(seen, classes, memories() | {MEMORIES[0] + name: one for name, one in firm.items()})
        of_ahead = {"": memories()[MEMORIES[0]]} | firm
        ahead = contexts(seen, classes, {AHEAD + name: one for name, one in of_ahead.items()}, ahead=True)
        for name, p in (found | ahead).items():
            said.setdefault(name, []).append(p.argmax(-1)[known])
    return np.concatenate(labels), {name: np.concatenate(parts) for name, parts in said.items()}


def class_table(
    clips: list[Clip],
    classes: tuple[str, ...],
    seeds: list[int],
    streams: int,
    minutes: float,
    prudence: Sequence[float],
) -> list[str]:
    """Lines of Markdown: frames of each class that are right in clean streams, in per cent."""
    truth, said = by_memory(clips, classes, seeds, streams, minutes, prudence)
    shown = [k for k in range(len(classes)) if (truth == k).any()]
    lines = [f"| | {' | '.join(classes[k] for k in shown)} | mean of classes | all frames |"]
    lines.append(f"| --- |{' ---: |' * (len(shown) + 2)}")
    for name, labels in said.items():
        right = labels == truth
        shares = [right[truth == k].mean() for k in shown]
        cells = [*shares, np.mean(shares), right.mean()]
        lines.append(f"| {name} | {' | '.join(f'{100 * share:.1f}' for share in cells)} |")
    return lines


def others_table(
    clips: list[Clip], classes: tuple[str, ...], seeds: list[int], streams: int, minutes: float
) -> list[str]:
    """Lines of Markdown: for each clip of other things, alone among the animals, its frames that are right."""
    other = classes.index(UNKNOWN)
    animals = [clip for clip in clips if ((clip.labels >= 0) & (clip.labels != other)).any()]
    lines: list[str] = []
    for clip in clips:
        if (clip.labels != other).any():
            continue
        truth, said = by_memory([*animals, clip], classes, seeds, streams, minutes)
        cells = [_answers(labels[truth == other], classes, other) for labels in said.values()]
        if not lines:
            lines = [f"| | {' | '.join(said)} |", f"| --- |{' ---: |' * len(said)}"]
        lines.append(f"| {clip.name} | {' | '.join(cells)} |")
    return lines


def _answers(labels: NDArray[np.int64], classes: tuple[str, ...], right: int) -> str:
    """Share that is right, and the most frequent error where it is 1 % or more."""
    shares = 100 * np.bincount(labels, minlength=len(classes)) / len(labels)
    wrong = np.where(np.arange(len(classes)) == right, 0, shares)
    error = f" ({classes[wrong.argmax()]} {wrong.max():.0f})" if wrong.max() >= 1 else ""
    return f"{shares[right]:.1f}{error}"


def verdicts(runs: list[dict[str, Scores]], kinds: list[str]) -> list[str]:
    """For each kind, the memories against the best baseline."""
    lines = []
    for kind in kinds:
        mean = {
            name: 100 * float(np.mean([one[name].by_degradation[kind].balanced for one in runs]))
            for name in runs[0]
        }
        baselines = {name: value for name, value in mean.items() if name not in MEMORIES}
        best = max(baselines, key=lambda name: baselines[name])
        ahead = ", ".join(f"{memory} {mean[memory] - baselines[best]:+.1f}" for memory in MEMORIES)
        lines.append(f"{kind}: best baseline {best} {baselines[best]:.1f}; {ahead} points")
    return lines


def main() -> None:
    parser = command_line.Parser(__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("folder", type=command_line.folder, metavar="DIR")
    parser.add_argument(
        "--labels", type=Path, help="file,label or spans of time; DIR/labels.csv, else the names"
    )
    parser.add_argument("--seeds", type=command_line.seed, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--streams", type=command_line.whole(1), default=12)
    parser.add_argument("--minutes", type=command_line.positive, default=4.0)
    parser.add_argument("--prudence", type=float, nargs="+", default=[], help="values for the table by class")
    parser.add_argument("--classifier", default="efficientnet-lite0")
    parser.add_argument(
        "--bank", type=command_line.file_to_write, help="NPZ file where the classifier's answers are kept"
    )
    parser.add_argument("--json", type=command_line.file_to_write)
    options = parser.parse_args()
    torch.set_num_threads(1)
    classifier = load_classifier(options.classifier, classes="model-problem")
    if options.bank is not None and options.bank.exists():
        clips = load_clips(options.bank)
    else:
        clips = read_clips(options.folder, classifier, lambda line: print(line, flush=True), options.labels)
        if options.bank is not None:
            save_clips(options.bank, clips)
    runs = [run(clips, classifier.classes, seed, options.streams, options.minutes) for seed in options.seeds]
    for condition, kinds in (("clean streams", ["clean"]), ("mixed streams", [ALL, *KINDS])):
        of_condition = [one[condition] for one in runs]
        print(
            f"\n### {condition}: {len(runs)} seeds, {options.streams} streams of {options.minutes:g} minutes\n"
        )
        print("\n".join([*table(of_condition, kinds), "", *verdicts(of_condition, kinds)]), flush=True)
    by_class = class_table(
        clips, classifier.classes, options.seeds, options.streams, options.minutes, options.prudence
    )
    print("\n### clean streams, by class\n\n" + "\n".join(by_class), flush=True)
    of_others = others_table(clips, classifier.classes, options.seeds, OTHER_STREAMS, options.minutes)
    print("\n### clips of other things\n\n" + "\n".join(of_others), flush=True)
    if options.json is not None:
        whole = {
            str(seed): {c: {name: asdict(s) for name, s in of.items()} for c, of in one.items()}
            for seed, one in zip(options.seeds, runs, strict=True)
        }
        with atomic_write(options.json) as file:
            json.dump(
                {"clips": [clip.name for clip in clips], "baseline": SNAPSHOT, "seeds": whole}, file, indent=1
            )


if __name__ == "__main__":
    command_line.run(main)
