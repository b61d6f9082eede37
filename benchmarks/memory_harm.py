"""Harm of the any-class memory on programmes of photographs: python benchmarks/memory_harm.py --images DIR

DIR holds a folder of photographs for each class: wolf, dog, bear, goldfish, unknown. They are shown as they are, in
programmes of shots that are as long as in the model problem's world, shorter (0.3 to 0.8 times) or longer (4 to 12
times), once all of them and once mostly those that the classifier names rightly. No photograph is trained on. Printed
for each: balanced accuracy of five classes, accuracy in brackets, and log loss, of the classifier and of networks,
causal and looking ahead; FILE is the network in the package unless `--networks` names others.
"""

from dataclasses import replace

import numpy as np
import torch

import command_line
from wolfdog.tv import default_world
from wolfdog.watch.classifiers.registry import load_classifier
from wolfdog.watch.smoothing import AnyClass
from wolfdog.watch.smoothing.any_class_file import PRETRAINED, load_network
from wolfdog.watch.world_memory.bank import Bank, build_bank
from wolfdog.watch.world_memory.comparison import contexts
from wolfdog.watch.world_memory.photographs import PhotographSet
from wolfdog.watch.world_memory.scoring import score
from wolfdog.watch.world_memory.training_streams import StreamRanges, TrainingStreams

STREAMS, FRAMES, SEED = 12, 600, 9
MISTAKEN = 0.06
"""Share of the photographs that the classifier mistakes which stay among the clear ones."""
PACES = {
    "the world's": StreamRanges(as_world=1.0),
    "short shots": StreamRanges(as_world=0.0, pace=(0.3, 0.8)),
    "long shots": StreamRanges(as_world=0.0, pace=(4.0, 12.0), fps=(4.0, 6.0)),
}


def clear(bank: Bank) -> Bank:
    """Photographs of which the classifier names every crop rightly, all unknown ones, and a few of the others."""
    right = (bank.probabilities[:, 0].argmax(-1) == bank.labels[:, None]).all(1)
    kept = np.random.default_rng(3).random(len(bank)) < MISTAKEN
    return bank.take(np.flatnonzero(right | kept | (bank.labels == bank.classes.index("unknown"))))


def row(bank: Bank, ranges: StreamRanges, memories: dict[str, AnyClass]) -> list[str]:
    """Cells of a table for the classifier alone and for each memory."""
    streams = TrainingStreams(
        bank, default_world(), streams=STREAMS, frames=FRAMES, seed=SEED, pool=2048, ranges=ranges
    ).segment()
    said = list(contexts(streams, bank.classes, memories).values())
    said += list(contexts(streams, bank.classes, memories, ahead=True).values())[1:]  # the classifier once
    cells = []
    for p in said:
        found = score(p, streams.labels, np.ones(streams.labels.shape, bool))
        assert found is not None
        loss = -np.log(np.take_along_axis(p, streams.labels[..., None], -1).clip(1e-6)).mean()
        cells.append(f"{100 * found.balanced:.1f} ({100 * found.accuracy:.1f}) {loss:.2f}")
    return cells


def main() -> None:
    parser = command_line.Parser((__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=command_line.folder, required=True, metavar="DIR")
    parser.add_argument(
        "--networks", type=command_line.file_to_read, nargs="+", default=[PRETRAINED], metavar="FILE"
    )
    parser.add_argument(
        "--bank", type=command_line.file_to_write, help="NPZ file where the classifier's answers are kept"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.bank is not None and options.bank.exists():
        bank = replace(Bank.load(options.bank).only(("clean",)), features=None)
    else:
        classifier = load_classifier("efficientnet-lite0", classes="model-problem")
        photographs = PhotographSet.of_folder(options.images, classifier.classes, most=500)
        bank = build_bank(classifier, photographs, degradations=("clean",))
        if options.bank is not None:
            bank.save(options.bank)
    memories = {file.stem: AnyClass(network=load_network(file)) for file in options.networks}
    names = ["classifier", *memories, *(f"{name}, ahead" for name in memories)]
    print(f"| photographs | shots | {' | '.join(names)} |\n| --- | --- |{' ---: |' * len(names)}")
    for kind, of_kind in (("all", bank), ("clear", clear(bank))):
        for pace, ranges in PACES.items():
            print(f"| {kind} | {pace} | {' | '.join(row(of_kind, ranges, memories))} |", flush=True)


if __name__ == "__main__":
    command_line.run(main)
