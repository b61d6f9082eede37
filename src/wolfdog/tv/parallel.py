"""Parallel writing of several videos, each in a process of its own."""

import multiprocessing
import os
import queue
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from wolfdog.child_process import begin_child
from wolfdog.errors import MediaError
from wolfdog.tv.picture import Picture
from wolfdog.tv.programme import Programme
from wolfdog.tv.video import counted, write_video

_ticks: Any = None
"""Queue of a worker process for the numbers of frames that it has made."""
_stop: Any = None
"""Event of a worker process; set when its video is no longer needed."""


class _StoppedError(Exception):
    """Error that stops a process because another video failed, or the user interrupted."""


def write_in_processes(
    videos: tuple[Path, ...],
    programme: Programme,
    picture: Picture,
    workers: int,
    report: Callable[[int, int], None],
) -> None:
    """Write the streams of a programme to video files, in parallel.

    After an error, the first one is raised, and unfinished videos are discarded.

    Args:
        videos: The file of each stream.
        programme: The programme.
        picture: Generator of the pictures.
        workers: Number of processes.
        report: Function called with the number of frames done and in all.

    Raises:
        MediaError: A file cannot be written, or a process died.
        WolfdogError: Something cannot be shown.
    """
    done, total = 0, programme.frames * programme.streams
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    ticks, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(workers, context, _join, (ticks, stop, os.getpid())) as pool:
        waiting: set[Future[None]] = {
            pool.submit(_write_one, video, programme.alone(number), picture)
            for number, video in enumerate(videos)
        }
        try:
            while waiting:
                finished, waiting = wait(waiting, timeout=0.1)
                for future in finished:
                    future.result()
                done += _waiting_in(ticks)
                report(done, total)
        except BrokenProcessPool as error:
            raise MediaError(
                "a process that made a video died (out of memory, or a script without "
                "'if __name__ == \"__main__\":' around its broadcast). Try workers=1."
            ) from error
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    report(total, total)


def _waiting_in(ticks: Any) -> int:
    """Sum of the numbers in the queue."""
    frames = 0
    while True:
        try:
            frames += ticks.get_nowait()
        except queue.Empty:
            return frames


def _join(ticks: Any, stop: Any, parent: int) -> None:
    global _ticks, _stop
    _ticks, _stop = ticks, stop
    begin_child(parent)


def _write_one(video: Path, programme: Programme, picture: Picture) -> None:
    def tick(frames: int) -> None:
        _ticks.put(frames)
        if _stop.is_set():
            raise _StoppedError

    write_video(video, counted(picture.frames(programme), tick), programme.world.fps, picture.size)
