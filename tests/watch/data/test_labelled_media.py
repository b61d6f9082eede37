"""Labels against the files that are there: names, lengths, frames, splits."""

import math
import shutil

import pytest

from watch_films import film, plain
from wolfdog.errors import InputError, LabelsError
from wolfdog.labels import LabelSpan, LabelTable, leaks, split_by_site
from wolfdog.watch.data.labelled_media import find_labelled_media
from wolfdog.watch.data.span_fit import Misfit, judge_misfits, misfits_by_frames, misfits_by_length
from wolfdog.watch.video.media import Medium

SECONDS = 4.0


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """Films of four seconds at ten frames a second, two for each of three sites."""
    folder = tmp_path_factory.mktemp("card")
    for number in range(6):
        path = folder / f"site {number // 2}" / f"{number}.MP4"
        path.parent.mkdir(exist_ok=True)
        film(path.with_suffix(".mp4"), plain(40 + number), rate=10).rename(path)
    return folder


def everywhere(*spans, name="site {}/{}.mp4", **options):
    return LabelTable({name.format(n // 2, n): list(spans) for n in range(6)}, **options)


def test_files_are_found_by_the_names_of_the_labels(card):
    table = LabelTable({r"SITE 0/0.mp4": [LabelSpan(0, 1, "red")], "3.mp4": [], "none.mp4": []})
    found = find_labelled_media(card, table, "labels.csv")
    assert [medium.name for medium in found.media] == ["site 0/0.MP4", "site 1/3.MP4"]
    assert found.missing == ("none.mp4",)
    assert found.spans == 1
    with pytest.raises(InputError, match=r"none of its videos is named in the labels file .*none\.mp4"):
        find_labelled_media(card, LabelTable({"none.mp4": []}), "labels.csv")


def test_frame_numbers_for_seconds_are_refused_before_a_picture_is_decoded(card, monkeypatch):
    monkeypatch.setattr("wolfdog.watch.video.decoding.Decoding.__iter__", None)
    table = everywhere(LabelSpan(0, 20, "red"), LabelSpan(20, 40, "blue"))
    with pytest.raises(
        LabelsError, match=r"12 of 12 labels .*look like frames: name their columns start_frame"
    ) as error:
        find_labelled_media(card, table, "labels.csv")
    assert "site 0/0.MP4 from 20 to 40 s (blue) begins past the end, which is at 4.00 s" in str(error.value)
    assert "(by label: blue 6, red 6)" in str(error.value)
    frames = everywhere(LabelSpan(0, 20, "red", unit="frames"), LabelSpan(20, 40, "blue", unit="frames"))
    assert find_labelled_media(card, frames, "labels.csv").warnings == ()


def test_a_few_labels_past_the_end_are_said(card):
    table = everywhere(LabelSpan(0, SECONDS + 0.9, "red"), LabelSpan(1, math.inf, "blue"))
    assert find_labelled_media(card, table, "labels.csv").warnings == ()
    table.spans["site 0/0.mp4"].append(LabelSpan(7, 9, "blue"))
    [warning] = find_labelled_media(card, table, "labels.csv").warnings
    assert warning.startswith(
        "labels.csv: 1 of 13 labels does not fit its video: site 0/0.MP4 from 7 to 9 s (blue)"
    )


def test_videos_that_cannot_be_opened_are_left_to_the_reading(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing")
    medium = Medium(tmp_path / "a.mp4", "a.mp4", "a.mp4")
    assert misfits_by_length([medium], {"a.mp4": [LabelSpan(90, 91, "red")]}) == []


def test_labels_between_two_frames_are_counted():
    spans = [LabelSpan(0, 1, "red"), LabelSpan(1.05, 1.15, "blue"), LabelSpan(9, 10, "blue")]
    found = misfits_by_frames("a.mp4", spans, [0, 0.2, 1.0, 1.2], [0, 1, 5, 6])
    assert [misfit.span for misfit in found] == spans[1:]
    assert judge_misfits("x", [], 3) is None
    with pytest.raises(LabelsError, match=r"2 of 3 labels .* covers no frame that is looked at.*--fps"):
        judge_misfits("x", found, 3)
    many = [Misfit("a.mp4", LabelSpan(n, n + 1, "red"), "no frame") for n in range(5)]
    assert "; and 2 more (by label: red 5)" in judge_misfits("x", many, 10)


def test_splits_keep_sites_together_and_have_every_class():
    spans = {f"s{n // 2}/{n}.mp4": [LabelSpan(0, 5, "fox" if n in (2, 9) else "dog")] for n in range(12)}
    splits = split_by_site(LabelTable(spans), {"train": 0.5, "test": 0.5})
    table = LabelTable(spans, splits=splits)
    assert leaks(table) == []
    for part in ("train", "test"):
        assert {s.label for name in spans if splits[name] == part for s in spans[name]} == {"dog", "fox"}
    with pytest.raises(LabelsError, match="a site for each of a, b, got 1"):
        split_by_site(LabelTable({"x/1.mp4": [], "x/2.mp4": []}), {"a": 1, "b": 1})


def test_a_leak_between_splits_names_the_files(card, tmp_path):
    splits = {f"site {n // 2}/{n}.mp4": "train" if n < 3 else "test" for n in range(6)}
    table = everywhere(LabelSpan(0, 1, "red"), splits=splits)
    with pytest.raises(
        LabelsError, match=r"the site site 1 is in the splits train \(site 1/2.MP4\) and test"
    ):
        find_labelled_media(card, table, "labels.csv", split="train")
    splits["site 1/2.mp4"] = "test"
    chosen = find_labelled_media(card, table, "labels.csv", split="train")
    assert [medium.name for medium in chosen.media] == ["site 0/0.MP4", "site 0/1.MP4"]
    with pytest.raises(LabelsError, match="expected the split 'exam' among its splits, got test, train"):
        find_labelled_media(card, table, "labels.csv", split="exam")
    shutil.copytree(card, tmp_path / "card")
    shutil.copy(card / "site 0" / "0.MP4", tmp_path / "card" / "site 2" / "4.MP4")
    with pytest.raises(
        LabelsError, match=r"equal files are in the splits train \(site 0/0.MP4\) and test \(site 2/4.MP4\)"
    ):
        find_labelled_media(tmp_path / "card", table, "labels.csv", split="train")
