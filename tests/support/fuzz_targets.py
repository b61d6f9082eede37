"""Readers of users' files for fuzzing: each with valid files, tokens of its format, and the calls that read it."""

import contextlib
import io
import json
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

import any_class_networks
import hostile_inputs
import onnx_files
import world_banks

Reader = Callable[[Path], object]


@dataclass(frozen=True)
class Target:
    """Parser of one kind of files.

    Attributes:
        files: Names of the files that the readers find in one folder; the fuzzer writes one of them at a time.
        seeds: Function that makes valid files in a folder: {name of `files`: contents}.
        readers: Function that gives the calls to be tried, once packages are loaded. Each takes the folder.
        tokens: Words of the format.
    """

    files: tuple[str, ...]
    seeds: Callable[[Path], dict[str, list[bytes]]]
    readers: Callable[[], Sequence[Reader]]
    tokens: Sequence[str]


@cache
def valid() -> dict[str, list[Path]]:
    """Valid files that mutations start from too."""
    return hostile_inputs.seeds(Path(tempfile.mkdtemp(prefix="seeds-")))


def _valid(kind: str, *which: int) -> list[bytes]:
    paths = valid()[kind]
    return [paths[n].read_bytes() for n in which or range(len(paths))]


def _by_suffix(name: str) -> Callable[[], Sequence[Reader]]:
    """Readers of `hostile_inputs` for files of this name."""
    return lambda: [
        lambda folder, read=read: read(folder / name) for read in hostile_inputs.readers(Path(name))
    ]


def _one(name: str, contents: Callable[[Path], list[bytes]], tokens: Sequence[str], readers=None) -> Target:
    """Target of a single file."""
    return Target((name,), lambda folder: {name: contents(folder)}, readers or _by_suffix(name), tokens)


def _reading(call: Callable[[], Reader], name: str) -> Callable[[], Sequence[Reader]]:
    """One reader, which takes the path of the file."""

    def readers():
        read = call()
        return [lambda folder: read(folder / name)]

    return readers


def _labels(name: str) -> Callable[[], Sequence[Reader]]:
    def call():
        from wolfdog.labels import read_labels

        return read_labels

    return _reading(call, name)


# Labels of other programs


def _label_studio(folder):
    task = {
        "id": 1, "data": {"video": "/data/upload/1/a.mp4"},
        "annotations": [{"result": [
            {"value": {"ranges": [{"start": 1, "end": 40}], "timelinelabels": ["fox"]}},
            {"value": {"framesCount": 9, "labels": ["dog"], "sequence": [{"frame": 1, "enabled": True}]}},
        ]}],
    }  # fmt: skip
    return [json.dumps([task]).encode()]


def _boris(folder):
    observation = {
        "file": {"1": ["a.mp4"]}, "type": "MEDIA", "media_info": {"fps": {"a.mp4": 25}, "length": {"a.mp4": 9}},
        "events": [[1.5, "fox", "digging", "", ""], [4.0, "fox", "digging"]],
    }  # fmt: skip
    project = {
        "behaviors_conf": {"0": {"type": "State event", "code": "digging"}}, "observations": {"a": observation},
    }  # fmt: skip
    return [json.dumps(project).encode()]


def _boris_tables(folder):
    return [
        b"Observation id\tMedia file\tFPS\tSubject\tBehavior\tBehavior type\tStart (s)\tStop (s)\n"
        b"a\ta.mp4\t25\tfox\tdigging\tSTATE\t1.5\t4.0\n",
        b"Observation id\tMedia file name\tFPS (frame/s)\tSubject\tBehavior\tBehavior type\tTime\n"
        b"a\ta.mp4\t25\tfox\tdigging\tSTART\t1.5\na\ta.mp4\t25\tfox\tdigging\tSTOP\t4.0\n",
    ]


def _array_labels(folder):
    np.save(folder / "a.npy", np.eye(3, dtype=np.uint8))
    np.save(folder / "b.npy", np.array([0, 2, -1]))
    arrays = [(folder / name).read_bytes() for name in ("a.npy", "b.npy")]
    names = [b'["fox", "dog", "wolf"]', b'{"classes": ["fox", "dog", "wolf"], "fps": 4}']
    return {"a.npy": arrays, "a.json": names}


def _array_readers():
    from wolfdog.labels import read_labels
    from wolfdog.watch.formats import read_results

    return [
        lambda folder: read_labels(folder / "a.npy"),
        lambda folder: read_results(folder / "a.npy").predictions,
    ]


def camtrap_dp(folder):
    """Package with a medium and an observation: {name: contents}."""
    tables = {
        "deployments": "deploymentID,latitude,longitude\nd,1,2\n",
        "media": "mediaID,deploymentID,timestamp,filePath\nm,d,2024-01-01T00:00:00Z,a.jpg\n",
        "observations": "observationID,deploymentID,mediaID,observationLevel,observationType,scientificName,"
        "classificationProbability,eventStart,eventEnd\n"
        "o,d,m,media,animal,Canis lupus,0.9,2024-01-01T00:00:00Z,2024-01-01T00:00:00Z\n",
    }
    resources = [{"name": name, "path": f"{name}.csv"} for name in tables]
    whole = {f"{name}.csv": [text.encode()] for name, text in tables.items()}
    return whole | {
        "datapackage.json": [json.dumps({"profile": "camtrap-dp", "resources": resources}).encode()]
    }


def _package_readers():
    from wolfdog.labels import read_labels
    from wolfdog.watch.formats import read_results
    from wolfdog.watch.video.listing import list_media

    return [read_results, read_labels, lambda folder: list_media([folder])]


# Results and tables


def _detections():
    from wolfdog.watch.classifiers.detections import MegaDetectorResults

    def read(path):
        found = MegaDetectorResults(path).finder("s/a.jpg")
        for frame in range(3):
            found.at(frame)

    return read


def _calibrations(folder):
    from wolfdog.watch.review.calibration import Calibration, Threshold
    from wolfdog.watch.review.calibration_file import save_calibration

    thresholds = (Threshold(0.05, 0.9, 0.5),)
    for form, matrix in (("temperature", None), ("matrix", np.eye(2))):
        bias = None if matrix is None else np.zeros(2)
        made = Calibration(
            ("wolf", "dog"), "any-class", form, 1.2, matrix, bias, 40, {"before": 0.5, "after": 0.4}, thresholds
        )  # fmt: skip
        save_calibration(folder / f"{form}.json", made)
    return [(folder / f"{form}.json").read_bytes() for form in ("temperature", "matrix")]


def _load_calibration():
    from wolfdog.watch.review.calibration_file import load_calibration

    return load_calibration


def _suite(folder):
    from wolfdog.watch.suite.results import SUITE_GAPS, SuiteRun, write_runs
    from wolfdog.watch.suite.settings import SuiteSettings

    empty = (None,) * len(SUITE_GAPS)
    run = SuiteRun("pair", "lstm", 0, 0.1, empty, (empty,), (0,) * len(SUITE_GAPS), 0.9, 0.95, None, 1.5, 100)
    write_runs(folder / "suite.json", SuiteSettings(), [run])
    return [(folder / "suite.json").read_bytes()]


def _suite_runs():
    from wolfdog.watch.suite.results import read_runs
    from wolfdog.watch.suite.settings import SuiteSettings

    return lambda path: read_runs(path, SuiteSettings())


def _results_folder(folder):
    from wolfdog.watch.predictions import Predictions, write_predictions

    table = Predictions.from_columns(["wolf", "dog"], [[0.9, 0.1]] * 2, time=[0.0, 1.0], media="a.mp4")
    table = table.with_context(np.full((2, 2), 0.5, np.float32), "any-class")
    write_predictions(folder / "whole.parquet", table)
    return {
        "predictions.parquet": [(folder / "whole.parquet").read_bytes()],
        "moments.csv": [
            b"deployment,video,time,utc,time_of_day,label\n,a.mp4,0.0,2024-01-01T00:00:00Z,01:00:00,wolf\n"
        ],
        "predictions.review.csv": [
            b"deployment,file,frame,detection,gain,ask,label\n,a.mp4,0,,1.5,yes,wolf\n"
        ],
    }


def _results_folder_readers():
    from wolfdog.watch.report.results_folder import read_folder

    return [read_folder]


def _places():
    from wolfdog.watch.export.camtrap_places import read_places

    return read_places


# Worlds


def _event_worlds(folder):
    from wolfdog.tv.events.files import FOLDER

    worlds = [(FOLDER / f"{name}.toml").read_bytes() for name in ("pair", "parity", "uneven")]
    worlds += [b'confusions = "looks.csv"\n' + worlds[0]]
    return {
        "world.toml": worlds,
        "looks.csv": [b"A,B,C,A or B,other\n0.8,0.1,0.05,0.05,1\n0.2,0.3,0.3,0.2,1\n"],
    }


def _event_world_readers():
    from wolfdog.tv.events.confusions import Confusions
    from wolfdog.tv.events.files import load_event_world

    return [
        lambda folder: load_event_world(folder / "world.toml"),
        lambda folder: Confusions.read(folder / "looks.csv", ("A", "B", "C", "A or B"), "looks.csv"),
    ]


# Weights


def _memories(folder):
    from wolfdog.memory import MemoryBank
    from wolfdog.watch.smoothing.any_class_file import save_network
    from wolfdog.watch.smoothing.class_head import ClassHead
    from wolfdog.watch.smoothing.trained import Heads, TrainedMemory
    from wolfdog.watch.smoothing.trained_file import save_trained
    from wolfdog.watch.world_memory.network import WorldNetwork, WorldNetworkConfig
    from wolfdog.watch.world_memory.network_file import save_world_network

    torch.manual_seed(0)
    network = any_class_networks.network()
    save_network(folder / "any.safetensors", network, {"steps": 1})
    heads = [Heads((ClassHead(2, width=3, ahead=ahead, dropout=0.0),), 1.5) for ahead in (False, True)]
    trained = TrainedMemory(
        classes=("wolf", "dog"), causal_heads=heads[0], ahead_heads=heads[1], network=network
    )
    save_trained(folder / "trained.safetensors", trained)
    world = WorldNetwork(WorldNetworkConfig(classes=("wolf", "dog", "bear"), looks=("c", "c", "b"), width=3))
    save_world_network(folder / "world.safetensors", world)
    bank = MemoryBank(entry_size=3, capacity=4)
    bank.write(torch.ones(3), time=1.0)
    bank.save(folder / "bank.safetensors")
    names = ("any", "trained", "world", "bank")
    return [(folder / f"{name}.safetensors").read_bytes() for name in names] + [_trained_model(folder)]


def _trained_model(folder):
    from wolfdog.watch.classifiers.linear_head import LinearHead
    from wolfdog.watch.labelling.trained_model import TrainedModel

    head = LinearHead(("wolf", "dog"), np.ones((2, 3), np.float32), np.zeros(2, np.float32))
    return TrainedModel("onnx:a.onnx", "identity", "squeeze", 4.0, head).save(folder / "trained").read_bytes()


def _memory_readers():
    from wolfdog.memory import MemoryBank
    from wolfdog.watch.labelling.trained_model import load_trained_model
    from wolfdog.watch.smoothing.any_class_file import load_network
    from wolfdog.watch.smoothing.trained_file import load_trained
    from wolfdog.watch.world_memory.network_file import load_world_network

    calls = (load_network, load_trained, load_world_network, MemoryBank.load, load_trained_model)
    return [lambda folder, call=call: call(folder / "memory.safetensors") for call in calls]


def _bank(folder):
    world_banks.small_bank(2).save(folder / "bank.npz")
    return [(folder / "bank.npz").read_bytes()]


def _load_bank():
    from wolfdog.watch.world_memory.bank import Bank

    return Bank.load


def _from_onnx():
    import wolfdog

    return wolfdog.from_onnx


# The state of a job


def _job(folder):
    from wolfdog.watch.jobs.plan import Record

    spans = [(0, 10)] * 4
    record = Record("key", "0", *spans, 1, 0, 1, 5, 1.0, (("b.mp4", "damaged"),), True, ("a.mp4.vtt",))
    return {
        "journal": [json.dumps(record.entry()).encode()],
        "products": [b'{"files": ["a.mp4.vtt"]}'],
        "current": [b"abc 3"],
        "000001.json": [b'[["a.jpg", [1, 2.0], 0, 0, "damaged"], ["b.jpg", [1, 2.0], 0, 3, null]]'],
    }


def _job_readers():
    from wolfdog.watch.jobs.folder import JobFolder
    from wolfdog.watch.jobs.job import _settled
    from wolfdog.watch.jobs.media_store import MediaStore

    def opened(folder):
        top = folder / "out" / ".wolfdog-job"
        (top / "abc").mkdir(parents=True, exist_ok=True)
        for name, place in (("journal", top / "abc"), ("products", top)):
            lines = (folder / name).read_bytes().split(b"\n")  # each with a checksum that is right
            (place / name).write_bytes(b"".join(b"%08x %s\n" % (zlib.crc32(line), line) for line in lines))
        (top / "current").write_bytes((folder / "current").read_bytes())
        with JobFolder(folder / "out", "abc") as job:
            job.may_publish(1)
            _settled(job.journal)

    return [opened, MediaStore]


# Pictures and films


def _media_readers(name):
    return _by_suffix(name)


_JSON = [
    "images", "file", "detections", "classifications", "conf", "bbox", "category", "datetime", "null", "1e999",
    "annotations", "file_name", "location", "data", "video", "result", "value", "ranges", "sequence",
    "timelinelabels", "choices", "NaN", "frame_number", "frames_processed",
]  # fmt: skip
_BORIS = ["observations", "events", "media_info", "fps", "length", "file", "behaviors_conf", "type", "1e999"]
_CSV = [
    "video", "start", "end", "label", "file", "score", "datetime", "2024-01-01 00:00:00", "00:00:01", "1e999",
    "prob_wolf", "observationID", "mediaID", "deploymentID", "timestamp", "scientificName", "filePath",
]  # fmt: skip
_TSV = ["Observation id", "Media file", "Behavior", "Behavior type", "START", "STOP", "POINT", "Time", "FPS"]
_TOML = [
    "[classes]", "[channels]", "[objects]", "appearance", "probability", "= 1e999", "[[", "stay", "[[facts]]",
    "[[paces]]", "confusions", "kind",
]  # fmt: skip
_ONNX = ["ai.onnx", "input", "output", "MatMul", "Conv", "LSTM", "GRU", "hidden_size", "activations"]
_TENSORS = ["__metadata__", "dtype", "F32", "shape", "data_offsets", "wolfdog", "notes", "kind", "1e999"]
_NUMPY = ["NUMPY", "descr", "fortran_order", "shape", "<f4", "|O", "PK", "classes", "fps"]

TARGETS = {
    "megadetector": _one("input.json", lambda folder: _valid("json", 0), _JSON),
    "coco-camera-traps": _one("input.json", lambda folder: _valid("json", 1), _JSON),
    "label-studio": _one("input.json", _label_studio, _JSON),
    "boris": _one("input.boris", _boris, _BORIS, _labels("input.boris")),
    "boris-tables": _one("input.tsv", _boris_tables, _TSV, _labels("input.tsv")),
    "csv-labels": _one("input.csv", lambda folder: _valid("csv", 0, 1), _CSV),
    "csv-results": _one("input.csv", lambda folder: _valid("csv"), _CSV),
    "camtrap-dp": Target(
        ("deployments.csv", "media.csv", "observations.csv", "datapackage.json"),
        camtrap_dp, _package_readers, _CSV,
    ),
    "toml-worlds": _one("input.toml", lambda folder: _valid("toml"), _TOML),
    "onnx": _one("input.onnx", lambda folder: _valid("onnx"), _ONNX),
    "safetensors": _one("input.safetensors", lambda folder: _valid("safetensors"), _TENSORS),
    "detections": _one("input.json", lambda folder: _valid("json", 0), _JSON, _reading(_detections, "input.json")),
    "calibrations": _one("input.json", _calibrations, _JSON, _reading(_load_calibration, "input.json")),
    "suite-results": _one("input.json", _suite, _JSON, _reading(_suite_runs, "input.json")),
    "array-labels": Target(("a.npy", "a.json"), _array_labels, _array_readers, _NUMPY),
    "predictions": _one("input.parquet", lambda folder: _valid("tables", 0), _CSV),
    "results-folder": Target(
        ("predictions.parquet", "moments.csv", "predictions.review.csv"),
        _results_folder, _results_folder_readers, _CSV,
    ),
    "places": _one(
        "input.csv", lambda folder: [b"deployment,latitude,longitude,start\nb,52.5,13.25,2024-01-01 00:00:00\n"],
        _CSV, _reading(_places, "input.csv"),
    ),
    "event-worlds": Target(("world.toml", "looks.csv"), _event_worlds, _event_world_readers, _TOML),
    "memories": Target(
        ("memory.safetensors",), lambda folder: {"memory.safetensors": _memories(folder)}, _memory_readers, _TENSORS
    ),
    "photograph-banks": _one("input.npz", _bank, _NUMPY, _reading(_load_bank, "input.npz")),
    "onnx-layers": _one(
        "input.onnx", lambda folder: onnx_files.valid_files(), _ONNX, _reading(_from_onnx, "input.onnx")
    ),
    "job-state": Target(("journal", "products", "current", "000001.json"), _job, _job_readers, _JSON),
    "jpeg": _one("input.jpg", lambda folder: _media(".jpg"), ["Exif", "II*", "MM"]),
    "tiff": _one("input.tif", lambda folder: _media(".tif"), ["II*", "MM"]),
    "mp4": _one("input.mp4", lambda folder: _media(".mp4"), ["moov", "trak", "stts", "mdhd", "elst", "mvhd"]),
}  # fmt: skip
"""Parsers by name."""


def _media(suffix):
    return [path.read_bytes() for path in valid()["media"] if path.suffix == suffix]


def seeds(parser, folder):
    """Valid inputs of the fuzzer: with several files, a byte says which one the rest is."""
    folder.mkdir(parents=True, exist_ok=True)
    target = TARGETS[parser]
    made = target.seeds(folder)
    if len(target.files) == 1:
        return made[target.files[0]]
    return [bytes([n]) + data for n, name in enumerate(target.files) for data in made[name]]


def reading(parser, folder):
    """Function that reads bytes as a file of a parser, in every way; it returns the fault of each, or None."""
    target = TARGETS[parser]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "valid").mkdir(exist_ok=True)
    place = folder / "files"
    place.mkdir(exist_ok=True)
    first = {name: data[0] for name, data in target.seeds(folder / "valid").items()}
    if len(first) > 1:
        for name, data in first.items():
            (place / name).write_bytes(data)
    readers = target.readers()

    def read(data):
        if len(first) == 1:
            (place / target.files[0]).write_bytes(data)
            return [fault(reader, place) for reader in readers]
        name = target.files[data[0] % len(first)] if data else target.files[0]
        (place / name).write_bytes(data[1:])
        try:
            return [fault(reader, place) for reader in readers]
        finally:
            (place / name).write_bytes(first[name])

    return read


def fault(reader, path):
    """Place in the code and text of an exception that no reader may raise; None without one."""
    from wolfdog.errors import WolfdogError

    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            reader(path)
    except (WolfdogError, FileNotFoundError):
        return None
    except Exception as error:
        frames = [one for one in traceback.extract_tb(error.__traceback__) if "wolfdog" in one.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        return f"{where} {type(error).__name__}: {str(error)[:200]}"
    return None
