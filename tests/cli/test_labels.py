"""wolfdog labels: check and split."""

import shutil

import pytest

from cli_run import assert_fine, assert_told, wolfdog
from watch_films import film, plain
from wolfdog.labels import read_labels

HEADER = "video,start,end,label\n"


@pytest.fixture
def card(tmp_path):
    """Four films of two seconds, two for each of two sites."""
    for number in range(4):
        path = tmp_path / "card" / f"site {number % 2}" / f"{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        film(path, plain(20 + number), rate=10)
    return tmp_path / "card"


def labels(card, *rows, header=HEADER, name="labels.csv"):
    (card / name).write_text(header + "".join(f"{row}\n" for row in rows))
    return card / name


SOUND = [
    f"{n}.mp4,{start},{start + 1},{label}" for n in range(4) for start, label in ((0, "red"), (1, "blue"))
]


def test_sound_labels_are_counted_and_drawn(card, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels(card, *SOUND)
    ran = wolfdog("labels", "check", card)
    assert_fine(ran)
    words = " ".join(ran.out.split())
    assert "8 labels of 2 classes in 4 files; 0 problems; coverage.png" in words
    assert "│ blue │ 4 │ 4 │ 2 │ 4.0 │ 2.0 │ 2.0 │" in words
    assert (tmp_path / "coverage.png").read_bytes()[:4] == b"\x89PNG"


def test_all_problems_come_at_once(card, tmp_path):
    (card / "site 1" / "broken.mp4").write_bytes(b"nothing")
    file = labels(
        card, *SOUND[:4], r"SITE 0\2.MP4,0:00,9,red", "9.mp4,0,1,Red", "broken.mp4,0,1,red", "3.mp4,1,0,blue",
        "3.mp4,x,,blue", "3.mp4,1,1.01,fox",
    )  # fmt: skip
    ran = wolfdog("labels", "check", card, "--labels", file, "--out", tmp_path / "c.png")
    assert ran.status == 1
    problems = [line for line in ran.out.splitlines() if line.startswith("problem: ")]
    for text in (
        "line 9: the span ends at 0 seconds",
        "line 10: start: expected seconds",
        "the labels 'red' (4 times) and 'Red' (1 times)",
        "1 files are named and not there: 9.mp4",
        "broken.mp4: cannot be opened",
        "site 0/2.mp4 from 0 to 9 s (red) runs past the end, which is at 2.20 s",
        "site 1/3.mp4 from 1 to 1.01 s (fox) is shorter than a frame",
    ):
        assert sum(text in problem for problem in problems) == 1, (text, problems)
    assert len(problems) == 7
    assert "note: fox: only site 1/3.mp4 shows it" in ran.out


def test_leaks_and_doubtful_names_are_problems(card, tmp_path):
    rows = [f"{n}.mp4,0,1,{'red' if n else 'blue'},{'train' if n < 2 else 'test'}" for n in range(4)]
    file = labels(card, *rows, header=HEADER.replace("\n", ",split\n"))
    ran = wolfdog("labels", "check", card, "--out", tmp_path / "c.png")
    assert ran.status == 1
    assert "the site site 0 is in the splits train (site 0/0.mp4) and test (site 0/2.mp4)" in ran.out
    assert_told(
        wolfdog("train", "--videos", card, "--labels", file, "--out", tmp_path / "o"), "the site site 0 is in"
    )
    film(card / "site 1" / "0.mp4", plain(3))
    labels(card, *SOUND)
    ran = wolfdog("labels", "check", card, "--out", tmp_path / "c.png")
    assert "0.mp4 may be site 0/0.mp4 or site 1/0.mp4" in ran.out


def test_a_split_by_site_is_read_by_training(card, tmp_path):
    labels(card, *SOUND)
    out = tmp_path / "split.csv"
    ran = wolfdog("labels", "split", card, "--out", out, "--shares", "train=0.5,test=0.5")
    assert_fine(ran)
    assert "train: 2 files of 1 sites; blue, red" in ran.out
    table = read_labels(out)
    assert {table.splits[f"site 0/{n}.mp4"] for n in (0, 2)} != {
        table.splits[f"site 1/{n}.mp4"] for n in (1, 3)
    }
    ran = wolfdog(
        "train", "--videos", card, "--labels", out, "--split", "train", "--classifier", "scratch",
        "--classifier-steps", 2, "--steps", 2, "--chunk", 2, "--streams", 2,
        "--size", 16, "--memory", "gru", "--out", tmp_path / "model",
    )  # fmt: skip
    assert_fine(ran)
    ran = wolfdog(
        "evaluate", "--videos", card, "--labels", out, "--split", "test", "--model", tmp_path / "model"
    )
    assert_fine(ran)


def test_mistakes_are_told_in_one_line(card, tmp_path):
    assert_told(wolfdog("labels", "check", card), "expected labels.csv in it")
    assert_told(
        wolfdog("labels", "check", tmp_path / "none", "--labels", labels(card, *SOUND)), "no such file"
    )
    assert_told(
        wolfdog("labels", "check", card, "--out", tmp_path / "c.mp4"), "expected the name of a picture"
    )
    split = ("labels", "split", card, "--out", tmp_path / "s.csv")
    assert_told(wolfdog(*split, "--shares", "train"), "expected name=share")
    assert_told(wolfdog(*split, "--shares", "a=1,b=1,c=1"), "expected a site for each of a, b, c, got 2")
    assert_told(wolfdog(*split, "--shares", "a=1,b=0"), "expected shares above 0")
    shutil.copy(card / "site 0" / "0.mp4", card / "site 1" / "1.mp4")
    assert_told(wolfdog(*split), "equal files are in the splits", "site 0/0.mp4", "site 1/1.mp4")
    assert not (tmp_path / "s.csv").exists()


def test_whole_files_cannot_train_both_parts_at_once(card, tmp_path):
    file = labels(card, "0.mp4,red", "1.mp4,blue", header="filepath,label\n")
    command = (
        "train",
        "--videos",
        card,
        "--labels",
        file,
        "--classifier",
        "scratch",
        "--mode",
        "joint",
        "--out",
        tmp_path / "o",
    )
    assert_told(wolfdog(*command), "labels of whole files or sequences", "train in two stages")
