"""Speed and accuracy of pretrained image classifiers.

    python benchmarks/classifiers.py speed [--networks efficientnet-lite0 ...] [--threads 1 2] [--seconds 2]
    python benchmarks/classifiers.py photographs DIR [--networks ...] [--classes model-problem] [--crops squeeze ...]
        [--kinds clean small night blur]

`speed` prints milliseconds for each image: medians of calls that take turns, after both runtimes agreed to 1e-4.

`photographs` reads a folder of folders of photographs, whose names are classes; a folder that is no group of the
classes counts as unknown. It prints how many in a hundred are right for each folder, and the mean over the groups.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import command_line
from timing import in_turn
from wolfdog.errors import InputError
from wolfdog.watch.classifiers.classes import UNKNOWN
from wolfdog.watch.classifiers.efficientnet_lite import VARIANTS
from wolfdog.watch.classifiers.efficientnet_lite_classifier import efficientnet_lite
from wolfdog.watch.classifiers.registry import load_classifier

ENDINGS = (".jpg", ".jpeg", ".png")
KINDS = ("clean", "small", "night", "blur")


def speed(networks: list[str], threads: list[int], seconds: float) -> None:
    """Milliseconds for each image, by runtime, threads and images in a call."""
    rng = np.random.default_rng(0)
    print(
        "| network | threads | images in a call | ONNX Runtime | PyTorch | ratio |\n| --- |" + " ---: |" * 5
    )
    for name in networks:
        size = VARIANTS[name].size
        for n in threads:
            made = {
                runtime: efficientnet_lite(name, runtime=runtime, threads=n, batch_size=16)
                for runtime in ("onnx", "torch")
            }
            for batch in (1, 16):
                images = rng.integers(0, 256, (batch, size, size, 3), np.uint8)
                results = [classifier.classify(images) for classifier in made.values()]
                for one, other in zip(*results, strict=True):
                    np.testing.assert_allclose(one, other, atol=1e-4)
                calls = {
                    runtime: lambda c=classifier, x=images: c.classify(x)
                    for runtime, classifier in made.items()
                }
                took = {runtime: ms / batch for runtime, ms in in_turn(calls, seconds).items()}
                ratio = took["torch"] / took["onnx"]
                print(
                    f"| {name} | {n} | {batch} | {took['onnx']:.1f} | {took['torch']:.1f} | {ratio:.1f} |",
                    flush=True,
                )


def degraded(picture: Image.Image, kind: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A photograph as a camera may have it: far away (40 pixels high), at night, or out of focus."""
    if kind == "small":
        low = picture.resize((max(1, round(40 * picture.width / picture.height)), 40), Image.Resampling.BOX)
        picture = low.resize(picture.size, Image.Resampling.BICUBIC)
    if kind == "blur":
        picture = picture.filter(ImageFilter.GaussianBlur(picture.height / 56))
    pixels = np.asarray(picture)
    if kind == "night":
        grey = np.asarray(picture.convert("L"), np.float32)[..., None] / 3 + rng.normal(
            0, 8, (*pixels.shape[:2], 1)
        )
        pixels = np.repeat(grey.clip(0, 255).astype(np.uint8), 3, axis=2)
    return pixels


def photographs(folder: Path, networks: list[str], classes: str, crops: list[str], kinds: list[str]) -> None:
    """Per cent right by folder."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [
        (path, f.name) for f in folders for path in sorted(f.iterdir()) if path.suffix.lower() in ENDINGS
    ]
    if not files:
        raise InputError(f"{folder}: no folders of photographs ({', '.join(ENDINGS)}). Check the path.")
    print(
        f"{len(files)} photographs\n\n| network | crop | kind |",
        " | ".join(f.name for f in folders),
        "| mean of groups |",
    )
    print("| --- | --- | --- |" + " ---: |" * (len(folders) + 1))
    for name in networks:
        for crop in crops:
            classifier = load_classifier(name, classes=classes, crop=crop)  # type: ignore[arg-type]
            truth = np.array(
                [classifier.classes.index(c if c in classifier.classes else UNKNOWN) for _, c in files]
            )
            for kind in kinds:
                rng = np.random.default_rng(0)
                images = np.stack([
                    classifier.preprocessing.image(degraded(Image.open(path).convert("RGB"), kind, rng))
                    for path, _ in files
                ])  # fmt: skip
                right = classifier.classify(images).probabilities.argmax(1) == truth
                by = {f.name: right[[c == f.name for _, c in files]].mean() for f in folders}
                groups = np.mean([share for c, share in by.items() if c in classifier.classes])
                cells = " | ".join(f"{100 * share:.1f}" for share in by.values())
                print(f"| {name} | {crop} | {kind} | {cells} | {100 * groups:.1f} |", flush=True)


def main() -> None:
    parser = command_line.Parser(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fast = commands.add_parser("speed")
    fast.add_argument("--networks", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    fast.add_argument("--threads", nargs="+", type=command_line.whole(1), default=[1, 2])
    fast.add_argument("--seconds", type=command_line.positive, default=2.0)
    right = commands.add_parser("photographs")
    right.add_argument("folder", type=command_line.folder)
    right.add_argument("--networks", nargs="+", default=["efficientnet-lite0"])
    right.add_argument("--classes", default="model-problem")
    right.add_argument("--crops", nargs="+", default=["squeeze"])
    right.add_argument("--kinds", nargs="+", default=["clean"], choices=KINDS)
    given = vars(parser.parse_args())
    warnings.simplefilter("ignore")
    {"speed": speed, "photographs": photographs}[given.pop("command")](**given)


if __name__ == "__main__":
    command_line.run(main)
