"""The page on labelling a card, run as it is written: its commands and its Python, in their order."""

import csv
import re
import shlex
from pathlib import Path

import pytest

from cli_run import assert_fine, wolfdog

PAGE = Path(__file__).parents[2] / "docs/how-to/camera_trap_card.md"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The folder in which the page was run, and what its commands printed."""
    folder = tmp_path_factory.mktemp("page")
    names: dict[str, object] = {"__name__": "__docs__"}
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WOLFDOG_CACHE", str(folder / "kept"))
        for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            if kind == "python":
                exec(compile(text, str(PAGE), "exec"), names)
                continue
            for line in text.splitlines():
                command = shlex.split(line.removeprefix("$ "))
                if command[0] == "wolfdog":
                    ran = wolfdog(*command[1:])
                    assert_fine(ran)
                    told.append(ran.out)
    return folder, told


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
