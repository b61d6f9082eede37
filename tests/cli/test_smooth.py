"""wolfdog smooth: results of any classifier with a memory."""

import csv
import json

import pytest
from PIL import Image

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.errors import InputError
from wolfdog.watch.smoothing.options import method_of

# One raccoon on seven frames in a row, as a classifier of single frames reads it.
RACCOON = "file,datetime,label,score\n" + "".join(
    f"cam/{n}.jpg,2026-05-30 04:57:{n:02},{label},{score}\n"
    for n, (label, score) in enumerate(
        [("raccoon", 0.9), ("badger", 0.5), ("badger", 0.45), ("blank", 0.5), ("opossum", 0.4), ("raccoon", 0.8),
         ("blank", 0.6)]
    )
)  # fmt: skip


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(RACCOON)
    return path


def test_one_raccoon_is_no_badger_and_no_opossum(results, tmp_path):
    out = tmp_path / "smoothed.csv"
    run = wolfdog("smooth", results, "--out", out, "--lookahead")
    assert_fine(run)
    assert "7 rows of 1 deployment; labels changed: " in run.out
    labels = [row["context"] for row in csv.DictReader(out.read_text().splitlines())]
    assert set(labels) == {"raccoon", "blank"}
    assert labels[:3] == ["raccoon"] * 3


def test_methods_and_options(results, tmp_path):
    listed = wolfdog("smooth", "--methods")
    assert_fine(listed)
    assert "megadetector" in listed.out
    out = tmp_path / "smoothed.csv"
    assert_fine(wolfdog("smooth", results, "--out", out, "--method", "majority", "--option", "frames=3"))
    assert method_of("majority", ["frames=3"]).frames == 3
    for name, option, message in (
        ("odd", "", "method must be one of memory"),
        ("mean", "frames", "expected an option as name=value"),
        ("mean", "gap=3", "expected an option as name=value, with a name of frames"),
        ("mean", "frames=many", "option frames: expected a whole number, got 'many'"),
        ("hmm", "em=perhaps", "expected true or false"),
    ):
        with pytest.raises(InputError, match=message):
            method_of(name, [option] if option else [])


def test_several_files_and_names_that_meet(results, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(RACCOON)
    folder = tmp_path / "out"
    assert_fine(wolfdog("smooth", results, other, "--out", folder))
    assert sorted(path.name for path in folder.iterdir()) == [".wolfdog-job", "other.csv", "results.csv"]
    for arguments, message in (
        ((results, "--out", results), "would replace the results that are read"),
        ((results, other, "--out", tmp_path / "one.csv"), "need a folder"),
        ((results, results, "--out", folder), "two files of results have this name"),
    ):
        assert_told(wolfdog("smooth", *arguments), message)
    assert results.read_text() == RACCOON


def test_review_and_answers(results, tmp_path):
    out, queue = tmp_path / "smoothed.csv", tmp_path / "smoothed.review.csv"
    ran = wolfdog("smooth", results, "--out", out, "--lookahead", "--review", 0.3)
    assert_fine(ran)
    assert "2 rows to look at" in ran.out
    lines = queue.read_text().splitlines()
    assert len(lines) == 3
    assert_told(
        wolfdog("smooth", results, "--out", out, "--verified", queue), "--verified: it names none of the rows"
    )
    queue.write_text("\n".join([lines[0], lines[1] + "opossum", lines[2]]) + "\n")
    assert_fine(wolfdog("smooth", results, "--out", out, "--lookahead", "--verified", queue))
    answered = next(csv.DictReader(queue.read_text().splitlines()))
    rows = {row["file"]: row for row in csv.DictReader(out.read_text().splitlines())}
    assert (rows[answered["file"]]["context"], rows[answered["file"]]["c_opossum"]) == ("opossum", "1.0000")
    queue.write_text("\n".join([lines[0], lines[1] + "cat"]) + "\n")
    assert_told(wolfdog("smooth", results, "--out", out, "--verified", queue), "a person said 'cat'")


def test_calibration(tmp_path):
    results, labels, out = tmp_path / "results.csv", tmp_path / "labels.csv", tmp_path / "smoothed.csv"
    rows = [(n, "wolf" if n % 4 < 2 else "dog", 0.6 + n % 5 / 25) for n in range(80)]
    results.write_text(
        "file,datetime,label,score\n"
        + "".join(f"{n % 8}/{n}.jpg,2026-05-30 04:{n % 60:02}:00,{name},{p}\n" for n, name, p in rows)
    )
    labels.write_text("file,label\n" + "".join(f"{n % 8}/{n}.jpg,{name}\n" for n, name, _ in rows))
    assert_fine(wolfdog("smooth", results, "--out", out))
    ran = wolfdog("evaluate", out, "--labels", labels, "--calibrate", tmp_path / "calibration.json")
    assert_fine(ran)
    assert "log loss on deployments not fitted to" in ran.out
    smooth = ("smooth", results, "--calibration", tmp_path / "calibration.json", "--out")
    ran = wolfdog(*smooth, tmp_path / "calibrated.csv", "--review", 0.1)
    assert_fine(ran)
    assert "ask a person" in ran.out
    ran = wolfdog(
        "evaluate", out, tmp_path / "calibrated.csv", "--labels", labels, "--out", tmp_path / "scores"
    )
    assert_fine(ran)
    found = json.loads((tmp_path / "scores" / "scores.json").read_text())["evaluations"]
    assert [one["name"] for one in found] == [
        "smoothed: snapshot",
        "smoothed: context",
        "calibrated: context",
    ]
    assert found[2]["log_loss"] < found[1]["log_loss"]
    assert_told(wolfdog(*smooth, out, "--ask", 0), "less than this calibration has measured")
    assert_told(wolfdog("evaluate", out, out, "--labels", labels, "--calibrate", out), "expected one file")


def test_exports_beside_the_results(results, tmp_path):
    out = tmp_path / "smoothed.csv"
    ran = wolfdog("smooth", results, "--out", out, "--export", "events-csv", "--export", "label-studio")
    assert_fine(ran)
    events = list(csv.DictReader((tmp_path / "smoothed.events.csv").read_text().splitlines()))
    assert sum(int(event["moments"]) for event in events) == 7
    assert events[0]["utc"] == "2026-05-30T04:57:00.000Z"
    assert len(json.loads((tmp_path / "smoothed.label-studio.json").read_text())) == 7
    assert_told(wolfdog("smooth", results, "--out", out, "--export", "pdf"), "--export must be one of")
    fresh = tmp_path / "fresh.csv"
    assert_told(wolfdog("smooth", results, "--out", fresh, "--export", "camtrap-dp"), "Give --deployments")
    assert not fresh.exists()


def test_times_are_read_from_the_pictures(tmp_path):
    folder = tmp_path / "cam"
    folder.mkdir()
    for n in range(3):
        exif = Image.Exif()
        exif[0x0132] = f"2026:05:30 04:57:{10 * n:02}"
        Image.new("RGB", (8, 8)).save(folder / f"{n}.jpg", exif=exif)
    results = tmp_path / "results.csv"
    results.write_text(
        "file,label,score\n" + "".join(f"cam/{n}.jpg,{name},0.8\n" for n, name in enumerate("aba"))
    )
    out = tmp_path / "smoothed.csv"
    assert_fine(wolfdog("smooth", results, "--out", out, "--images", folder, "--export", "moments-csv"))
    moments = list(csv.DictReader((tmp_path / "smoothed.moments.csv").read_text().splitlines()))
    assert [moment["utc"][-7:-5] for moment in moments] == ["00", "10", "20"]
    times = tmp_path / "times.csv"
    times.write_text("file,datetime\ncam/1.jpg,2026-05-30 04:57:15\n")
    assert_fine(
        wolfdog(
            "smooth", results, "--out", out, "--images", tmp_path, "--timestamps", times, "--export", "moments-csv"
        )
    )  # fmt: skip
    moments = list(csv.DictReader((tmp_path / "smoothed.moments.csv").read_text().splitlines()))
    assert [moment["utc"][-7:-5] for moment in moments] == ["00", "15", "20"]
