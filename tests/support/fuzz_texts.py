"""Text files for fuzzing: labels, results, tables, worlds and the state of a job, and the calls that read them."""

import json
import zlib
from unittest.mock import patch

import numpy as np

from fuzz_target import Target, labels_reader, reader_of, single, valid_bytes

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
    counts = (0,) * len(SUITE_GAPS)
    run = SuiteRun("pair", "lstm", 0, 0.1, empty, (empty,), counts, 0.9, 0.95, None, 1.5, 100, "0f")
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
    from wolfdog.watch.report import results_folder

    read_predictions, known = results_folder.read_predictions, {}

    def remembered(path):
        """Table of a file; one that is as before is not read again, which takes most of the time."""
        data = path.read_bytes()
        if data not in known:
            known.clear()
            known[data] = read_predictions(path)
        return known[data]

    def read(folder):
        with patch.object(results_folder, "read_predictions", remembered):
            results_folder.read_folder(folder)

    return [read]


def _places():
    from wolfdog.watch.export.camtrap_places import read_places

    return read_places


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


def _job(folder):
    from wolfdog.watch.jobs.plan import Record

    spans = [(0, 10)] * 4
    record = Record("key", "0", *spans, 1, 0, 1, 5, 1.0, (("b.mp4", "damaged"),), True, ("a.mp4.vtt",))
    return {
        "journal": [json.dumps(record.entry()).encode()],
        "products": [b'{"files": ["a.mp4.vtt"]}'],
        "files-in-tables": [b'["key", "a.jpg", "/cards/a.jpg"]\n["key", "b.jpg", "s3://cards/b.jpg"]\n'],
        "000001.json": [b'[["a.jpg", [1, 2.0], 0, 0, "damaged"], ["b.jpg", [1, 2.0], 0, 3, null]]'],
    }


def _job_readers():
    from wolfdog.watch.jobs.earlier_files import LeftOut, read_files
    from wolfdog.watch.jobs.folder import JobFolder
    from wolfdog.watch.jobs.job_run import settled
    from wolfdog.watch.jobs.media_store import MediaStore

    def opened(folder):
        top = folder / "out" / ".wolfdog-job"
        (top / "abc").mkdir(parents=True, exist_ok=True)
        for name, place in (("journal", top / "abc"), ("products", top)):
            lines = (folder / name).read_bytes().split(b"\n")  # each with a checksum that is right
            (place / name).write_bytes(b"".join(b"%08x %s\n" % (zlib.crc32(line), line) for line in lines))
        with JobFolder(folder / "out", "abc") as job:
            job.may_publish([], LeftOut([], []))
            settled(job.journal)

    def listed(folder):
        read_files(folder / "files-in-tables")

    return [opened, listed, MediaStore]


TEXTS = {
    "megadetector": single("input.json", lambda folder: valid_bytes("json", 0), _JSON),
    "coco-camera-traps": single("input.json", lambda folder: valid_bytes("json", 1), _JSON),
    "label-studio": single("input.json", _label_studio, _JSON),
    "boris": single("input.boris", _boris, _BORIS, labels_reader("input.boris")),
    "boris-tables": single("input.tsv", _boris_tables, _TSV, labels_reader("input.tsv")),
    "csv-labels": single("input.csv", lambda folder: valid_bytes("csv", 0, 1), _CSV),
    "csv-results": single("input.csv", lambda folder: valid_bytes("csv"), _CSV),
    "camtrap-dp": Target(
        ("deployments.csv", "media.csv", "observations.csv", "datapackage.json"),
        camtrap_dp, _package_readers, _CSV,
    ),
    "toml-worlds": single("input.toml", lambda folder: valid_bytes("toml"), _TOML),
    "detections": single(
        "input.json", lambda folder: valid_bytes("json", 0), _JSON, reader_of(_detections, "input.json")
    ),
    "calibrations": single("input.json", _calibrations, _JSON, reader_of(_load_calibration, "input.json")),
    "suite-results": single("input.json", _suite, _JSON, reader_of(_suite_runs, "input.json")),
    "results-folder": Target(
        ("predictions.parquet", "moments.csv", "predictions.review.csv"),
        _results_folder, _results_folder_readers, _CSV,
    ),
    "places": single(
        "input.csv", lambda folder: [b"deployment,latitude,longitude,start\nb,52.5,13.25,2024-01-01 00:00:00\n"],
        _CSV, reader_of(_places, "input.csv"),
    ),
    "event-worlds": Target(("world.toml", "looks.csv"), _event_worlds, _event_world_readers, _TOML),
    "job-state": Target(("journal", "products", "files-in-tables", "000001.json"), _job, _job_readers, _JSON),
}  # fmt: skip
"""Parsers by name."""
