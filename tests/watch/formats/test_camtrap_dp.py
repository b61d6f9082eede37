"""Camtrap DP packages, read and written again."""

import csv
import json

import pytest

from wolfdog.errors import InputError
from wolfdog.watch.formats import read_results
from wolfdog.watch.smoothing import METHODS

MEDIA = "mediaID,deploymentID,timestamp,filePath\n" + "".join(
    f"m{n},{'a' if n < 6 else 'b'},2020-05-30T04:57:{n * 3:02}Z,{n}.jpg\n" for n in range(8)
)
WOLF, FOX = "Canis lupus", "Vulpes vulpes"
LABELS = [WOLF, WOLF, FOX, WOLF, WOLF, "", FOX, FOX]
OBSERVATIONS = (
    "observationID,deploymentID,mediaID,observationLevel,observationType,scientificName,classificationProbability,"
    "own\n"
    + "".join(
        f"o{n},{'a' if n < 6 else 'b'},m{n},media,{'animal' if name else 'blank'},{name},{0.4 if n == 2 else 0.9},"
        f"x{n}\n"
        for n, name in enumerate(LABELS)
    )
)
PACKAGE = {
    "profile": "camtrap-dp",
    "resources": [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")],
}


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "datapackage.json").write_text(json.dumps(PACKAGE))
    (folder / "deployments.csv").write_text("deploymentID,latitude,longitude\na,50,5\nb,51,6\n")
    (folder / "media.csv").write_text(MEDIA)
    (folder / "observations.csv").write_text(OBSERVATIONS)
    return folder


def test_observations_of_media_are_rows(package):
    table = read_results(package).predictions
    assert table.classes == (WOLF, FOX, "blank")
    assert table.blank == "blank"
    assert table.label_names().tolist() == [name or "blank" for name in LABELS]
    assert table.deployment.tolist() == ["a"] * 6 + ["b"] * 2
    assert (table.time[1] - table.time[0], table.utc) == (3.0, True)


def test_events_stand_after_all_that_was_there(package, tmp_path):
    out = tmp_path / "out"
    results = read_results(package / "datapackage.json")
    results.write(METHODS["majority"](frames=3).smooth(results.predictions, ahead=True), out)
    assert (out / "media.csv").read_text() == MEDIA
    rows = list(csv.DictReader((out / "observations.csv").read_text().splitlines()))
    for row, old in zip(rows, csv.DictReader(OBSERVATIONS.splitlines()), strict=False):
        assert row | old == row
    events = rows[len(LABELS) :]
    named = [(row["deploymentID"], row["observationType"], row["scientificName"]) for row in events]
    assert named == [("a", "animal", WOLF), ("a", "blank", ""), ("b", "animal", FOX)]
    assert {row["observationLevel"] for row in events} == {"event"}
    assert {row["classificationMethod"] for row in events} == {"machine"}
    assert events[0]["eventStart"] == "2020-05-30T04:57:00Z"
    assert len({row["observationID"] for row in rows}) == len(rows)
    with pytest.raises(InputError, match="would replace the package"):
        results.write(METHODS["none"]().smooth(results.predictions), package)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("datapackage.json", '"media.csv"', '"../media.csv"', "within the package's folder"),
        ("datapackage.json", '"media"', '"other"', "media is missing"),
        ("media.csv", "timestamp", "moment", "timestamp is missing"),
        ("media.csv", "m3,", "m9,", "row 5: mediaID 'm3' is not in media.csv"),
        ("media.csv", "2020-05-30T04:57:00Z", "once", "row 2: expected a date and time"),
        ("observations.csv", ",media,", ",event,", "no observation of level media"),
        ("observations.csv", "0.4", "1.4", "'o2': expected classificationProbability from 0 to 1"),
    ],
)
def test_mistakes_in_packages(package, file, old, new, message):
    path = package / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        read_results(package)
