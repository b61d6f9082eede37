"""Ways of looking at video, on real clips: cropping, reuse of results, motion, and boxes from files.

    python benchmarks/classifier_clips.py DIR --labels LABELS.csv [--network efficientnet-lite0] [--rate 5]
        [--classes model-problem] [--ways squeeze centre letterbox motion reuse:6 detections:FILE ...]
        [--small]

LABELS.csv has a line `file,label` for each clip; what is no group of the classes counts as unknown. For each clip and
way are printed how many frames in a hundred are right, and looks (images through the network) for each frame. `--small`
puts each clip, a third of the height, onto the first frame of the clip that is named last: animals far away.
"""

import argparse
import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from wolfdog.watch.classifiers.chosen_frames import LookOptions
from wolfdog.watch.classifiers.classes import UNKNOWN, GroupedClassifier, read_groups
from wolfdog.watch.classifiers.classifier import Classification, Classifier
from wolfdog.watch.classifiers.detections import MegaDetectorResults
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


def ways(names: list[str], network: str, classes: str, rate: float) -> list[Way]:
    made = []
    for name in names:
        kind, _, value = name.partition(":")
        crop = kind if kind in ("centre", "letterbox") else "squeeze"
        inner = Counting(efficientnet_lite(network, crop=crop))  # type: ignore[arg-type]
        boxes = (
            MotionOptions()
            if kind == "motion"
            else MegaDetectorResults(value)
            if kind == "detections"
            else None
        )
        reuse = float(value) if kind == "reuse" else None
        grouped = GroupedClassifier(inner, read_groups(classes, inner.classes))
        made.append(Way(name, inner, grouped, LookOptions(Rate(rate), boxes=boxes, reuse=reuse)))
    return made


def looked_at(path: Path, way: Way) -> tuple[np.ndarray, float]:
    """Labels by frame, and looks for each frame. Of several objects in a frame, the surest of a named class counts."""
    before, labels = way.network.images, []
    for looks in classify_video(path, way.classifier, options=way.options):
        labels += looks.surest(way.classifier.classes).probabilities.argmax(1).tolist()
    return np.array(labels), (way.network.images - before) / len(labels)


def far_away(path: Path, scene: Image.Image, to: Path) -> Path:
    """A clip as a small part of a still picture."""
    with av.open(str(path)) as source, av.open(str(to), "w") as sink:
        given = source.streams.video[0]
        stream = sink.add_stream("libx264", rate=given.average_rate, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
        high = scene.height // 3 // 2 * 2
        for frame in source.decode(video=0):
            wide = round(frame.width * high / frame.height)
            picture = scene.copy()
            picture.paste(
                frame.to_image().resize((wide, high)), ((scene.width - wide) // 2, scene.height // 2)
            )
            sink.mux(stream.encode(av.VideoFrame.from_image(picture)))
        sink.mux(stream.encode(None))
    return to


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--network", default="efficientnet-lite0")
    parser.add_argument("--classes", default="model-problem")
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--ways", nargs="+", default=["squeeze", "centre", "letterbox", "motion"])
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    with given.labels.open(encoding="utf-8", newline="") as file:
        clips = [(row["file"], row["label"]) for row in csv.DictReader(file)]
    all_ways = ways(given.ways, given.network, given.classes, given.rate)
    print("| clip | label | frames |", " | ".join(f"{way.name} | looks" for way in all_ways), "|")
    print("| --- | --- | ---: |" + " ---: | ---: |" * len(all_ways))
    shares: dict[str, list[list[float]]] = {"animals": [], "others": []}
    last = given.folder / clips[-1][0]
    with av.open(str(last)) as container:
        scene = next(container.decode(video=0)).to_image().resize((1280, 720))
    with tempfile.TemporaryDirectory() as place:
        for name, label in clips:
            path = given.folder / name
            if given.small:
                path = far_away(path, scene, Path(place) / f"{path.stem}.mp4")
            cells, right = [], []
            for way in all_ways:
                known = way.classifier.classes
                labels, looks = looked_at(path, way)
                right.append(float((labels == known.index(label if label in known else UNKNOWN)).mean()))
                cells.append(f"{100 * right[-1]:.0f} | {looks:.2f}")
            shares["animals" if label in all_ways[0].classifier.classes[:-1] else "others"].append(right)
            print(f"| {name} | {label} | {len(labels)} |", " | ".join(cells), "|", flush=True)
    for kind, rows in shares.items():
        if rows:
            means = " | ".join(f"{100 * share:.1f} | " for share in np.mean(rows, axis=0))
            print(f"| mean over {kind} | | {len(rows)} clips | {means} |")


if __name__ == "__main__":
    main()
