"""Small jobs in this process: sites of images and a few videos, a classifier of colours, a memory that is none."""

import hashlib
from contextlib import contextmanager

import pytest

from colour_classifier import ColourClassifier
from watch_cards import BLUE, GREEN, RED, picture
from watch_films import film, plain
from wolfdog.watch.jobs.job import Job
from wolfdog.watch.jobs.job_options import JobOptions
from wolfdog.watch.labelling.classifier_labeller import ClassifierLabeller
from wolfdog.watch.recorder import RecordOptions
from wolfdog.watch.smoothing.moving_average import Mean
from wolfdog.watch.video.listing import list_media
from wolfdog.watch.video.media import by_deployment


def card(folder, *, sites=3, images=4):
    """Sites of images, two videos of their own, an empty image and a broken video."""
    for site in range(sites):
        for n in range(images):
            colour = (RED, GREEN, BLUE)[(site + n) % 3]
            date = f"2024:05:01 10:00:{n:02}"
            picture(folder / f"site {site}" / f"{n}.jpg", colour, date=date, size=(16, 12))
    film(folder / "a.mp4", plain(8, 16, 16), rate=5)
    film(folder / "b.mp4", plain(4, 16, 16), rate=5)
    (folder / "broken.mp4").write_bytes(bytes(range(256)) * 4)
    (folder / "site 0" / "empty.jpg").touch()
    return folder


@contextmanager
def without_timelines():
    """Jobs draw no timelines: they take most of the time, and few tests depend on what they show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "wolfdog.watch.output.video_files.draw_timeline",
            lambda moments, path, classes, title: path.write_bytes(title.encode()),
        )
        yield


class Quiet:
    """Observer that keeps what it is told."""

    def __init__(self):
        self.begun, self.troubles, self.finished = None, [], []

    def begin(self, todo, done, leaving):
        """Keep the plan."""
        self.begun = [one.name for one in todo], done

    def running(self, medium, part, deployment):
        """Nothing."""

    def labelled(self, deployment, seconds, troubles):
        """Keep the name and the troubles."""
        self.finished.append(deployment.name)
        self.troubles += troubles


def colours():
    """A labeller without a network."""
    return ClassifierLabeller(ColourClassifier(), Mean(frames=3))


def colours_on_ray(folder):
    """The same, which leaves a file named after its node in the folder; called by processes of a Ray cluster."""
    import ray

    (folder / ray.get_runtime_context().get_node_id()).touch()
    return colours()


def job(source, out, *, record=None, labels=None, **options):
    """A job over a folder."""
    options = JobOptions(record=record or RecordOptions(), labels=labels or {}, **options)
    return Job(by_deployment(list_media([source])), out, options=options)


def run(source, out, *, labeller=None, watch=None, **options):
    """Its totals; what it said is in `watch`."""
    labeller = labeller or colours()
    return job(source, out, **options).run(lambda: labeller, watch or Quiet(), labeller=labeller)


def results(out):
    """Digest of each file of results."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".wolfdog-job" not in path.parts
    }
