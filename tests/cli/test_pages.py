"""Pages with commands, run as they are written: their commands and their Python, in their order."""

import csv
import re
import shlex
from pathlib import Path

import pytest

from cli_run import assert_fine, wolfdog

PAGES = Path(__file__).parents[2] / "docs/how-to"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run_page(name, folder):
    """Run a page in a folder. Returns what its commands printed."""
    names: dict[str, object] = {"__name__": "__docs__"}
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WOLFDOG_CACHE", str(folder / "kept"))
        for kind, text in BLOCK.findall((PAGES / name).read_text(encoding="utf-8")):
            if kind == "python":
                exec(compile(text, name, "exec"), names)
                continue
            for line in text.splitlines():
                command = shlex.split(line.removeprefix("$ "))
                if command[0] == "wolfdog":
                    ran = wolfdog(*command[1:])
                    assert_fine(ran)
                    told.append(ran.out)
    return told


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The folder in which the page on cards was run, and what its commands printed."""
    folder = tmp_path_factory.mktemp("page")
    return folder, run_page("camera_trap_card.md", folder)


def test_the_card_is_labelled(page):
    folder, told = page
    assert "in 6 of 6 videos and images" in told[0]
    moments = rows(folder / "labelled" / "moments.csv")
    ridge = [row for row in moments if row["deployment"] == "ridge"]
    assert [Path(row["video"]).name for row in ridge[:3]] == ["IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG"]
    assert Path(ridge[-1]["video"]).name == "IMG_4.JPG"
    assert {Path(row["video"]).name for row in ridge[3:-1]} == {"CLIP_20260530_045750.MP4"}
    assert (ridge[0]["utc"], ridge[0]["time_of_day"]) == ("2026-05-30T02:57:37.000Z", "04:57:37")
    assert len(moments) == len(ridge) + 1
    hour = [
        row for row in rows(folder / "labelled" / "events.csv") if row["utc"] == "2026-05-30T03:57:37.000Z"
    ]
    assert len(hour) == 1


def test_the_other_commands_do_what_the_page_says(page):
    folder, _ = page
    first = rows(folder / "corrected" / "moments.csv")
    assert {row["deployment"] for row in first} >= {"ridge", "creek"}
    assert next(row for row in first if row["deployment"] == "ridge")["time_of_day"] == "05:57:37"
    assert next(row for row in first if row["deployment"] == "creek")["time_of_day"] == "04:57:37"
    same = [(folder / name / "moments.csv").read_text() for name in ("labelled", "from_python")]
    assert same[0] == same[1]


def test_the_page_on_labels_does_what_it_says(tmp_path):
    check, split, _, evaluation = run_page("labels.md", tmp_path)
    assert "16 labels of 3 classes in 8 files; 0 problems; coverage.png" in check
    assert "train: 4 files of 1 sites; blank, dog, fox" in split
    assert "test: 4 files of 1 sites; blank, dog, fox" in split
    assert "100.0" in evaluation
