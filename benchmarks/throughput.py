"""Throughput of the watcher by stage, on video of 1280 x 720: python benchmarks/throughput.py [VIDEO] [--fps 5]

decode     frames are decoded, chosen, searched for motion and scaled, and nothing classifies them
classify   the chosen images of the same video, already in memory, are classified in the same pieces
whole      `wolfdog watch` without its outputs: decode and classify side by side, then the memory
memory     the memory over the predictions of the video

Stages take turns in one run; a figure is the median over rounds. Without VIDEO a film of 60 s of moving texture is
encoded first (H.264, 30 frames a second).
"""

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import command_line
from timing import in_turn
from wolfdog.watch.classifiers.chosen_frames import ChosenFrame, FrameChoice, LookOptions
from wolfdog.watch.classifiers.classes import GroupedClassifier, read_groups
from wolfdog.watch.classifiers.classifier import Classifier
from wolfdog.watch.classifiers.motion import MotionOptions
from wolfdog.watch.classifiers.registry import load_classifier
from wolfdog.watch.labelling.classifier_labeller import ClassifierLabeller
from wolfdog.watch.labelling.loading import IMAGENET_GROUPS
from wolfdog.watch.labelling.methods import AUTO, load_method
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.video.footage import open_footage
from wolfdog.watch.video.media import Medium
from wolfdog.watch.video.sampling import Rate


def film(path: Path, seconds: int = 60, rate: int = 30) -> None:
    """A texture that drifts, with noise and a bright patch that crosses it."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (90, 160, 3)).astype(np.float32)
    texture = np.kron(coarse, np.ones((16, 16, 1), np.float32))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.time_base = Fraction(1, rate)
        for number in range(seconds * rate):
            frame = np.roll(texture, (number // 2, number), (0, 1))[:720, :1280]
            left = 8 * number % 1180
            frame[300:400, left : left + 100] = 255
            frame = frame + rng.normal(0, 4, (720, 1280, 1))
            picture = av.VideoFrame.from_ndarray(frame.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def chosen(path: Path, classifier: Classifier, options: LookOptions) -> list[list[ChosenFrame]]:
    """All pieces of chosen frames."""
    with open_footage(path) as footage:
        choice = FrameChoice(str(path), classifier.preprocessing, options, footage.pixel_aspect)
        return [piece.frames for piece in choice.pieces(footage.decoding)]


def classified(pieces: list[list[ChosenFrame]], classifier: Classifier) -> None:
    """The images of some pieces through the network."""
    for piece in pieces:
        for images in (
            [one.whole for one in piece if one.whole is not None],
            [c for one in piece for c in one.crops],
        ):
            if images:
                classifier.classify(np.stack(images))


def measure(path: Path, fps: float, motion: bool, seconds: float) -> None:
    """A row of the table."""
    network = load_classifier("efficientnet-lite0")
    classifier = GroupedClassifier(network, read_groups(IMAGENET_GROUPS, network.classes))
    method = load_method(AUTO, classifier.classes)
    options = LookOptions(Rate(fps), boxes=MotionOptions() if motion else None)
    pieces = chosen(path, classifier, options)
    looks = sum(len(one.crops) + (one.whole is not None) for piece in pieces for one in piece)
    frames = sum(map(len, pieces))
    labeller = ClassifierLabeller(classifier, method, options=options)
    medium = Medium(path, path.name, path.name)

    def whole() -> Predictions:
        found = labeller.label_deployment([medium], progress=lambda *_: None, trouble=lambda *_: None)
        return Predictions.concat([labels.table for _, labels in found])

    table = whole()
    stages: dict[str, Callable[[], object]] = {
        "decode": lambda: chosen(path, classifier, options),
        "classify": lambda: classified(pieces, classifier),
        "whole": whole,
        "memory": lambda: method.smooth(table, ahead=False),
    }
    took = in_turn(stages, seconds)
    slower = max(took["decode"], took["classify"])
    print(
        f"| {fps:g} | {'yes' if motion else 'no'} | {frames} | {looks} | "
        + " | ".join(f"{1e3 * frames / took[name]:.0f}" for name in ("decode", "classify", "whole"))
        + f" | {slower / took['whole']:.2f} | {100 * took['memory'] / took['whole']:.1f} |",
        flush=True,
    )


def main() -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--fps", nargs="+", type=command_line.positive, default=[5.0])
    parser.add_argument("--seconds", type=command_line.positive, default=10.0, help="of each stage")
    parser.add_argument(
        "--length", type=command_line.whole(1), default=60, help="seconds of the film that is made"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.video or Path(folder) / "film.mp4"
        if arguments.video is None:
            start = time.perf_counter()
            film(path, arguments.length)
            print(
                f"made {path.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - start:.0f} s", flush=True
            )
        print(
            "| frames looked at a second | motion | frames | images classified | decode, frames/s | classify | whole "
            "| whole over slower stage | memory, % |\n|" + " ---: |" * 9
        )
        for fps in arguments.fps:
            for motion in (False, True):
                measure(path, fps, motion, arguments.seconds)


if __name__ == "__main__":
    command_line.run(main)
