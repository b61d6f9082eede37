"""wolfdog watch on the cards of camera traps: images, deployments, times, events across files, names, faults."""

import csv
import shutil

import pytest

from cli_run import assert_fine, assert_told, wolfdog
from onnx_image_networks import colour_network
from watch_cards import BLUE, RED, camera_traps, camtrap_package, picture
from watch_faults import raw, with_damage
from watch_films import film, noise, plain
from wolfdog.watch import read_predictions

METADATA = {"names": '["red", "green", "blue"]', "normalisation": "unit"}


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    return colour_network(folder / "colours.onnx", features=True, metadata=METADATA)


@pytest.fixture
def watch(network, tmp_path, monkeypatch):
    """Runs the command with that network and no memory; gives what came of it."""
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "kept"))

    def run(*arguments, method="none"):
        options = ["--classifier", f"onnx:{network}", "--method", method, "--out", tmp_path / "out"]
        return wolfdog("watch", *arguments, *options)

    return run


@pytest.fixture
def card(tmp_path):
    """A card with a burst of red, a blue picture a minute later, a red one an hour later."""
    card = tmp_path / "site 3"
    for number, (time, colour) in enumerate(
        (("08:00:00", RED), ("08:00:01", RED), ("08:00:30", RED), ("08:01:10", BLUE), ("09:00:00", RED))
    ):
        picture(card / "DCIM" / "100RECNX" / f"IMG_{number + 8}.JPG", colour, date=f"2021:05:31 {time}")
    return card


def test_a_card_of_images(watch, card, tmp_path):
    ran = watch(card, "--zone", "Europe/Berlin")
    assert_fine(ran)
    assert "5 moments in 5 of 5 images" in ran.out
    moments = rows(tmp_path / "out" / "moments.csv")
    assert [row["video"].rpartition("/")[2] for row in moments] == [f"IMG_{n}.JPG" for n in range(8, 13)]
    assert {row["deployment"] for row in moments} == {"site 3"}
    assert moments[2]["utc"] == "2021-05-31T06:00:30.000Z"
    assert moments[2]["time_of_day"] == "08:00:30"
    events = rows(tmp_path / "out" / "events.csv")
    assert [(row["label"], row["moments"], row["utc"], row["utc_end"]) for row in events] == [
        ("red", "3", "2021-05-31T06:00:00.000Z", "2021-05-31T06:00:30.000Z"),
        ("blue", "1", "2021-05-31T06:01:10.000Z", "2021-05-31T06:01:10.000Z"),
        ("red", "1", "2021-05-31T07:00:00.000Z", "2021-05-31T07:00:00.000Z"),
    ]
    assert events[0]["video"].endswith("IMG_8.JPG")
    assert events[0]["last_video"].endswith("IMG_10.JPG")
    table = read_predictions(tmp_path / "out" / "predictions.parquet")
    assert table.utc
    assert table.time[2] - table.time[0] == 30
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "moments.csv", "events.csv", "predictions.parquet", ".wolfdog-job",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gap", "counts"), [(0, ["1"] * 5), (1, ["2", "1", "1", "1"]), (4000, ["3", "1", "1"])]
)
def test_the_longest_pause_within_an_event(watch, card, tmp_path, gap, counts):
    assert_fine(watch(card, "--event-gap", gap))
    assert [row["moments"] for row in rows(tmp_path / "out" / "events.csv")] == counts
    assert not read_predictions(tmp_path / "out" / "predictions.parquet").utc  # no zone is known


def test_a_clock_that_was_set_wrong(watch, card, tmp_path):
    assert_fine(watch(card, "--shift-time", "site 3=+1d1h", "--zone", "+00:00"))
    assert rows(tmp_path / "out" / "moments.csv")[0]["utc"] == "2021-06-01T09:00:00.000Z"
    assert_told(watch(card, "--shift-time", "site=+1h"), "no deployment 'site'", "site 3")
    assert_told(watch(card, "--shift-time", "site 3"), "expected DEPLOYMENT=+1h")
    assert_told(watch(card, "--zone", "Mars"), "expected a name as Europe/Berlin")
    assert_told(watch(card, "--time-pattern", "%Y"), "time pattern")


def test_times_in_names_make_videos_of_a_folder_one_deployment(watch, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    film(card / "x_20210531_080100.mp4", plain(1) * 10, rate=5)
    film(card / "y_20210531_080000.mp4", plain(1) * 10, rate=5)
    ran = watch(card, "--deployments", "folder", "--time-pattern", "*_%Y%m%d_%H%M%S")
    assert_fine(ran)
    assert "20 moments of 4 s of video in 2 of 2 videos" in ran.out
    [event] = rows(tmp_path / "out" / "events.csv")
    assert (event["deployment"], event["video"], event["last_video"]) == (
        "card", "y_20210531_080000.mp4", "x_20210531_080100.mp4",
    )  # fmt: skip
    assert (event["start"], event["end"], event["time_of_day"]) == ("0.000", "2.000", "08:00:00")
    assert (tmp_path / "out" / "x_20210531_080100.mp4.vtt").exists()


def test_packages_and_lists(watch, card, tmp_path):
    picture(tmp_path / "coco" / "a.jpg", BLUE)
    fields = {"file_name": "a.jpg", "location": "ridge", "datetime": "2020-01-02 03:04:05"}
    coco = camera_traps(tmp_path / "coco" / "traps.json", [fields])
    package = camtrap_package(tmp_path / "package", [("b.jpg", "dep1", "2020-05-30T04:57:37Z")])
    picture(package / "b.jpg")
    ran = watch(coco, package)
    assert_fine(ran)
    moments = rows(tmp_path / "out" / "moments.csv")
    assert [
        (row["deployment"], row["video"], row["snapshot"], row["time_of_day"], row["utc"]) for row in moments
    ] == [
        ("ridge", "a.jpg", "blue", "03:04:05", ""),
        ("dep1", "b.jpg", "red", "", "2020-05-30T04:57:37.000Z"),
    ]


def test_each_bad_file_is_one_message_and_the_next_goes_on(watch, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    whole = film(card / "good.mp4", noise(60), rate=10)
    with_damage(card / "damaged.mp4", whole, 10, 20, part=30)
    raw(card / "stream.mjpg", plain(10), "mjpeg", "mjpeg")
    (card / "empty.jpg").touch()
    shutil.copy(whole, card / ("n" * 249 + ".mp4"))
    (card / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    ran = watch(card)
    assert ran.status == 1
    told = ran.err.splitlines()
    for name, what in (
        ("damaged.mp4", "damaged"), ("stream.mjpg", "without times"), ("empty.jpg", "empty"),
        ("nnn.mp4", "its name is 253 bytes long"), ("gone.mp4", "a link to a file that is not there"),
    ):  # fmt: skip
        assert sum(name in line and what in line for line in told) == 1, (name, ran.err)
    assert len(told) == 5
    assert "in 2 of 5 videos and images" in ran.out
    assert {"good.mp4", "stream.mjpg"} <= {row["video"] for row in rows(tmp_path / "out" / "moments.csv")}


def test_pictures_above_the_bound(watch, tmp_path):
    path = film(tmp_path / "a.mp4", plain(2))
    ran = watch(path, "--max-pixels", 1000)
    assert ran.status == 1
    assert "64 x 48, more than the 1,000 pixels" in ran.err
    assert_fine(watch(path, "--max-pixels", 64 * 48))


def test_results_inside_the_source_are_not_watched(watch, network, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    film(card / "a.mp4", plain(4))
    for out in ("results", "."):
        for _ in range(2):
            ran = wolfdog("watch", card, "--classifier", f"onnx:{network}", "--annotate", "--out", card / out)
            assert_fine(ran)
            assert "in 1 of 1 videos" in ran.out
    assert (card / "a.mp4.annotated.mp4").exists()
