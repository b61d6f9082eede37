"""Broadcasts: programmes as video files, with a labels file and the world file beside them."""

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wolfdog.errors import InputError, MediaError
from wolfdog.labels import LabelSpan, write_labels
from wolfdog.tv.parallel import write_in_processes
from wolfdog.tv.picture import Picture
from wolfdog.tv.programme import Programme
from wolfdog.tv.sampler import Sampler
from wolfdog.tv.video import counted, exact_rate, write_video
from wolfdog.tv.world import World
from wolfdog.tv.world_files import save_world

LABELS, WORLD = "labels.csv", "world.toml"
MOST_FRAMES = 20_000_000
"""In all videos of a broadcast together: what is on in them is held in memory, some 50 bytes a frame."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Broadcast:
    """Files of one broadcast.

    Args:
        videos: The video files, one per stream.
        labels: The labels file.
        world: The world file.
        programme: The programme, [T, N] for N videos of T frames.
        seconds: Computing time.
    """

    videos: tuple[Path, ...]
    labels: Path
    world: Path
    programme: Programme
    seconds: float

    @property
    def frames(self) -> int:
        """Number of frames in all videos together."""
        return self.programme.frames * self.programme.streams

    @property
    def speed(self) -> float:
        """Frames written per second of computing time, all videos together."""
        return self.frames / self.seconds


def broadcast(
    world: World,
    out: str | Path,
    *,
    minutes: float,
    seed: int = 0,
    picture: Picture,
    streams: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Broadcast:
    """Write OUT/tv-0000.mp4 and so on, OUT/labels.csv (a row per shot) and OUT/world.toml.

    The programme is that of `Sampler(world, streams, seed)`. Each file is written atomically; the labels file is
    written after all videos, and the world file last, so that a folder with a labels file has all its videos.

    Args:
        world: The world.
        out: OUT, the folder.
        minutes: Length of each video.
        seed: Seed of the programme; the pictures have their own.
        picture: A `Painter` or `Photographs`.
        streams: Number of videos.
        workers: Number of parallel processes that paint and encode, at most one per video. With more than one, the
            calling script needs the usual `if __name__ == "__main__":`.
        progress: Function called with the number of frames done and in all.

    Returns:
        The files of the broadcast.

    Raises:
        InputError: An argument is invalid, or OUT has videos of another broadcast.
        MediaError: A file cannot be written, or a photograph not read.
        WorldError: The world has something that cannot be shown.

    Examples:
        >>> import tempfile
        >>> from wolfdog.tv import Painter, default_world
        >>> done = broadcast(default_world(), tempfile.mkdtemp(), minutes=0.1, picture=Painter())
        >>> [video.name for video in done.videos], done.frames
        (['tv-0000.mp4'], 30)
    """
    start = time.perf_counter()
    out = Path(out)
    programme = draw_programme(world, minutes=minutes, streams=streams, seed=seed)
    if workers < 1:
        raise InputError(f"workers: expected 1 or more, got {workers}.")
    picture.check(world)
    videos = tuple(out / f"tv-{number:04d}.mp4" for number in range(streams))
    _check_folder(out, {video.name for video in videos})
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"cannot make {out}: {error.strerror or error}. Choose another folder.") from error
    report = progress or _silent
    if min(workers, streams) > 1:
        write_in_processes(videos, programme, picture, min(workers, streams), report)
    else:
        _one_by_one(videos, programme, picture, report)
    write_labels(
        out / LABELS, {video.name: _spans(programme, number, picture) for number, video in enumerate(videos)}
    )
    save_world(world, out / WORLD)
    return Broadcast(videos, out / LABELS, out / WORLD, programme, time.perf_counter() - start)


def draw_programme(world: World, *, minutes: float, streams: int, seed: int) -> Programme:
    """Programme of a broadcast with these arguments.

    Args:
        world: The world.
        minutes: Length of each video.
        streams: Number of videos.
        seed: Seed of the programme.

    Returns:
        The programme.

    Raises:
        InputError: An argument is invalid.
    """
    if not 0 < minutes <= 24 * 60 or round(minutes * 60 * world.fps) < 1:
        raise InputError(f"minutes: expected a length from one frame to a day (1440), got {minutes}.")
    frames = round(minutes * 60 * world.fps)
    if streams < 1:
        raise InputError(f"streams: expected 1 or more, got {streams}.")
    if frames * streams > MOST_FRAMES:
        raise InputError(
            f"streams: expected at most {MOST_FRAMES:,} frames in all, got {streams} of {frames:,} frames. Make "
            "several broadcasts, in folders of their own."
        )
    return Sampler(world, streams, seed=seed).draw(frames)


def _check_folder(out: Path, names: set[str]) -> None:
    """Check that `out` holds no videos, or labels of videos, that this broadcast would not replace.

    Raises:
        InputError: It does.
    """
    others = {path.name for path in out.glob("tv-*.mp4")} - names
    labels = out / LABELS
    if labels.is_file():
        try:
            with labels.open(encoding="utf-8", newline="") as file:
                others |= {str(row.get("video")) for row in csv.DictReader(file)} - names
        except (OSError, UnicodeDecodeError, csv.Error):
            others.add(LABELS)
    if others:
        some = ", ".join(sorted(others)[:3]) + (", ..." if len(others) > 3 else "")
        raise InputError(
            f"{out} has another broadcast ({some}), which its {LABELS} would no longer describe. "
            "Choose another folder or remove it."
        )


def _spans(programme: Programme, stream: int, picture: Picture) -> Iterator[LabelSpan]:
    world, rate = programme.world, exact_rate(programme.world.fps)
    for shot in programme.shots(stream):
        start, end = float(shot.start / rate), float(shot.stop / rate)
        yield LabelSpan(start, end, shot.label, look=picture.look(world, shot.label), channel=shot.channel)


def _silent(done: int, total: int) -> None:
    """Progress function that does nothing."""


def _one_by_one(videos: tuple[Path, ...], programme: Programme, picture: Picture, report: Progress) -> None:
    done, total = 0, programme.frames * programme.streams

    def tick(frames: int) -> None:
        nonlocal done
        done += frames
        report(done, total)

    for number, video in enumerate(videos):
        frames = counted(picture.frames(programme, number), tick)
        write_video(video, frames, programme.world.fps, picture.size)
