"""Valid small files of every kind that is read, their mutations, and the readers.

    PYTHONPATH=src:tests/support python tests/support/hostile_inputs.py --mutations 10000 [--kind media]

A reader may return or raise one of wolfdog's errors. Anything else counts: another exception, a crash, more than
`SECONDS` of computing for one file, or more than `MEGABYTES` of memory.
"""

import argparse
import contextlib
import io
import json
import os
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from onnx_image_networks import colour_network
from watch_cards import camera_traps, picture
from watch_films import film, noise, plain
from watch_watchers import made
from wolfdog.errors import WolfdogError

SECONDS, MEGABYTES, PIXELS = 20.0, 1000, 2_000_000
TOKENS = (
    [
        b"-1",
        b"1e999",
        b"NaN",
        b"null",
        b"[]",
        b"{}",
        b'"',
        b",",
        b"\n",
        b"\x00",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"=1+1",
    ]
    + [b"9" * 400, b"[" * 2000, b"1" * 5000, b"\\u0000", b"0x7fffffff", b"true", b"2024-13-45T25:61:61"]
    + [(1 << n).to_bytes(n // 8 + 1, "big") for n in (7, 15, 31, 32, 63)]
)


def mutated(data, rng, others=()):
    """A file with one to eight changes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(data) + 1)
        length = min(len(data) - at, rng.choice((1, 2, 4, 16, 200)))
        match rng.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + length] = rng.randbytes(length)
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = rng.choice(TOKENS)
            case 4:
                data[at : at + length] = rng.choice(TOKENS)
            case 5:
                data[at:at] = data[at : at + length] * rng.choice((1, 2, 50))
            case 6:
                del data[at:]
            case 7 if others:
                other = rng.choice(others)
                begin = rng.randrange(len(other) + 1)
                data[at : at + length] = other[begin : begin + length]
    return bytes(data)


def seeds(folder):
    """Valid files: {kind: [paths]}."""
    folder.mkdir(parents=True, exist_ok=True)
    images = noise(6, 24, 32)
    media = [film(folder / f"a{end}", images, codec=codec, rate=5) for end, codec in (
        (".mp4", "libx264"), (".mkv", "libx264"), (".avi", "mpeg4"), (".mov", "mjpeg"), (".ts", "mpeg2video"),
    ) if codec != "mjpeg"]  # fmt: skip
    media.append(film(folder / "b.mov", plain(6, 24, 32), codec="mjpeg", pixels="yuvj420p", rate=5))
    pictures = [
        picture(folder / f"p{end}", date="2024:01:01 00:00:00") for end in (".jpg", ".png", ".tif", ".webp")
    ]
    detector = {
        "info": {"format_version": "1.5"}, "detection_categories": {"1": "animal"},
        "classification_categories": {"0": "wolf", "1": "dog"},
        "images": [{"file": "s/a.jpg", "datetime": "2024:01:01 00:00:00", "detections": [
            {"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.5, 0.5], "classifications": [["0", 0.8], ["1", 0.2]]}
        ]}],
    }  # fmt: skip
    (folder / "md.json").write_text(json.dumps(detector))
    coco = camera_traps(folder / "coco.json", [{"id": "1", "file_name": "p.jpg", "location": 3, "frame_num": 1,
        "datetime": "2024-01-01 00:00:00"}])  # fmt: skip
    (folder / "labels.csv").write_text("video,start,end,label\na.mp4,0,00:00:01,wolf\na.mp4,1.5,2,dog\n")
    (folder / "files.csv").write_text("filepath,label\ns/a.jpg,wolf\n")
    (folder / "results.csv").write_text("file,wolf,dog,datetime\ns/a.jpg,0.9,0.1,2024-01-01 00:00:00\n")
    (folder / "times.csv").write_text("file,datetime\na.jpg,2024-01-01 00:00:00\n")
    (folder / "groups.toml").write_text('[classes]\nwolf = ["timber wolf", 270]\ndog = [151, 152]\n')
    from wolfdog.tv import default_world
    from wolfdog.tv.world_files import save_world

    save_world(default_world(), folder / "world.toml")
    metadata = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
    made("gru").save(folder / "model")
    table = folder / "table.parquet"
    from wolfdog.watch.predictions import Predictions, write_predictions

    write_predictions(
        table, Predictions.from_columns(["wolf", "dog"], [[0.9, 0.1]] * 3, time=[0.0, 1.0, 2.0])
    )
    np.save(folder / "scores.npy", np.full((4, 2), 0.5, np.float32))
    return {
        "media": media + pictures,
        "json": [folder / "md.json", coco],
        "csv": [folder / name for name in ("labels.csv", "files.csv", "results.csv", "times.csv")],
        "toml": [folder / "groups.toml", folder / "world.toml"],
        "onnx": [colour_network(folder / "colours.onnx", features=True, metadata=metadata)],
        "safetensors": [folder / "model" / "watcher.safetensors"],
        "tables": [table, folder / "scores.npy"],
    }


def readers(path):
    """Functions that read a file of this suffix."""
    from wolfdog.labels import read_labels
    from wolfdog.watch.classifiers.classes import read_groups
    from wolfdog.watch.classifiers.imagenet import imagenet_classes
    from wolfdog.watch.classifiers.onnx_classifier import OnnxClassifier
    from wolfdog.watch.formats import read_results
    from wolfdog.watch.formats.times_file import read_times
    from wolfdog.watch.model.watcher import Watcher
    from wolfdog.watch.video.listing import list_media

    def world(path):
        from wolfdog.tv.world_files import load_world

        load_world(path)

    match path.suffix:
        case ".json":
            return [read_results, read_labels, lambda path: list_media([path])]
        case ".csv":
            return [read_results, read_labels, read_times]
        case ".toml":
            return [lambda path: read_groups(path, imagenet_classes()), world]
        case ".onnx":
            return [OnnxClassifier]
        case ".safetensors":
            return [Watcher.load]
        case ".parquet" | ".npy":
            return [read_results]
    return [decode, lambda path: list_media([path])]


def decode(path):
    """All pictures of a video or an image."""
    from wolfdog.watch.video.footage import open_frames
    from wolfdog.watch.video.sampling import Rate

    with open_frames(path, 16, Rate(5.0), max_pixels=PIXELS) as (frames, _):
        for _ in frames:
            pass


def attempt(path):
    """Read a file in every way; the fault, or None."""
    for read in readers(path):
        began = time.process_time()
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                read(path)
        except (WolfdogError, FileNotFoundError):
            pass
        except Exception:
            return f"{getattr(read, '__name__', read)}: {traceback.format_exc(limit=-4)}"
        if time.process_time() - began > SECONDS:
            return f"{getattr(read, '__name__', read)}: {time.process_time() - began:.0f} s"
    return None


def campaign(kind, count, folder, *, seed=0):
    """Read so many mutations of a kind; texts that describe the faults."""
    files = seeds(folder / "valid")[kind]
    whole = [path.read_bytes() for path in files]
    faults = []
    for number in range(count):
        rng = random.Random(f"{kind} {seed} {number}")
        which = rng.randrange(len(files))
        path = folder / f"mutated{files[which].suffix}"
        path.write_bytes(mutated(whole[which], rng, whole))
        fault = attempt(path)
        if fault is not None:
            faults.append(f"{kind}, seed {seed}, number {number} of {files[which].name}: {fault}")
    return faults


def in_fork(kind, count, folder, seed):
    """`campaign` in a process of its own, so that a crash is seen; memory is bounded there."""
    with tempfile.TemporaryFile("w+") as told:
        pid = os.fork()
        if not pid:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            faults = campaign(kind, count, folder, seed=seed)
            more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            if more > MEGABYTES:
                faults.append(f"{kind}, seed {seed}: {more:.0f} MB more")
            json.dump(faults, told)
            told.flush()
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        told.seek(0)
        return json.load(told) if status == 0 else [f"{kind}, seed {seed}: ended with status {status}"]


KINDS = ("media", "json", "csv", "toml", "onnx", "safetensors", "tables")
BATCH = 500

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--kind", choices=KINDS, action="append")
    given = parser.parse_args()
    bad = 0
    for kind in given.kind or KINDS:
        began, read = time.time(), 0
        while read < given.mutations:
            with tempfile.TemporaryDirectory() as folder:
                faults = in_fork(kind, BATCH, Path(folder), read // BATCH)
            read += BATCH
            bad += len(faults)
            print("\n".join(faults), end="\n" if faults else "", flush=True)
        print(f"{kind}: {read:,} mutated files read in {time.time() - began:.0f} s", flush=True)
    sys.exit(bad > 0)
