"""Coverage-guided fuzzing of the readers of files, by atheris (libFuzzer).

    PYTHONPATH=src:tests/support python tests/support/coverage_fuzzing.py --seconds 180 [--parser megadetector]

Each parser is fuzzed in a process of its own. A reader may return or raise one of wolfdog's errors. Another exception
is a fault; it is noted once for each place in the code, and the fuzzing goes on. A crash, more than 20 s for one file,
or more than 2,500 MB end the process and are faults too.
"""

import argparse
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

SECONDS, MEGABYTES = 20, 2500

SUFFIXES = {
    "megadetector": ".json",
    "coco-camera-traps": ".json",
    "label-studio": ".json",
    "boris": ".boris",
    "boris-tables": ".tsv",
    "csv-labels": ".csv",
    "csv-results": ".csv",
    "camtrap-dp": ".csv",
    "toml-worlds": ".toml",
    "onnx": ".onnx",
    "safetensors": ".safetensors",
}
"""Ending of the files of each parser."""

TOKENS = {
    ".json": [
        "images", "file", "detections", "classifications", "conf", "bbox", "category", "datetime", "null", "1e999",
        "annotations", "file_name", "location", "data", "video", "result", "value", "ranges", "sequence",
        "timelinelabels", "choices", "NaN", "frame_number",
    ],
    ".boris": ["observations", "events", "media_info", "fps", "length", "file", "behaviors_conf", "type", "1e999"],
    ".csv": [
        "video", "start", "end", "label", "file", "score", "datetime", "2024-01-01 00:00:00", "00:00:01", "1e999",
        "prob_wolf", "observationID", "mediaID", "deploymentID", "timestamp", "scientificName", "filePath",
    ],
    ".tsv": ["Observation id", "Media file", "Behavior", "Behavior type", "START", "STOP", "POINT", "Time", "FPS"],
    ".toml": ["[classes]", "[channels]", "[objects]", "appearance", "probability", "= 1e999", "[[", "stay"],
    ".onnx": ["ai.onnx", "input", "output", "MatMul", "Conv"],
    ".safetensors": ["__metadata__", "dtype", "F32", "shape", "data_offsets", "wolfdog"],
}  # fmt: skip


def seeds(parser, folder):
    """Valid files of a parser."""
    import hostile_inputs

    folder.mkdir(parents=True, exist_ok=True)
    valid = hostile_inputs.seeds(folder / "valid")
    match parser:
        case "megadetector":
            return [valid["json"][0].read_bytes()]
        case "coco-camera-traps":
            return [valid["json"][1].read_bytes()]
        case "label-studio":
            task = {
                "id": 1, "data": {"video": "/data/upload/1/a.mp4"},
                "annotations": [{"result": [
                    {"value": {"ranges": [{"start": 1, "end": 40}], "timelinelabels": ["fox"]}},
                    {"value": {"framesCount": 9, "labels": ["dog"], "sequence": [{"frame": 1, "enabled": True}]}},
                ]}],
            }  # fmt: skip
            return [json.dumps([task]).encode()]
        case "boris":
            observation = {
                "file": {"1": ["a.mp4"]}, "type": "MEDIA", "media_info": {"fps": {"a.mp4": 25}, "length": {"a.mp4": 9}},
                "events": [[1.5, "fox", "digging", "", ""], [4.0, "fox", "digging"]],
            }  # fmt: skip
            project = {
                "behaviors_conf": {"0": {"type": "State event", "code": "digging"}},
                "observations": {"a": observation},
            }
            return [json.dumps(project).encode()]
        case "boris-tables":
            return [
                b"Observation id\tMedia file\tFPS\tSubject\tBehavior\tBehavior type\tStart (s)\tStop (s)\n"
                b"a\ta.mp4\t25\tfox\tdigging\tSTATE\t1.5\t4.0\n",
                b"Observation id\tMedia file name\tFPS (frame/s)\tSubject\tBehavior\tBehavior type\tTime\n"
                b"a\ta.mp4\t25\tfox\tdigging\tSTART\t1.5\na\ta.mp4\t25\tfox\tdigging\tSTOP\t4.0\n",
            ]
        case "csv-labels":
            return [path.read_bytes() for path in valid["csv"][:2]]
        case "csv-results":
            return [path.read_bytes() for path in valid["csv"]]
        case "camtrap-dp":
            package = camtrap_dp(folder / "package")
            return [
                bytes([n]) + (package / f"{name}.csv").read_bytes()
                for n, name in enumerate(("deployments", "media", "observations"))
            ] + [b"\x03" + (package / "datapackage.json").read_bytes()]
        case "toml-worlds":
            return [path.read_bytes() for path in valid["toml"]]
        case _:
            return [path.read_bytes() for path in valid[parser]]


def camtrap_dp(folder):
    """A package with a medium and an observation."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "deployments": "deploymentID,latitude,longitude\nd,1,2\n",
        "media": "mediaID,deploymentID,timestamp,filePath\nm,d,2024-01-01T00:00:00Z,a.jpg\n",
        "observations": "observationID,deploymentID,mediaID,observationLevel,observationType,scientificName,"
        "classificationProbability,eventStart,eventEnd\n"
        "o,d,m,media,animal,Canis lupus,0.9,2024-01-01T00:00:00Z,2024-01-01T00:00:00Z\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    resources = [{"name": name, "path": f"{name}.csv"} for name in tables]
    (folder / "datapackage.json").write_text(json.dumps({"profile": "camtrap-dp", "resources": resources}))
    return folder


def target(parser, folder):
    """Function that reads bytes as a file of a parser, in every way."""
    import hostile_inputs
    from wolfdog.labels import read_labels
    from wolfdog.watch.formats import read_results
    from wolfdog.watch.video.listing import list_media

    path = folder / f"input{SUFFIXES[parser]}"
    if parser == "camtrap-dp":
        package = camtrap_dp(folder / "package")
        names = [
            package / name
            for name in ("deployments.csv", "media.csv", "observations.csv", "datapackage.json")
        ]
        whole = [name.read_bytes() for name in names]

        def read(data):
            which = data[0] % 4 if data else 0
            names[which].write_bytes(data[1:])
            try:
                return [
                    _fault(reader, package)
                    for reader in (read_results, read_labels, lambda path: list_media([path]))
                ]
            finally:
                names[which].write_bytes(whole[which])

        return read

    def read(data):
        path.write_bytes(data)
        found = [read_labels] if path.suffix in (".boris", ".tsv") else hostile_inputs.readers(path)
        return [_fault(reader, path) for reader in found]

    return read


def _fault(reader, path):
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


def fuzz(parser, seconds, folder):
    """Fuzz one parser in this process, which ends with it; faults go to the folder."""
    import atheris

    with atheris.instrument_imports(include=["wolfdog", "tomllib"]):
        read = target(parser, folder)
        for data in seeds(parser, folder / "seeds"):
            read(data)  # loads everything that is to be instrumented
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(seeds(parser, folder / "seeds")):
        (corpus / f"seed{number}").write_bytes(data)
    words = folder / "tokens"
    tokens = [one.replace("\\", "\\\\").replace('"', '\\"') for one in TOKENS[SUFFIXES[parser]]]
    words.write_text("".join(f'"{one}"\n' for one in tokens))
    seen = set()

    def once(data):
        for fault in read(data):
            if fault is not None and (place := fault.partition(" ")[0]) not in seen:
                seen.add(place)
                (folder / f"fault {len(seen)}.bin").write_bytes(data)
                with (folder / "faults.txt").open("a", encoding="utf-8", errors="replace") as file:
                    file.write(f"{fault!r}\n")

    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-dict={words}",
    ]
    options += [f"-artifact_prefix={folder}/", "-max_len=20000", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(corpus), *options], once)
    atheris.Fuzz()


def campaign(parser, seconds, folder):
    """Fuzz one parser in a process of its own; (files read, faults)."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        __file__,
        "--parser",
        parser,
        "--seconds",
        str(seconds),
        "--within",
        str(folder),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, capture_output=True, env=environment, check=False)
    told = ran.stderr.decode("utf-8", "replace")
    faults = (
        (folder / "faults.txt").read_text("utf-8").splitlines() if (folder / "faults.txt").exists() else []
    )
    if ran.returncode != 0:
        faults.append(f"the process ended with status {ran.returncode}: {told[-1500:]}")
    count = re.search(r"number_of_executed_units: (\d+)", told) or re.search(r"Done (\d+) runs", told)
    return int(count[1]) if count else 0, faults


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=int, default=180)
    arguments.add_argument("--parser", choices=SUFFIXES, action="append")
    arguments.add_argument("--within", type=Path)
    given = arguments.parse_args()
    if given.within is not None:
        fuzz(given.parser[0], given.seconds, given.within)
    bad = 0
    for name in given.parser or SUFFIXES:
        with tempfile.TemporaryDirectory() as place:
            read, faults = campaign(name, given.seconds, Path(place) / "fuzz")
        bad += len(faults)
        print(
            f"{name}: {read:,} files read in {given.seconds} s, {len(faults)} faults",
            *faults,
            sep="\n  ",
            flush=True,
        )
    sys.exit(bad > 0)
