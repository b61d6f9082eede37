"""wolfdog demo: the whole system on simulated television, from the broadcast to a table of results."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from ..watch.model.registry import DEFAULT_MEMORY, IN_WORDS, check_names
from .options import check_seed
from .screen import StageBars, console
from .tables import cost_rows, gap_rows

if TYPE_CHECKING:
    from ..watch.experiment import Outcome

SEEDS_THOROUGH = 5
STAGES = 10
"""Number of stages of one experiment in wolfdog.watch.experiment, and that of the pictures."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path("demo"),
    seed: Annotated[int, typer.Option(callback=check_seed, help="The same seed gives the same result.")] = 0,
    images: Annotated[
        Path | None,
        typer.Option(help="Show photographs, DIR/<class>/*.png or *.jpg, in place of drawings."),
    ] = None,
    real: Annotated[
        bool,
        typer.Option(
            "--real",
            help="Show photographs, clean and degraded, to a pretrained classifier, without and with the pretrained "
            "memory; nothing is trained. Needs --images.",
        ),
    ] = False,
    most: Annotated[
        int | None,
        typer.Option(min=2, help="With --real: photographs of a class at most.", show_default="80"),
    ] = None,
    memories: Annotated[
        str | None,
        typer.Option(
            help=f"Which are compared, by commas: {IN_WORDS}. all: every kind of them.",
            show_default="six units; with --world or --suite: five units, attention and memory-network",
        ),
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Five seeds, with their spread, in about five times the time.")
    ] = False,
    world: Annotated[
        str | None,
        typer.Option(
            help="Compare the memories in event worlds, on drawn embeddings: names and .toml files by commas.",
            show_default="simulated television",
        ),
    ] = None,
    suite: Annotated[
        bool, typer.Option("--suite", help="Compare the memories in every event world.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--quick", help="With --world or --suite: seconds of training, to try it.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes at once.", show_default="one per core")
    ] = None,
) -> None:
    """Simulate television, train watchers on it, and compare their memories with the ideal observer.

    Writes scores.json, gaps.png, timelines of two of the broadcasts, an annotated MP4, the broadcasts themselves
    and every trained watcher. With --real: real.json, gaps.png, film.mp4 and annotated.mp4. With --world or --suite:
    suite.json and suite.md, tables of the shortfall from the ideal observer.
    """
    if suite or world is not None:
        if real or images is not None or most is not None:
            raise InputError("--world and --suite draw embeddings: leave out --images, --real and --most.")
        _in_worlds(out, seed, world, suite, memories, thorough, fast, workers)
        return
    if fast:
        raise InputError("--quick is for --world and --suite: give one of them, or leave it out.")
    if real:
        from .real_demo import MOST, real_demo

        if memories is not None or thorough or workers is not None:
            raise InputError("--real trains nothing: leave out --memories, --thorough and --workers.")
        real_demo(images, out, seed, MOST if most is None else most)
        return
    if most is not None:
        raise InputError("--most is for --real: give both, or neither.")
    from ..watch.evaluation.gap_plot import draw_gaps
    from ..watch.evaluation.scores import Scores, mean, spread, write_scores
    from ..watch.experiment import ALL_COMPARED, Experiment, run

    base = Experiment(seed, workers=workers or os.cpu_count() or 1)
    if memories is not None:
        base = replace(base, memories=_named(memories, ALL_COMPARED))
    if images is not None:
        base = base.on_photographs(images)
    began = time.perf_counter()
    runs: list[Scores] = []
    for number in range(SEEDS_THOROUGH if thorough else 1):
        experiment = replace(base, seed=seed + number)
        folder = out / f"seed-{experiment.seed}" if thorough else out
        if thorough:
            console.rule(f"seed {experiment.seed}, {number + 1} of {SEEDS_THOROUGH}")
        stages = StageBars(STAGES)
        outcome = run(experiment, folder, stages)
        _show(outcome, folder, stages)
        runs.append(Scores.of(outcome.predictions, experiment.seed, outcome.costs))
        seconds = round(time.perf_counter() - began, 1)
        notes = {"seconds": seconds, "frames_watched": len(outcome.predictions.truth)}
        write_scores(out / "scores.json", runs, notes)  # after every seed: a run may be stopped
    scores, deviation = mean(runs), spread(runs) if thorough else None
    draw_gaps(scores.table, out / "gaps.png", "Wolf or dog, by the gap since the last informative frame")
    console.print(gap_rows(scores, deviation))
    console.print(cost_rows(scores))
    console.print(
        f"{out}: scores.json, gaps.png, annotated.mp4, timelines, models; {seconds:,.0f} s",
        markup=False,
        soft_wrap=True,
    )


def _in_worlds(
    out: Path,
    seed: int,
    world: str | None,
    suite: bool,
    memories: str | None,
    thorough: bool,
    quick: bool,
    workers: int | None,
) -> None:
    """Comparison of memories in event worlds.

    Raises:
        InputError: The options contradict each other.
    """
    from ..tv.events import EVENT_WORLDS
    from ..watch.experiment import ALL_COMPARED
    from ..watch.suite import SUITE_MEMORIES
    from .suite import SEEDS, SEEDS_THOROUGH, run_worlds

    if suite and world is not None:
        raise InputError("--suite runs every world: leave out --world, or --suite.")
    if thorough and quick:
        raise InputError("--thorough and --quick contradict each other: leave one out.")
    run_worlds(
        EVENT_WORLDS if world is None else [name.strip() for name in world.split(",")],
        SUITE_MEMORIES if memories is None else _named(memories, ALL_COMPARED),
        seed=seed,
        seeds=SEEDS_THOROUGH if thorough else 1 if quick else SEEDS,
        out=out,
        workers=workers or os.cpu_count() or 1,
        quick=quick,
    )


def _named(memories: str, every: tuple[str, ...]) -> tuple[str, ...]:
    """Memories that an option names, by commas; "all" stands for `every` one.

    Raises:
        InputError: A name is unknown or there twice.
    """
    names = tuple(name.strip() for name in memories.split(","))
    if names == ("all",):
        return every
    check_names(names, "--memories")
    return names


def _show(outcome: "Outcome", out: Path, stages: StageBars) -> None:
    """Timelines of the highlights and of one test video, and annotated highlights, by one watcher."""
    from ..labels import read_labels
    from ..watch.model.watcher import Watcher
    from ..watch.output.annotate import annotate
    from ..watch.output.timeline import draw_timeline

    memory = DEFAULT_MEMORY if DEFAULT_MEMORY in outcome.watchers else list(outcome.watchers)[1]
    watcher = Watcher.load(outcome.watchers[memory])
    classes = watcher.config.classes
    (out / "timelines").mkdir(parents=True, exist_ok=True)
    with stages("drawing timelines and an annotated video", 2) as done:
        for number, (name, shown) in enumerate(
            (("highlights", outcome.highlights), ("test broadcast", outcome.test_broadcast))
        ):
            video = shown.videos[0]
            moments = list(watcher.watch(video))
            spans = read_labels(shown.labels)[video.name]
            title = f"{name}, as the memory {memory} saw it"
            draw_timeline(moments, out / "timelines" / f"{name}.png", classes, truth=spans, title=title)
            if number == 0:
                annotate(video, moments, out / "annotated.mp4", classes, truth=spans)
            done(number + 1, "")
