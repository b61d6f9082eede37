"""Ways of looking at video, on real clips: cropping, reuse of results, motion, and boxes from files.

    python benchmarks/classifier_clips.py DIR --labels LABELS.csv [--network efficientnet-lite0] [--rate 5]
        [--classes model-problem] [--ways squeeze centre letterbox motion reuse:6 detections:FILE detector:FILE ...]
        [--found bird,cat,dog] [--small 3]

LABELS.csv has a line `file,label` for each clip; what is no group of the classes counts as unknown. For each clip and
way are printed how many frames in a hundred are right, and looks (images through the network) for each frame.
`detections:FILE` takes boxes from a results file of MegaDetector, `detector:FILE` from a YOLO network in an ONNX file,
of which `--found` names the classes that are used. `--small N` puts the frames of each clip that are looked at, an
N-th of the height, onto the first frame of the clip that is named last: animals far away. Boxes of files are moved with
them.
"""

import argparse
import csv
import json
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

import command_line
from wolfdog.watch.classifiers.boxes import BoxSource
from wolfdog.watch.classifiers.chosen_frames import LookOptions
from wolfdog.watch.classifiers.classes import UNKNOWN, GroupedClassifier, read_groups
from wolfdog.watch.classifiers.classifier import Classification, Classifier
from wolfdog.watch.classifiers.detections import MegaDetectorResults
from wolfdog.watch.classifiers.detector import YoloDetector
from wolfdog.watch.classifiers.efficientnet_lite_classifier import efficientnet_lite
from wolfdog.watch.classifiers.motion import MotionOptions
from wolfdog.watch.classifiers.preprocessing import Images
from wolfdog.watch.classifiers.video_classification import classify_video
from wolfdog.watch.video.sampling import Rate


class Counting(Classifier):
    """A classifier that counts the images it is given."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__(
            classifier.name,
            identity=classifier.identity,
            preprocessing=classifier.preprocessing,
            classes=classifier.classes,
            feature_size=classifier.feature_size,
            batch_size=classifier.batch_size,
        )
        self.inner, self.images = classifier, 0

    def infer(self, images: Images) -> Classification:
        self.images += len(images)
        return self.inner.infer(images)


@dataclass
class Way:
    """Right frames of all clips."""

    name: str
    network: Counting
    classifier: GroupedClassifier
    options: LookOptions


def ways(given: argparse.Namespace, results: dict[str, Path]) -> list[Way]:
    """The ways, by their names; `results` are the files in place of those that are named."""
    made = []
    for name in given.ways:
        kind, _, value = name.partition(":")
        crop = kind if kind in ("centre", "letterbox") else "squeeze"
        inner = Counting(efficientnet_lite(given.network, crop=crop))  # type: ignore[arg-type]
        boxes: BoxSource | None = None
        if kind == "motion":
            boxes = MotionOptions()
        elif kind == "detections":
            boxes = MegaDetectorResults(results[value])
        elif kind == "detector":
            boxes = YoloDetector(Path(value), classes=given.found)
        reuse = float(value) if kind == "reuse" else None
        grouped = GroupedClassifier(inner, read_groups(given.classes, inner.classes))
        made.append(Way(name, inner, grouped, LookOptions(Rate(given.rate), boxes=boxes, reuse=reuse)))
    return made


def looked_at(path: Path, way: Way) -> tuple[np.ndarray, float]:
    """Labels by frame, and looks for each frame. Of several objects in a frame, the surest of a named class counts."""
    before, labels = way.network.images, []
    for looks in classify_video(path, way.classifier, options=way.options):
        labels += looks.surest(way.classifier.classes).probabilities.argmax(1).tolist()
    return np.array(labels), (way.network.images - before) / len(labels)


@dataclass(frozen=True)
class FarAway:
    """Place of a clip in a still picture: a part of its height, in the middle, below half of the height."""

    scene: Image.Image
    part: float

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Size of the clip in the picture, in pixels."""
        high = int(self.scene.height / self.part) // 2 * 2
        return round(width * high / height), high

    def left(self, wide: int) -> int:
        """Left edge of the clip in the picture."""
        return (self.scene.width - wide) // 2

    def clip(self, path: Path, to: Path, rate: float) -> list[int]:
        """Write the clip in the picture, at `rate` frames a second; the numbers of the frames that were taken."""
        taken: list[int] = []
        with av.open(str(path)) as source, av.open(str(to), "w") as sink:
            stream = sink.add_stream("libx264", rate=Fraction(rate), options={"crf": "18"})
            stream.width, stream.height, stream.pix_fmt = self.scene.width, self.scene.height, "yuv420p"
            for number, frame in enumerate(source.decode(video=0)):
                if frame.time is None or frame.time * rate < len(taken) - 1e-6:
                    continue
                taken.append(number)
                size = self.size(frame.width, frame.height)
                picture = self.scene.copy()
                picture.paste(frame.to_image().resize(size), (self.left(size[0]), self.scene.height // 2))
                sink.mux(stream.encode(av.VideoFrame.from_image(picture)))
            sink.mux(stream.encode(None))
        return taken

    def results(self, path: Path, clips: dict[Path, list[int]], to: Path) -> Path:
        """Results of MegaDetector on clips, for those in the picture, of which the numbers of the frames are given."""
        found, images = MegaDetectorResults(path), []
        for clip, taken in clips.items():
            detections = found.finder(str(clip))
            with av.open(str(clip)) as container:
                stream = container.streams.video[0]
                wide, high = self.size(stream.width, stream.height)
            across, down = wide / self.scene.width, high / self.scene.height
            left, rows = self.left(wide) / self.scene.width, []
            for number, frame in enumerate(taken):
                for (x, y, right, bottom), confidence in detections.at(frame):
                    box = [left + x * across, 0.5 + y * down, (right - x) * across, (bottom - y) * down]
                    rows.append({"category": "1", "conf": confidence, "bbox": box, "frame_number": number})
            frames = list(range(len(taken)))
            images.append({"file": f"{clip.stem}.mp4", "frames_processed": frames, "detections": rows})
        table = {"detection_categories": {"1": "animal"}, "images": images}
        to.write_text(json.dumps(table), encoding="utf-8")
        return to


def first_frame(path: Path) -> Image.Image:
    """First frame of a clip, 1280 x 720."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_image().resize((1280, 720))


def main() -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("folder", type=command_line.folder)
    parser.add_argument("--labels", type=command_line.file_to_read, required=True)
    parser.add_argument("--network", default="efficientnet-lite0")
    parser.add_argument("--classes", default="model-problem")
    parser.add_argument("--rate", type=command_line.positive, default=5.0)
    parser.add_argument("--ways", nargs="+", default=["squeeze", "centre", "letterbox", "motion"])
    parser.add_argument("--found", type=lambda text: tuple(text.split(",")), metavar="CLASS,CLASS")
    parser.add_argument("--small", type=command_line.positive, nargs="?", const=3.0, metavar="N")
    given = parser.parse_args()
    with given.labels.open(encoding="utf-8", newline="") as file:
        clips = [(row["file"], row["label"]) for row in csv.DictReader(file)]
    files = {value for way in given.ways for kind, _, value in [way.partition(":")] if kind == "detections"}
    results = {name: Path(name) for name in files}
    with tempfile.TemporaryDirectory() as place:
        paths = [given.folder / name for name, _ in clips]
        if given.small is not None:
            far = FarAway(first_frame(paths[-1]), given.small)
            small = [Path(place) / f"{path.stem}.mp4" for path in paths]
            taken = {path: far.clip(path, to, given.rate) for path, to in zip(paths, small, strict=True)}
            results = {
                name: far.results(path, taken, Path(place) / f"{number}.json")
                for number, (name, path) in enumerate(results.items())
            }
            paths = small
        report([(path, label) for path, (_, label) in zip(paths, clips, strict=True)], ways(given, results))


def report(clips: list[tuple[Path, str]], all_ways: list[Way]) -> None:
    """Print a line for each clip, and means."""
    print("| clip | label | frames |", " | ".join(f"{way.name} | looks" for way in all_ways), "|")
    print("| --- | --- | ---: |" + " ---: | ---: |" * len(all_ways))
    shares: dict[str, list[list[float]]] = {"animals": [], "others": []}
    of_class: dict[str, list[list[float]]] = {}
    for path, label in clips:
        cells, right = [], []
        for way in all_ways:
            known = way.classifier.classes
            labels, looks = looked_at(path, way)
            right.append(float((labels == known.index(label if label in known else UNKNOWN)).mean()))
            cells.append(f"{100 * right[-1]:.0f} | {looks:.2f}")
        named = label in all_ways[0].classifier.classes[:-1]
        shares["animals" if named else "others"].append(right)
        of_class.setdefault(label if named else UNKNOWN, []).append(right)
        print(f"| {path.name} | {label} | {len(labels)} |", " | ".join(cells), "|", flush=True)
    rows = [(f"mean over {kind}", len(each), np.mean(each, axis=0)) for kind, each in shares.items() if each]
    means = np.mean([np.mean(each, axis=0) for each in of_class.values()], axis=0)
    rows.append((f"mean over {len(of_class)} classes", len(clips), means))
    for name, number, of_ways in rows:
        print(f"| {name} | | {number} clips |", " | ".join(f"{100 * x:.1f} | " for x in of_ways), "|")


if __name__ == "__main__":
    command_line.run(main)
