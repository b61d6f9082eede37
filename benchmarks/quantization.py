"""What bfloat16 and weights of int8 cost in accuracy: python benchmarks/quantization.py chorales FILE | broadcast

chorales   JSB_Chorales.mat, or Nottingham.mat, of Boulanger-Lewandowski et al. 2012 as piano rolls: three cells learn
           to predict the next chord; the loss (nats a step) and the accuracy of Bay et al. 2009 (percent) on the test
           part, by the same trained parameters in float32, in bfloat16, and quantized; seeds 0 to 2
broadcast  the watcher that comes with wolfdog on a simulated broadcast of its own world: labels in context that are
           right (percent), by its memory in the three formats

Behind each stands the size of the layer's state_dict.
"""

import copy
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

import command_line
import wolfdog as wd

CELLS: dict[str, Callable[[int, int], nn.Module]] = {
    "LSTM": wd.cells.LSTMCell,
    "GRU": wd.cells.GRUCell,
    "four-gate LSTM": wd.cells.FourGateLSTMCell,
}
NOTES, UNITS, EPOCHS, BATCH = 88, 200, 60, 16
SEED = 2000
"""Of the broadcast: no other one of the project has it."""


class Musician(nn.Module):
    """Logits of the notes of the next chord."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.memory, self.head = wd.Recurrent(cell), nn.Linear(UNITS, NOTES)

    def forward(self, chords: Tensor, lengths: Tensor) -> Tensor:
        logits: Tensor = self.head(self.memory(chords, lengths=lengths)[0])
        return logits


def formats(model: nn.Module) -> dict[str, nn.Module]:
    """A model as it is, with products of bfloat16, and quantized."""
    reduced = copy.deepcopy(model)
    for module in reduced.modules():
        if isinstance(module, wd.Recurrent):
            module.precision = "bfloat16"
    return {"float32": model, "bfloat16": reduced, "int8": wd.quantize(model)}


def kilobytes(model: nn.Module) -> float:
    """Size of the cells' tensors; those of bfloat16 take half of float32's."""
    layers = [module for module in model.modules() if isinstance(module, wd.Recurrent)]
    halves = 2 if any(layer.precision == "bfloat16" for layer in layers) else 1
    return sum(t.nbytes for layer in layers for t in layer.state_dict().values()) / halves / 1000


def together(rolls: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Piano rolls side by side, [T, B, notes], and their lengths."""
    return nn.utils.rnn.pad_sequence(rolls), torch.tensor([len(roll) for roll in rolls])


def judged(model: nn.Module, rolls: list[Tensor]) -> tuple[float, float]:
    """Loss and accuracy over all chords but the first of each piece."""
    chords, lengths = together(rolls)
    with torch.no_grad():
        logits = model(chords[:-1], lengths - 1)
    mask = torch.arange(len(logits))[:, None] < lengths - 1
    true, logits = chords[1:][mask], logits[mask]
    loss = binary_cross_entropy_with_logits(logits, true, reduction="none").sum(-1).mean()
    found = logits > 0
    hits, either = (found & (true > 0)).sum(), (found | (true > 0)).sum()
    return float(loss), 100 * float(hits / either)


def taught(cell: nn.Module, train: list[Tensor], valid: list[Tensor]) -> Musician:
    """The parameters of the epoch that is best on the validation part."""
    model = Musician(cell)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    best, kept = float("inf"), copy.deepcopy(model.state_dict())
    for _ in range(EPOCHS):
        for some in torch.randperm(len(train)).split(BATCH):
            chords, lengths = together([train[number] for number in some])
            logits = model(chords[:-1], lengths - 1)
            mask = torch.arange(len(logits))[:, None] < lengths - 1
            loss = binary_cross_entropy_with_logits(logits[mask], chords[1:][mask])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        now, _ = judged(model, valid)
        if now < best:
            best, kept = now, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return model.eval()


def chorales(file: Path, cells: Sequence[str]) -> None:
    """Table of losses and accuracies on the test part."""
    from scipy.io import loadmat

    held = loadmat(file)
    parts = [
        [torch.from_numpy(np.asarray(roll, np.float32)) for roll in held[part][0]]
        for part in ("traindata", "validdata", "testdata")
    ]
    for name in cells:
        found: dict[str, list[tuple[float, float, float]]] = {}
        for seed in range(3):
            torch.manual_seed(seed)
            model = taught(CELLS[name](NOTES, UNITS), *parts[:2])
            for which, reduced in formats(model).items():
                found.setdefault(which, []).append((*judged(reduced, parts[2]), kilobytes(reduced)))
        for which, rows in found.items():
            loss, accuracy, size = np.mean(rows, 0)
            worst = max(abs(row[1] - whole[1]) for row, whole in zip(rows, found["float32"], strict=True))
            print(f"{name} {which}: loss {loss:.4f}  accuracy {accuracy:.2f} %  (at most {worst:.2f} from float32)  "
                  f"{size:.0f} kB", flush=True)  # fmt: skip


def broadcast(streams: int, minutes: float) -> None:
    """Accuracies of labels in context on a broadcast."""
    from wolfdog.labels import read_labels
    from wolfdog.tv import Painter, default_world
    from wolfdog.tv import broadcast as on_air
    from wolfdog.watch import Watcher
    from wolfdog.watch.data.labelled_video import embed_video, read_labelled_videos
    from wolfdog.watch.evaluation.observers import observe
    from wolfdog.watch.video.media import Medium

    watcher, world = Watcher.load(), default_world()
    config = watcher.config
    with tempfile.TemporaryDirectory() as folder:
        picture = Painter(config.size, SEED)
        made = on_air(
            world, Path(folder), minutes=minutes, seed=SEED, picture=picture, streams=streams, workers=2
        )
        videos = read_labelled_videos(
            [Medium(path, path.name, path.name) for path in made.videos], read_labels(made.labels),
            classes=config.classes, fps=config.fps, size=config.size, progress=lambda number: None,
            develop=lambda video: embed_video(watcher.frame_classifier, video),
        ).videos  # fmt: skip
    assert watcher.context is not None
    contexts = formats(watcher.context)
    judged = observe(watcher.frame_classifier, contexts, videos, config.classes, None)
    for name, right in judged.right().items():
        size = f"  {kilobytes(contexts[name]):.0f} kB" if name in contexts else ""
        print(f"{config.memory} {name}: {100 * right.mean():.2f} % of {len(right)} frames{size}")


def main() -> None:
    parser = command_line.Parser(__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    music = parts.add_parser("chorales")
    music.add_argument("file", type=command_line.file_to_read)
    music.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    air = parts.add_parser("broadcast")
    air.add_argument("--streams", type=command_line.whole(1), default=8)
    air.add_argument("--minutes", type=command_line.positive, default=4.0)
    arguments = parser.parse_args()
    if arguments.part == "chorales":
        chorales(arguments.file, arguments.cells)
    else:
        broadcast(arguments.streams, arguments.minutes)


if __name__ == "__main__":
    command_line.run(main)
