"""Evidence of labels whose cause is known: python benchmarks/explanation.py [--seeds 3] [--moments 60] [--json FILE]

Simulated television with a classifier that sees what a frame shows and no more: it cannot tell wolves from dogs,
which look alike, and knows bears, goldfish and the rest but for noise. The channel decides between wolf and dog, and
only bears and goldfish tell the channel. So the cause of every right label of a canine is known: a bear or goldfish
of the channel that is on. A world memory is trained on such streams; on others, moments are drawn among the canines
that it names rightly after a telling frame, and each is explained. Printed, for each seed:

right      of the canines after a telling frame, the share that the memory names rightly (0.5 is chance)
frames     the share of explanations whose top evidence, frame by frame, is a telling frame of the channel that is on
shots      the same where frames in a row of one snapshot label are left out together
nearest    the same where each of these is left out after all that is farther away in time
rank       the rank correlation of the contributions by gradients with those by leaving out, frame by frame
"""

import json

import numpy as np

import command_line
from wolfdog.atomic import atomic_write
from wolfdog.tv import Sampler, default_world
from wolfdog.watch.explanation.gradients import gradient_contributions
from wolfdog.watch.explanation.leave_one_out import Run, leave_one_out, leave_runs_out, nearest_first
from wolfdog.watch.smoothing.method import Stream
from wolfdog.watch.world_memory.bank import Bank
from wolfdog.watch.world_memory.comparison import predictions_of
from wolfdog.watch.world_memory.method import WorldMemory
from wolfdog.watch.world_memory.streams import show
from wolfdog.watch.world_memory.training import WorldTraining, train_world_memory

FRAMES, STREAMS, STEPS = 500, 48, 900
SEEN = {
    "wolf": {"wolf": 0.45, "dog": 0.45, "unknown": 0.1},
    "dog": {"wolf": 0.45, "dog": 0.45, "unknown": 0.1},
    "bear": {"bear": 0.95, "unknown": 0.05},
    "goldfish": {"goldfish": 0.95, "unknown": 0.05},
    "unknown": {"unknown": 0.95, "wolf": 0.025, "dog": 0.025},
}
"""Probabilities of the classifier before noise, by what is shown."""


def simulated_bank(classes: tuple[str, ...], seed: int, pictures: int = 80) -> Bank:
    """Probabilities of pictures of each class, with normal noise of 0.4 on their logarithms."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(classes)), pictures)
    log_p = np.log([[SEEN[classes[k]].get(name, 1e-3) for name in classes] for k in labels])
    p = np.exp(log_p[:, None, None, :] + rng.normal(0, 0.4, (len(labels), 1, 4, len(classes))))
    return Bank(classes, ("simulated",), labels, np.float32(p / p.sum(-1, keepdims=True)))


def ranks(values: np.ndarray) -> np.ndarray:
    return values.argsort().argsort().astype(float)


def is_telling(runs: list[Run], telling: np.ndarray) -> bool:
    """Whether most frames of the run with the largest contribution are telling."""
    top = max(runs, key=lambda run: run.contribution)
    return bool(telling[top.first : top.last + 1].mean() > 0.5)


def measured(seed: int, moments: int, steps: int) -> dict[str, float]:
    """Figures of one seed."""
    world = default_world()
    options = WorldTraining(steps=steps, seed=seed)
    network = train_world_memory(simulated_bank(world.labels, seed), world, options)
    memory = WorldMemory(network=network)
    programme = Sampler(world, STREAMS, seed=1000 + seed).draw(FRAMES)
    table = predictions_of(
        show(simulated_bank(world.labels, 1000 + seed), programme, seed=seed), world.labels
    )
    seen = memory.smooth(table)
    given = seen.labels(context=True).reshape(STREAMS, FRAMES).T
    truth = programme.label
    asked = programme.ambiguous & (programme.gap > 0) & (programme.gap <= np.arange(FRAMES)[:, None])
    right = asked & (given == truth)
    places = np.argwhere(right)
    chosen = np.random.default_rng(seed).permutation(len(places))[:moments]
    by_frame, by_shot, by_nearest, rank = [], [], [], []
    streams = [Stream(part) for part in table.streams()]
    for t, n in places[chosen]:
        stream, label = streams[n], int(truth[t, n])
        telling = programme.informative[:, n] & (programme.channel[:, n] == programme.channel[t, n])
        frames = leave_one_out(memory, stream, int(t), label=label)[:t]
        by_frame.append(telling[frames.argmax()])
        by_shot.append(is_telling(leave_runs_out(memory, stream, int(t), label=label), telling))
        by_nearest.append(is_telling(nearest_first(memory, stream, int(t), label=label), telling))
        quick = gradient_contributions(memory, stream, int(t), label=label)[:t]
        rank.append(np.corrcoef(ranks(frames), ranks(quick))[0, 1])
    return {
        "right": float(right.sum() / asked.sum()),
        "frames": float(np.mean(by_frame)),
        "shots": float(np.mean(by_shot)),
        "nearest": float(np.mean(by_nearest)),
        "rank": float(np.mean(rank)),
    }


def main() -> None:
    parser = command_line.Parser(__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=command_line.whole(1), default=3)
    parser.add_argument("--moments", type=command_line.whole(1), default=60)
    parser.add_argument("--steps", type=command_line.whole(1), default=STEPS)
    parser.add_argument("--json", type=command_line.file_to_write)
    options = parser.parse_args()
    found = []
    for seed in range(options.seeds):
        found.append(measured(seed, options.moments, options.steps))
        print(f"seed {seed}", *(f"{name} {value:.3f}" for name, value in found[-1].items()), flush=True)
    mean = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    spread = {name: float(np.std([one[name] for one in found])) for name in found[0]}
    print("mean  ", *(f"{name} {mean[name]:.3f} ± {spread[name]:.3f}" for name in mean))
    if options.json is not None:
        with atomic_write(options.json) as file:
            json.dump({"seeds": found, "mean": mean, "spread": spread}, file, indent=1)


if __name__ == "__main__":
    command_line.run(main)
