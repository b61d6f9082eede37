"""Sources as lists of media: folders, packages, standard input, times, deployments."""

import io
import math
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch_cards import camera_traps, camtrap_package, picture
from watch_films import film, plain
from wolfdog.errors import InputError, MediaWarning
from wolfdog.watch.video.camera_dates import DateOptions, zone_of
from wolfdog.watch.video.listing import ListOptions, list_media, natural_order, parse_shift
from wolfdog.watch.video.media import all_utc, by_deployment, starts


def at(*parts):
    return datetime(*parts, tzinfo=UTC).timestamp()


def dated_film(path, text):
    """A video whose header holds a time of recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = text
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for image in plain(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def names(media):
    return [medium.name for medium in media]


# Folders


def test_a_card_is_one_deployment_in_the_order_of_time(tmp_path):
    card = tmp_path / "site 3"
    picture(card / "DCIM" / "100RECNX" / "IMG_9.JPG", date="2021:05:31 08:00:02")
    picture(card / "DCIM" / "100RECNX" / "IMG_10.JPG", date="2021:05:31 08:00:01")
    picture(card / "DCIM" / "101RECNX" / "IMG_1.JPG", date="2021:05:31 07:00:00")
    dated_film(card / "DCIM" / "100RECNX" / "clip.mp4", "2021-05-31T07:30:00Z")
    film(card / "DCIM" / "100RECNX" / "undated.mp4", plain(3))
    media = list_media([card])
    assert [name.rpartition("/")[2] for name in names(media)][:2] == [
        "IMG_9.JPG",
        "IMG_10.JPG",
    ]  # as they lie
    first, second = by_deployment(media)
    assert {medium.deployment for medium in first} == {"site 3"}
    assert [name.rpartition("/")[2] for name in names(first)] == [
        "IMG_1.JPG", "clip.mp4", "IMG_10.JPG", "IMG_9.JPG",
    ]  # fmt: skip
    assert [medium.deployment for medium in second] == ["DCIM/100RECNX/undated.mp4"]


def test_which_files_make_a_deployment(tmp_path):
    for site in ("north", "south"):
        picture(tmp_path / site / "a.jpg")
        dated_film(tmp_path / site / "clips" / "b.mp4", "2021-05-31T07:30:00Z")
    film(tmp_path / "north" / "clips" / "c.mp4", plain(3))

    def deployments(grouping):
        media = list_media([tmp_path], ListOptions(grouping=grouping))
        return {medium.name: medium.deployment for medium in media}

    own = {name: name for name in ("north/clips/b.mp4", "north/clips/c.mp4", "south/clips/b.mp4")}
    pictures = {"north/a.jpg": "north", "south/a.jpg": "south"}
    assert deployments("auto") == own | pictures
    assert deployments("file") == own | {name: name for name in pictures}
    with pytest.warns(MediaWarning, match="the times of 1 video is not known"):
        together = deployments("folder")
    assert together == pictures | {
        "north/clips/b.mp4": "north/clips", "south/clips/b.mp4": "south/clips",
        "north/clips/c.mp4": "north/clips/c.mp4",
    }  # fmt: skip
    with pytest.raises(InputError, match="expected auto, folder or file"):
        deployments("site")


def test_folders_of_the_same_name_in_two_sources_stay_apart(tmp_path):
    for card in ("first/site", "second/site"):
        picture(tmp_path / card / "a.jpg")
    media = list_media([tmp_path / "first" / "site", tmp_path / "second" / "site"])
    assert len({medium.deployment for medium in media}) == 2
    assert names(media) == ["first/site/a.jpg", "second/site/a.jpg"]


def test_a_file_that_is_named_twice_is_one_file(tmp_path):
    path = picture(tmp_path / "a.jpg")
    assert len(list_media([path, tmp_path, path])) == 1


@given(st.lists(st.text(st.sampled_from("ab019-_٣²"), min_size=1, max_size=6), max_size=8))
def test_natural_order_is_an_order(texts):
    once = sorted(texts, key=natural_order)
    texts.reverse()
    assert sorted(texts, key=natural_order) == once


def test_sources_on_standard_input(tmp_path):
    first, second = picture(tmp_path / "x" / "a.jpg"), picture(tmp_path / "y" / "b.jpg")
    listing = io.StringIO(f"{first}\n\n{second.parent}\r\n")
    assert names(list_media(["-"], standard_input=listing)) == ["a.jpg", "b.jpg"]
    with pytest.raises(InputError, match="the list on standard input is empty"):
        list_media(["-"], standard_input=io.StringIO("\n"))


def test_nothing_to_watch_is_said(tmp_path):
    (tmp_path / "notes.txt").touch()
    for source, what in (
        (tmp_path, "no videos and no images"),
        (tmp_path / "x", "no such file"),
        ("", "is empty"),
    ):
        with pytest.raises(InputError, match=what):
            list_media([source])


# Packages


def test_camera_traps_of_coco(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    path = camera_traps(
        tmp_path / "traps.json",
        [
            {"file_name": "images/b.jpg", "location": 7, "datetime": "2021-05-31 08:00:00", "frame_num": 2},
            {"file_name": "images\\a.jpg", "location": 7, "datetime": "2021-05-31 08:00:00", "frame_num": 1},
            {"file_name": "images/c.jpg", "location": "x", "datetime": None},
        ],
    )
    media = list_media([path], ListOptions(dates=DateOptions(zone="+01:00")))
    seven, x = sorted(by_deployment(media), key=len, reverse=True)
    assert names(seven) == ["images/a.jpg", "images/b.jpg"]
    assert {medium.deployment for medium in seven} == {"7"}
    assert seven[0].local - seven[0].utc == 3600
    assert seven[0].utc == at(2021, 5, 31, 7)
    assert not x[0].dated


def test_a_camtrap_package(tmp_path):
    package = camtrap_package(
        tmp_path / "package",
        [("b.mp4", "dep1", "2020-05-30T06:57:40+02:00"), ("media/a.jpg", "dep1", "2020-05-30T04:57:37Z"),
         ("https://example.org/c.jpg", "dep2", "2020-05-30T04:57:37Z")],
    )  # fmt: skip
    for source in (package, package / "datapackage.json"):
        with pytest.warns(MediaWarning, match="1 media lie on the web"):
            media = list_media([source])
        [one] = by_deployment(media)
        assert [(medium.name, medium.deployment) for medium in one] == [
            ("media/a.jpg", "dep1"),
            ("b.mp4", "dep1"),
        ]
        assert [medium.utc for medium in one] == [at(2020, 5, 30, 4, 57, 37), at(2020, 5, 30, 4, 57, 40)]
        assert one[1].local - one[1].utc == 7200
        assert math.isnan(one[0].local)  # UTC is no zone that a camera is in
        assert all_utc(one)


@pytest.mark.parametrize(
    ("image", "what"),
    [
        ({"file_name": "../secret.jpg"}, "within the folder"),
        ({"file_name": "/etc/passwd.jpg"}, "within the folder"),
        ({"file_name": "c:/x.jpg"}, "within the folder"),
        ({"file_name": "a\0.jpg"}, "cannot be the name of a file"),
        ({"file_name": "\ud800.jpg"}, "cannot be the name of a file"),
        ({"file_name": 3}, "expected its file"),
        ({}, "expected its file"),
        ({"file_name": "a.jpg", "datetime": "yesterday"}, "expected a date"),
        ({"file_name": "a.jpg", "datetime": 5}, "expected datetime as text"),
    ],
)
def test_what_a_package_must_not_say(tmp_path, image, what):
    with pytest.raises(InputError, match=what):
        list_media([camera_traps(tmp_path / "a.json", [image])])


@pytest.mark.parametrize("text", ["{}", "[]", '{"images": 3}', '{"images": [1]}', "not json"])
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json: expected"):
        list_media([tmp_path / "a.json"])


# Times


def test_times_of_files(tmp_path):
    berlin = DateOptions(zone="Europe/Berlin")
    still = picture(tmp_path / "a.jpg", date="2021:05:31 08:25:38")
    assert berlin.of_file(still, "a.jpg") == (at(2021, 5, 31, 6, 25, 38), at(2021, 5, 31, 8, 25, 38))
    utc, local = DateOptions().of_file(still, "a.jpg")
    assert math.isnan(utc)
    assert local == at(2021, 5, 31, 8, 25, 38)
    offset = picture(tmp_path / "b.jpg", date="2021:05:31 08:25:38", offset="+05:00")
    assert DateOptions().of_file(offset, "b.jpg") == (at(2021, 5, 31, 3, 25, 38), at(2021, 5, 31, 8, 25, 38))
    video = dated_film(tmp_path / "c.mp4", "2021-12-31T23:30:00Z")
    assert berlin.of_file(video, "c.mp4") == (at(2021, 12, 31, 23, 30), at(2022, 1, 1, 0, 30))
    for nothing in (
        film(tmp_path / "d.mp4", plain(3)),
        tmp_path / "missing.mp4",
        picture(tmp_path / "e.jpg"),
    ):
        assert all(map(math.isnan, berlin.of_file(nothing, nothing.name)))
    odd = picture(tmp_path / "f.jpg", date="0000:00:00 00:00:00")
    assert all(map(math.isnan, berlin.of_file(odd, "f.jpg")))


@pytest.mark.parametrize(
    ("pattern", "name", "seconds"),
    [
        ("%Y%m%d%H%M%S-*", "20210531082538-RCNX0031.jpg", at(2021, 5, 31, 8, 25, 38)),
        ("*_%Y-%m-%d_%H.%M*", "cam_2021-05-31_08.25 (1).jpg", at(2021, 5, 31, 8, 25)),
        ("%y%m%d/*_%H%M%S", "210531/IMG_082538.jpg", at(2021, 5, 31, 8, 25, 38)),
        ("%Y%m%d%H%M%S-*", "20211331082538-RCNX0031.jpg", None),
        ("%Y%m%d%H%M%S-*", "IMG_1.jpg", None),
    ],
)
def test_times_in_names(tmp_path, pattern, name, seconds):
    path = picture(tmp_path / name, date="2001:01:01 00:00:00")
    local = DateOptions(pattern=pattern).of_file(path, name)[1]
    assert local == (at(2001, 1, 1) if seconds is None else seconds)


@pytest.mark.parametrize("pattern", ["%Y%m", "%Y%m%d%H%M%Q", "%Y%Y%m%d%H%M", "100%", "*"])
def test_patterns_without_a_date_are_refused(pattern):
    with pytest.raises(InputError, match="time pattern"):
        DateOptions(pattern=pattern)


@pytest.mark.parametrize("zone", ["", "Middle/Earth", "+25:00", "../etc/passwd", "two"])
def test_zones_that_are_none(zone):
    with pytest.raises(InputError, match="expected a name as Europe/Berlin"):
        zone_of(zone)


def test_offsets():
    for text, minutes in (("+02:00", 120), ("-0330", -210), ("+5", 300)):
        assert zone_of(text) == timezone(timedelta(minutes=minutes))


def test_starts_share_one_clock(tmp_path):
    options = ListOptions(dates=DateOptions(zone="+02:00"))
    picture(tmp_path / "a.jpg", date="2021:05:31 08:00:00")
    picture(tmp_path / "b.jpg", date="2021:05:31 08:00:00", offset="+00:00")
    picture(tmp_path / "c.jpg")
    a, b, c = list_media([tmp_path], options)
    assert starts([a, b])[1] - starts([a, b])[0] == 7200
    mixed = replace(b, utc=math.nan)
    assert starts([a, mixed]) == [a.local, b.local]
    assert math.isnan(starts([a, c])[1])
    assert not all_utc([a, mixed])
    assert all_utc([a, c])
    assert not all_utc([c])


def test_clocks_that_were_set_wrong(tmp_path):
    for site in ("north", "south"):
        picture(tmp_path / site / "a.jpg", date="2021:05:31 08:00:00")
    picture(tmp_path / "west" / "a.jpg")
    plain_, moved = (
        {medium.deployment: medium for medium in list_media([tmp_path], ListOptions(shifts=shifts))}
        for shifts in ({}, dict([parse_shift("north=-1h30m")]))
    )
    assert moved["north"].local == plain_["north"].local - 5400
    assert moved["south"].local == plain_["south"].local
    with pytest.raises(InputError, match="there is no deployment 'nort'"):
        list_media([tmp_path], ListOptions(shifts={"nort": 1.0}))
    with pytest.raises(InputError, match="no file of 'west' has a time"):
        list_media([tmp_path], ListOptions(shifts={"west": 1.0}))


@pytest.mark.parametrize("text", ["north", "north=1h", "north=+", "=+1h", "north=+1w", "north=+1h1h"])
def test_shifts_that_are_none(text):
    with pytest.raises(InputError, match="shift of time: expected"):
        parse_shift(text)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_dangling_links_are_said(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.warns(MediaWarning, match=r"b\.jpg: a link to a file that is not there"):
        assert names(list_media([tmp_path])) == ["a.jpg"]
