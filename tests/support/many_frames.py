"""One deployment of a million frames through a watcher and into its tables; memory is measured as it goes.

PYTHONPATH=src:tests/support python tests/support/many_frames.py --frames 1000000 [--memory lstm]
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from watch_watchers import frames, made
from wolfdog.watch.output.sinks import EventsCSV, MomentsCSV


def resident() -> float:
    """Resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmRSS in /proc/self/status")


def watched(count: int, memory: str, folder: Path, *, every: int) -> Iterator[tuple[int, float]]:
    """Number of frames so far and resident MB, after each `every` frames.

    Args:
        count: Frames of the deployment.
        memory: Memory of the watcher.
        folder: Folder of the tables.
        every: Frames between two measurements.
    """
    watcher = made(memory)
    with ExitStack() as stack:
        sinks = [
            stack.enter_context(MomentsCSV(folder / "moments.csv", watcher.config.classes)),
            stack.enter_context(EventsCSV(folder / "events.csv")),
        ]
        for number, moment in enumerate(watcher.watch(frames(count), "long"), 1):
            for sink in sinks:
                sink.write(moment)
            if number % every == 0:
                yield number, resident()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--memory", default="lstm")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for number, megabytes in watched(
            given.frames, given.memory, Path(place), every=max(1, given.frames // 20)
        ):
            print(f"{number:,} frames, {megabytes:.1f} MB, {time.monotonic() - began:.0f} s", flush=True)
