"""A job over many small images; the memory of its processes is measured as it goes.

PYTHONPATH=src:tests/support python tests/support/many_images.py --images 100000 [--workers 1]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from killed_jobs import children

SITE = 500
"""Images of a deployment."""


def write_cards(folder: Path, count: int, *, distinct: int = 50) -> None:
    """Write so many images of 64 x 48 pixels, few of them distinct, in deployments of `SITE`."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(distinct):
        file = BytesIO()
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 48)).save(file, "JPEG")
        files.append(file.getvalue())
    for number in range(count):
        path = folder / f"site{number // SITE:03}" / f"IMG_{number % SITE:04}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[7 * number % distinct])


def resident(pid: int) -> float:
    """Resident memory of a process and its descendants in MB; 0 if it has ended."""
    kilobytes = 0
    for one in (pid, *children(pid)):
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return kilobytes / 1024


def watched(cards: Path, out: Path, *, workers: int, every: float) -> Iterator[tuple[float, float]]:
    """Seconds and resident MB of `wolfdog watch` over a folder; its progress goes to standard error.

    Args:
        cards: The folder.
        out: Folder of results.
        workers: Number of its processes.
        every: Seconds between two measurements.
    """
    words = ["watch", cards, "--out", out, "--no-cache", "--workers", workers]
    process = subprocess.Popen([sys.executable, "-m", "wolfdog", *map(str, words)])
    began = time.monotonic()
    while process.poll() is None:
        yield time.monotonic() - began, resident(process.pid)
        try:
            process.wait(every)
        except subprocess.TimeoutExpired:
            continue
    if process.returncode != 0:
        raise SystemExit(f"wolfdog watch ended with status {process.returncode}")
    yield time.monotonic() - began, 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--every", type=float, default=20.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        write_cards(Path(place) / "cards", given.images)
        for seconds, megabytes in watched(
            Path(place) / "cards", Path(place) / "out", workers=given.workers, every=given.every
        ):
            print(f"{seconds:.0f} s, {megabytes:.0f} MB", flush=True)
