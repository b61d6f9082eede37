"""Evaluation of trained models on videos that are labelled now, on the command line."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError, MediaError
from .evaluation_tables import print_bags
from .labelled_reading import LabelledFootage, read_frames
from .screen import StageBars, console, tell_of_labels, tell_of_reading
from .tables import confusion_table, gap_rows

if TYPE_CHECKING:
    from ..watch.data.labelled_media import LabelledMedia
    from ..watch.data.span_fit import Misfit
    from ..watch.evaluation.observers import ObserverPredictions
    from ..watch.predictions import Predictions


def tell_watcher(judged: "ObserverPredictions", name: str, gaps: bool, out: Path | None) -> None:
    """Scores of a watcher trained from scratch; with a world, by gap and beside the ideal observer."""
    from ..watch.evaluation.gap_plot import draw_gaps
    from ..watch.evaluation.scores import Scores, write_evaluation

    labelled = bool((judged.truth >= 0).any())
    of_bags = judged.of_bags()
    for observer in judged.probabilities:
        if observer.startswith("ideal"):
            continue
        if labelled or not of_bags:
            console.print(confusion_table(judged, observer))
        if of_bags:
            print_bags(of_bags[observer], observer)
    if gaps:
        console.print(gap_rows(Scores.of(judged, seed=None)))
    if out is None:
        return
    write_evaluation(out / "scores.json", judged)
    if gaps:
        memory = next((o for o in judged.probabilities if o != "snapshot"), "none")
        draw_gaps(Scores.of(judged, seed=None).table, out / "gaps.png", f"{memory} on {name}")
    console.print(f"{out}: scores.json{', gaps.png' if gaps else ''}", markup=False, soft_wrap=True)


def judge_watcher(
    model: Path | None, found: "LabelledMedia", world: Path | None, strict: bool
) -> "ObserverPredictions":
    """Predictions of a watcher, whose memory begins anew with each file."""
    from ..tv import load_world
    from ..watch.data.labelled_video import embed_video
    from ..watch.evaluation.observers import observe
    from ..watch.model.watcher import Watcher

    watcher = Watcher.load(model)
    config = watcher.config
    broadcast_world = None if world is None else load_world(world)
    if broadcast_world is not None and broadcast_world.fps != config.fps:
        raise InputError(
            f"{world}: has {broadcast_world.fps:g} frames a second, and the watcher looks at {config.fps:g}: gaps and "
            "the ideal observer are counted in the world's frames. Give a watcher that was trained at the world's rate."
        )
    videos = read_frames(
        LabelledFootage(found, config.classes, strict),
        "watching",
        StageBars(),
        fps=config.fps,
        size=config.size,
        develop=lambda video: embed_video(watcher.frame_classifier, video),
    )
    contexts = {} if watcher.context is None else {config.memory: watcher.context}
    return observe(watcher.frame_classifier, contexts, videos, config.classes, broadcast_world)


def label_by_head(model: Path, found: "LabelledMedia", lookahead: bool, strict: bool) -> "Predictions":
    """Predictions of a head on a pretrained classifier, with those of its memory as the context."""
    from ..watch.data.span_fit import misfits_by_frames
    from ..watch.labelling.loading import load_model_labeller
    from ..watch.predictions import Predictions
    from ..watch.video.media import by_deployment

    labeller = load_model_labeller(model, ahead=lookahead)
    tell_of_labels(found)
    tables: list[Predictions] = []
    troubles: list[str] = []
    misfits: list[Misfit] = []
    with StageBars()("watching", len(found.media)) as done:
        number = 0
        for media in by_deployment(found.media):
            for medium, part in labeller.label_deployment(
                media, progress=lambda *_: None, trouble=lambda _, reason: troubles.append(reason)
            ):
                times = np.array([moment.time for moment in part.moments])
                frames = np.array([moment.frame for moment in part.moments])
                misfits += misfits_by_frames(medium.name, found.labels[medium.name], times, frames)
                # Labels count from the start of their file, and the table from that of the deployment.
                tables.append(replace(part.table, time=part.table.time - part.table.time[0] + times[0]))
            number += len(media)
            done(number, "")
    if not tables:
        raise MediaError(f"no labelled video can be read: {' '.join(troubles)}")
    tell_of_reading(found, troubles, misfits, strict=strict)
    return Predictions.concat(tables)
