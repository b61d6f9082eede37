"""Exports are read back by other libraries."""

import csv
import json
from datetime import UTC, datetime, timedelta

import frictionless
import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import srt
import webvtt

from camtrap_schemas import schema_of
from wolfdog.errors import InputError
from wolfdog.labels import read_labels
from wolfdog.watch.export.camtrap_places import read_places
from wolfdog.watch.export.exports import NAMES, export_results
from wolfdog.watch.formats import read_results
from wolfdog.watch.predictions import Predictions

START = datetime(2020, 5, 30, 4, 57, 40, tzinfo=UTC)
FOX = "u1;mammalia;carnivora;canidae;vulpes;vulpes;red fox"
CLASSES = [FOX, "wolf <b>", "person", "blank"]


def table_of(utc=True):
    """A deployment of three pictures, one with two detections, and one of a video of six frames."""
    video = [3, 0, 0, 1, 1, 3]
    context = np.full((10, 4), 0.05)
    context[np.arange(10), [0, 0, 2, 3, *video]] = 0.85
    seen = np.full((10, 4), 0.1)
    seen[np.arange(10), [0, 1, 2, 3, 3, 0, 1, 1, 1, 3]] = 0.7
    first = START.timestamp() if utc else 0.0
    box = np.full((10, 4), np.nan)
    box[:3] = [0.1, 0.2, 0.3, 0.4]
    return Predictions.from_columns(
        CLASSES,
        seen,
        context=context,
        time=first + np.array([0, 3, 3, 90, *(1000 + np.arange(6) / 2)]),
        utc=utc,
        deployment=np.array(["north"] * 4 + ["south"] * 6, object),
        media=np.array(["n/1.jpg", "n/2.jpg", "n/2.jpg", "n/3.jpg", *["s/a.mp4"] * 6], object),
        frame=[0, 0, 0, 0, *range(6)],
        detection=[0, 0, 1, -1, *[-1] * 6],
        box=box,
        blank="blank",
        classifier="seen 1.0",
        method="memory",
    )


@pytest.fixture
def base(tmp_path):
    return tmp_path / "out"


def test_moments_and_events_are_read_by_arrow(base):
    names = ["moments-csv", "moments-parquet", "events-csv", "events-parquet"]
    files = export_results(table_of(), base, names)
    assert [path.name for path in files] == [f"out.{name.replace('-', '.')}" for name in names]
    by_csv, by_parquet = pyarrow.csv.read_csv(files[0]), pyarrow.parquet.read_table(files[1])
    for name in ("deployment", "video", "frame", "time", "snapshot", "context", "context_probability"):
        one, other = by_csv[name].to_pylist(), by_parquet[name].to_pylist()
        assert one == (pytest.approx(other, abs=5.1e-4) if isinstance(other[0], float) else other)
    assert f"c_{FOX}" in by_parquet.column_names
    assert by_parquet["context"].to_pylist() == [
        FOX,
        FOX,
        "blank",
        "blank",
        FOX,
        FOX,
        *["wolf <b>"] * 2,
        "blank",
    ]
    assert by_parquet["utc"].to_pylist()[4] == START + timedelta(seconds=1000.5)
    events = pyarrow.parquet.read_table(files[3]).to_pylist()
    assert [(event["label"], event["moments"]) for event in events] == [
        (FOX, 2), ("blank", 1), ("blank", 1), (FOX, 2), ("wolf <b>", 2), ("blank", 1),
    ]  # fmt: skip
    assert events[0]["last_video"] == "n/2.jpg"
    assert (events[3]["start"], events[3]["end"]) == (0.5, 1.5)
    assert events[0]["utc_end"] == START + timedelta(seconds=3)
    assert pyarrow.csv.read_csv(files[2])["label"].to_pylist() == [event["label"] for event in events]


def test_subtitles_are_read_by_their_libraries(base):
    vtt, subrip = export_results(table_of(), base, ["webvtt", "srt"])
    captions = list(webvtt.read(vtt / "s" / "a.mp4.vtt"))
    cues = list(srt.parse((subrip / "s" / "a.mp4.srt").read_text(encoding="utf-8")))
    assert [path.name for path in vtt.rglob("*.vtt")] == ["a.mp4.vtt"]
    assert [cue.content for cue in cues] == [
        "blank", FOX, f"{FOX} [wolf (b)]", "wolf (b)", "blank",
    ]  # fmt: skip
    assert [cue.start.total_seconds() for cue in cues] == [0, 0.5, 1, 1.5, 2.5]
    assert cues[-1].end.total_seconds() == 3
    assert [(caption.start_in_seconds, caption.end_in_seconds) for caption in captions][:2] == [
        (0, 0),
        (0, 1),
    ]
    assert len(captions) == len(cues)
    assert captions[3].raw_text == "wolf &lt;b&gt;"


def test_label_studio_tasks(base, tmp_path):
    (path,) = export_results(table_of(), base, ["label-studio"])
    tasks = {
        task["data"].get("image") or task["data"]["video"]: task for task in json.loads(path.read_text())
    }
    marks = tasks["n/2.jpg"]["predictions"][0]
    assert [mark["value"]["rectanglelabels"] for mark in marks["result"]] == [[FOX], ["person"]]
    numbers = [marks["result"][0]["value"][name] for name in ("x", "y", "width", "height")]
    assert numbers == pytest.approx([10, 20, 30, 40], rel=1e-5)
    assert tasks["n/3.jpg"]["predictions"][0]["result"][0]["value"] == {"choices": ["blank"]}
    assert marks["score"] == pytest.approx(0.85)
    # what an annotator would send back, with the predictions accepted, is read as labels of spans of frames
    accepted = [{"id": 1, "data": tasks["s/a.mp4"]["data"], "annotations": tasks["s/a.mp4"]["predictions"]}]
    (tmp_path / "export.json").write_text(json.dumps(accepted))
    spans = read_labels(tmp_path / "export.json")["s/a.mp4"]
    assert [span.label for span in spans] == ["blank", FOX, "wolf <b>", "blank"]
    ranges = [mark["value"]["ranges"][0] for mark in tasks["s/a.mp4"]["predictions"][0]["result"]]
    assert [(one["start"], one["end"]) for one in ranges] == [(1, 1), (2, 3), (4, 5), (6, 6)]


def test_a_camtrap_dp_package_is_valid(base, tmp_path):
    places = tmp_path / "places.csv"
    places.write_text("deploymentID,latitude,longitude,start\nnorth,50,5,2020-05-29\nsouth,51.5,-6,\n")
    (folder,) = export_results(table_of(), base, ["camtrap-dp"], places=read_places(places))
    package = json.loads((folder / "datapackage.json").read_text())
    for name in ("created", "contributors", "project", "spatial", "temporal", "taxonomic", "profile"):
        assert package.pop(name)
    for resource in package["resources"]:
        assert resource["schema"].endswith(f"1.0.2/{resource['name']}-table-schema.json")
        header = (folder / resource["path"]).read_text().partition("\n")[0].split(",")
        resource["schema"] = schema_of(resource["name"], header)
    (folder / "datapackage.json").write_text(json.dumps(package))
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["title", "message"])
    rows = list(csv.DictReader((folder / "observations.csv").read_text().splitlines()))
    media = [row for row in rows if row["observationLevel"] == "media"]
    assert [(row["observationType"], row["scientificName"]) for row in media] == [
        ("animal", "Vulpes vulpes"), ("animal", "wolf <b>"), ("human", ""), ("blank", ""),
        ("animal", "Vulpes vulpes"), ("animal", "wolf <b>"),
    ]  # fmt: skip
    events = [row for row in rows if row["observationLevel"] == "event"]
    assert len(events) == 6
    assert {row["classificationProbability"] for row in events} == {"0.8500"}
    assert read_results(folder).predictions.deployments() == ("north", "south")
    rows[0]["observationType"] = "fox"
    with (folder / "observations.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert not frictionless.validate(str(folder / "datapackage.json")).valid


def test_what_cannot_be_exported_is_told(base, tmp_path):
    undated, places = table_of(utc=False), tmp_path / "places.csv"
    for name, words in (("camtrap-dp", "date and time of every picture"), ("tiff", "must be one of")):
        with pytest.raises(InputError, match=words):
            export_results(undated, base, [name])
    with pytest.raises(InputError, match="place of the deployment 'north'"):
        export_results(table_of(), base, ["camtrap-dp"])
    with pytest.raises(InputError, match="hold no video"):
        export_results(table_of().take(slice(0, 4)), base, ["srt"])
    for text, words in (
        ("deployment,latitude\na,1\n", "longitude is missing"),
        ("deployment,latitude,longitude\na,95,1\n", "latitude from -90 to 90"),
        ("deployment,latitude,longitude\na,5,1\na,5,1\n", "stands there twice"),
    ):
        places.write_text(text)
        with pytest.raises(InputError, match=words):
            read_places(places)


def test_undated_results_have_events_too(base):
    export_results(table_of(utc=False), base, [name for name in NAMES if name != "camtrap-dp"])
    events = list(csv.DictReader((base.parent / "out.events.csv").read_text().splitlines()))
    assert [event["utc"] for event in events] == [""] * 7  # pictures without a clock are events of their own
