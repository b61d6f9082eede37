"""wolfdog tv: broadcast simulated television as video files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wolfdog.errors import InputError
from wolfdog.tv.schedule import LONGEST
from wolfdog.tv.world import World, default_world
from wolfdog.tv.world_files import load_world

if TYPE_CHECKING:
    from wolfdog.tv.picture import Picture


def tv(
    out: Annotated[
        Path | None, typer.Option(help="Folder for the videos, labels.csv and world.toml.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Length of each video.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    streams: Annotated[int, typer.Option(help="How many videos.")] = 1,
    size: Annotated[int, typer.Option(help="Pixels of a frame's side.")] = 64,
    world: Annotated[
        Path | None, typer.Option(help="A world of your own (.toml or .json) in place of wolves and dogs.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Show photographs, DIR/<label>/*.png or *.jpg, in place of drawings.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="Part of the photographs: classifier, memory, train (both), test, or all.",
            show_default="all",
        ),
    ] = None,
    switch_every: Annotated[
        float | None, typer.Option(help="Mean seconds that a viewer stays on a channel.")
    ] = None,
    informative_rate: Annotated[
        float | None,
        typer.Option(help="Share of informative shots (bear, goldfish), 0 to 1: one pace for all."),
    ] = None,
    shot_length: Annotated[float | None, typer.Option(help="Mean seconds of a shot.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes side by side.", show_default="as many as cores, if that pays"),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Also draw a contact sheet, a PNG with a row of frames for each label."),
    ] = None,
) -> None:
    """Simulate television: MP4 files, their labels, and the world that describes them."""
    from wolfdog.tv.painter import Painter
    from wolfdog.tv.photographs import Photographs

    if out is None and sheet is None:
        raise InputError(
            "tv: nothing to do. Say where to: --out DIR for videos, or --sheet FILE for a picture."
        )
    if part is not None and images is None:
        raise InputError("tv: --part says which photographs are shown: say where they are with --images DIR.")
    chosen = _changed(
        default_world() if world is None else load_world(world), switch_every, informative_rate, shot_length
    )
    picture: Picture = (
        Painter(size, seed) if images is None else Photographs(images, part or "all", size=size, seed=seed)
    )
    if sheet is not None:
        from wolfdog.tv.sheet import write_sheet

        write_sheet(sheet, chosen, picture)
        typer.echo(f"{sheet}: a row each of {', '.join(chosen.labels)}")
    if out is not None:
        _broadcast(chosen, out, minutes, seed, picture, streams, workers)


def _changed(
    world: World, switch_every: float | None, informative_rate: float | None, shot_length: float | None
) -> World:
    """World with other numbers; lengths are in seconds."""
    if informative_rate is not None and not 0 <= informative_rate <= 1:
        raise InputError(f"tv: --informative-rate: expected a share from 0 to 1, got {informative_rate:g}.")
    return world.with_(
        switch_every=_frames("--switch-every", switch_every, world, 1),
        shot_length=_frames("--shot-length", shot_length, world, world.shot.phases),
        informative_rate=informative_rate,
    )


def _frames(option: str, seconds: float | None, world: World, fewest: int) -> float | None:
    """Frames of so many seconds, if that many are given.

    Raises:
        InputError: They are fewer than `fewest` or more than a billion.
    """
    if seconds is None:
        return None
    frames = seconds * world.fps
    if not fewest <= frames <= LONGEST:
        raise InputError(
            f"tv: {option}: expected seconds from {fewest / world.fps:g} to {LONGEST / world.fps:g} at "
            f"{world.fps:g} frames a second, got {seconds:g}."
        )
    return frames


def _worthwhile(minutes: float, streams: int, fps: float) -> int:
    """Number of worker processes: one more for every few thousand frames, the cost of starting a process."""
    frames = minutes * 60 * fps * streams
    # min keeps its first argument where the second is NaN; the broadcast will refuse such a length.
    return int(max(1, min(os.cpu_count() or 1, frames // 4000)))


def _broadcast(
    world: World,
    out: Path,
    minutes: float,
    seed: int,
    picture: "Picture",
    streams: int,
    workers: int | None,
) -> None:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from wolfdog.tv.broadcasting import broadcast

    columns = (
        TextColumn("broadcasting"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("broadcasting", total=None, speed="")

        def progress(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total, speed=f"{speed:,.0f} frames/s" if speed else "")

        done = broadcast(
            world,
            out,
            minutes=minutes,
            seed=seed,
            picture=picture,
            streams=streams,
            workers=_worthwhile(minutes, streams, world.fps) if workers is None else workers,
            progress=progress,
        )
    files = done.videos[0].name if streams == 1 else f"{done.videos[0].name} to {done.videos[-1].name}"
    typer.echo(
        f"{out}: {files}, {done.labels.name}, {done.world.name}: {done.frames:,} frames at {world.fps:g} per "
        f"second, made at {done.speed:,.0f} frames/s"
    )
