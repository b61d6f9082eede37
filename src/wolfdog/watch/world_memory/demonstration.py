"""Demonstration: a broadcast of a folder of photographs, watched with and without the pretrained memory."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.labels import write_labels
from wolfdog.tv import Programme, Sampler, World, default_world
from wolfdog.watch.predictions import Predictions

from ..classifiers.classifier import Classifier
from ..classifiers.video_classification import classify_video
from ..evaluation.metrics import GapTable
from ..moments import Moment
from ..output.annotate import annotate
from ..progress import Stages, silent
from ..smoothing.moving_average import Mean
from .bank import Bank, build_bank
from .comparison import Scores, contexts, gap_tables, scores_of
from .film import write_film
from .method import WorldMemory
from .photographs import PhotographSet
from .streams import show

MEMORY, AVERAGE = "memory", "mean of 5 frames"
STREAMS, FRAMES = 24, 3000
"""Of the programmes that are judged: four hours at 5 frames a second."""
FILM_SECONDS = 90


@dataclass(frozen=True, eq=False)
class Demonstration:
    """Results of a demonstration.

    Attributes:
        photographs: Number of photographs.
        degradations: Names of the degradations.
        scores: Scores of the classifier alone, the mean of 5 frames and the memory.
        gaps: For each degradation, balanced accuracy of wolves and dogs by the frames since the last bear or goldfish.
        fps: Frames per second.
        film: The annotated video.
    """

    photographs: int
    degradations: tuple[str, ...]
    scores: Mapping[str, Scores]
    gaps: Mapping[str, GapTable]
    fps: float
    film: Path

    def as_dict(self) -> dict[str, object]:
        """Results for JSON."""
        return {
            "photographs": self.photographs,
            "fps": self.fps,
            "scores": {name: asdict(scores) for name, scores in self.scores.items()},
            "gaps": {name: asdict(table) for name, table in self.gaps.items()},
        }


def demonstrate(
    images: str | PathLike[str],
    out: Path,
    classifier: Classifier,
    *,
    seed: int = 0,
    most: int = 80,
    stages: Stages = silent,
) -> Demonstration:
    """Classify photographs, clean and degraded; broadcast them; watch with and without the pretrained memory.

    Nothing is trained. OUT/film.mp4 is a programme of a minute and a half as a video, OUT/labels.csv its labels, and
    OUT/annotated.mp4 the video with the labels of the classifier alone and of the memory.

    Args:
        images: Folder with a folder of photographs for each of wolf, dog, bear, goldfish and unknown.
        out: An existing folder.
        classifier: Classifier with these classes.
        seed: Seed of the programmes, photographs and degradations.
        most: Largest number of photographs of a class.
        stages: Shows progress.

    Returns:
        The results.

    Raises:
        MediaError: A photograph cannot be read or is missing, or a video cannot be written.
    """
    world = default_world()
    photographs = PhotographSet.of_folder(images, world.labels, most=most)
    with stages(f"classifying {len(photographs)} photographs, clean and degraded", len(photographs)) as done:
        bank = build_bank(classifier, photographs, seed=seed, progress=lambda n, _: done(n, ""))
    with stages("broadcasting and watching four hours", 1) as done:
        programme = Sampler(world, STREAMS, seed=seed).draw(FRAMES)
        scores, gaps = _watched(bank, programme, seed)
        done(1, "")
    with stages("filming, classifying and annotating a minute and a half", 3) as done:
        film = out / "film.mp4"
        shown = _lively(world, seed)
        spans = write_film(film, photographs, shown, seed=seed)
        write_labels(out / "labels.csv", {film.name: spans})
        done(1, "")
        moments = _moments(film, classifier)
        done(2, "")
        annotate(film, moments, out / "annotated.mp4", classifier.classes, truth=spans)
        done(3, "")
    return Demonstration(len(photographs), bank.degradations, scores, gaps, world.fps, out / "annotated.mp4")


def _watched(bank: Bank, programme: Programme, seed: int) -> tuple[dict[str, Scores], dict[str, GapTable]]:
    streams = show(bank, programme, seed=seed)
    said = contexts(streams, bank.classes, {AVERAGE: Mean(), MEMORY: WorldMemory()})
    gaps = gap_tables(said, streams, programme, bank.degradations)
    return scores_of(said, streams, bank.degradations, bank.classes), gaps


def _lively(world: World, seed: int) -> Programme:
    """Programme of many bears, goldfish and canines, whose viewer changes the channel twice a minute."""
    lively = world.with_(switch_every=30 * world.fps, informative_rate=0.25, shot_length=12)
    return Sampler(lively, 1, seed=seed).draw(round(FILM_SECONDS * world.fps))


def _moments(film: Path, classifier: Classifier) -> list[Moment]:
    """Moments of a video, with the probabilities of the classifier and of the memory."""
    looks = list(classify_video(film, classifier))

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in looks])

    table = Predictions.from_columns(
        classifier.classes,
        column("probabilities"),
        time=column("time"),
        duration=column("duration"),
        frame=column("frame"),
        clarity=column("clarity"),
        media=film.name,
    )
    seen = WorldMemory().smooth(table)
    context = seen.probabilities if seen.context is None else seen.context
    alone, remembered = seen.label_names(), seen.label_names(context=True)
    return [
        Moment(
            film.name, int(seen.frame[n]), float(seen.time[n]), alone[n], remembered[n], seen.probabilities[n],
            context[n], duration=float(seen.duration[n]),
        )
        for n in range(len(seen))
    ]  # fmt: skip
