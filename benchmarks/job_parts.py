"""Parts of a job over many images, each measured on its own: python benchmarks/job_parts.py [--images 400]

list       files are found, and their times of recording read
classify   the network classifies images that are in memory, one after the other
label      a job over the images with one process: open, decode, classify, remember, write and commit
tables     the tables are put together from the parts of the job

`label` without `classify` is what a worker does apart from the network. Images are photographs of 12 megapixels and
about 3 MB, drawn as noise over several scales; files are in the page cache. A figure is the median over rounds.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from wolfdog.watch.classifiers.classes import GroupedClassifier, read_groups
from wolfdog.watch.classifiers.registry import load_classifier
from wolfdog.watch.jobs.assembly import assemble
from wolfdog.watch.jobs.folder import STATE
from wolfdog.watch.jobs.job import Job
from wolfdog.watch.jobs.job_options import JobOptions
from wolfdog.watch.jobs.journal import Journal
from wolfdog.watch.jobs.plan import Record
from wolfdog.watch.labelling.classifier_labeller import ClassifierLabeller
from wolfdog.watch.labelling.loading import IMAGENET_GROUPS
from wolfdog.watch.labelling.methods import AUTO, load_method
from wolfdog.watch.video.listing import list_media
from wolfdog.watch.video.media import by_deployment

SITE = 100
"""Images of a deployment."""


def photograph(seed: int) -> bytes:
    """JPEG file of 4000 x 3000 pixels with noise over several scales, and a time in its EXIF."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((3000, 4000, 3), np.float32)
    for side in (2, 10, 50, 250):
        noise = Image.fromarray(rng.integers(0, 256, (3000 // side, 4000 // side, 3), dtype=np.uint8))
        whole += np.asarray(noise.resize((4000, 3000), Image.Resampling.BILINEAR), np.float32) / 4
    exif = Image.Exif()
    exif.get_ifd(0x8769)[36867] = f"2024:05:01 10:{seed % 60:02}:00"  # DateTimeOriginal
    file = BytesIO()
    Image.fromarray(whole.astype(np.uint8)).save(file, "JPEG", quality=85, exif=exif)
    return file.getvalue()


def card(folder: Path, count: int, distinct: int = 10) -> int:
    """Write images, most of them links to a few; bytes of one."""
    files = [photograph(seed) for seed in range(distinct)]
    for number in range(count):
        path = folder / f"site {number // SITE:03}" / f"IMG_{number:05}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < distinct:
            path.write_bytes(files[number])
        else:
            first = number % distinct
            os.link(folder / f"site {first // SITE:03}" / f"IMG_{first:05}.JPG", path)
    return int(np.mean([len(data) for data in files]))


class Silent:
    """Observer of a job that shows nothing."""

    def begin(self, todo: object, done: object, leaving: object) -> None:
        """Show nothing."""

    def running(self, medium: object, part: object, deployment: object) -> None:
        """Show nothing."""

    def labelled(self, deployment: object, seconds: object, troubles: object) -> None:
        """Show nothing."""


def median(call: Callable[[], object], rounds: int) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measured(count: int, rounds: int, folder: Path) -> dict[str, float]:
    """Milliseconds an image of each part."""
    size = card(folder / "card", count)
    print(f"{count} images of {size / 1e6:.1f} MB")
    classifier = load_classifier("efficientnet-lite0", threads=1)
    grouped = GroupedClassifier(classifier, read_groups(IMAGENET_GROUPS, classifier.classes))
    labeller = ClassifierLabeller(grouped, load_method(AUTO, classes=grouped.classes))
    shape = classifier.preprocessing
    pictures = np.random.default_rng(0).integers(0, 256, (16, shape.height, shape.width, 3), dtype=np.uint8)
    outs = iter(range(1_000_000))

    def label() -> None:
        media = list_media([folder / "card"])
        job = Job(by_deployment(media), folder / f"out {next(outs)}", options=JobOptions())
        job.run(lambda: labeller, Silent(), labeller=labeller)

    found = {
        "list": median(lambda: list_media([folder / "card"]), rounds) / count,
        "classify": median(lambda: grouped.infer(pictures), 5 * rounds) / len(pictures),
    }
    found["label"] = median(label, rounds) / count - found["list"]
    out = folder / "out 0"
    records = [Record.of(entry) for path in out.glob(f"{STATE}/*/journal") for entry in Journal(path).entries]
    parts = next(out.glob(f"{STATE}/*/parts"))
    found["tables"] = median(lambda: assemble(out, parts, records, guard_formulas=False), rounds) / count
    return {name: 1000 * value for name, value in found.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for name, milliseconds in measured(given.images, given.rounds, Path(place)).items():
            print(f"{name:10} {milliseconds:7.3f} ms an image")
