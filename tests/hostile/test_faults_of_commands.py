"""Faults of users' files and systems, as they meet the commands: each in a process of its own, by its options alone.

Tests of the parts lie beside the parts; here a fault is followed to the exit status and the files of results.
"""

import csv
import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from killed_jobs import alive, children, digests, leftovers
from onnx_image_networks import colour_network
from tiny_experiment import WORLD
from watch_cards import picture
from watch_films import film, noise, plain
from watch_watchers import made
from wolfdog.tv import Painter, broadcast

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals and links of POSIX")]
PATIENCE = 300
COMMAND = "import _wolfdog_command; _wolfdog_command.main()"  # as the installed command
# A process of its own starts what is measured: the system counts the memory of whoever starts a process as its own.
MEASURE = """
import os, subprocess, sys
_, status, used = os.wait4(subprocess.Popen(sys.argv[2:]).pid, 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)


@dataclass(frozen=True)
class Ran:
    """Exit status and texts of a command."""

    status: int
    out: str
    err: str


def started(*words, folder, limit=None, before=()):
    """The command, in the background; its texts go to files in the folder."""

    def prepare():
        for number in (
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGHUP,
        ):  # which a shell's background jobs ignore
            signal.signal(number, signal.SIG_DFL)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails, as on a disk that is full

    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
        return subprocess.Popen(
            [*before, sys.executable, "-c", COMMAND, *map(str, words)],
            stdout=out,
            stderr=err,
            preexec_fn=prepare,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )


def ended(process, folder):
    """What came of it."""
    status = process.wait()
    texts = [(folder / name).read_text("utf-8", "replace") for name in ("stdout", "stderr")]
    assert "Traceback" not in texts[1], texts[1]
    return Ran(status, *texts)


def run(*words, folder, **options):
    """A command to its end."""
    return ended(started(*words, folder=folder, **options), folder)


def run_measured(*words, folder):
    """A command to its end, and the largest resident memory of its process in MB."""
    file = folder / "kilobytes"
    ran = run(*words, folder=folder, before=(sys.executable, "-c", MEASURE, file))
    return ran, int(file.read_text()) / 1024


def until(condition, process):
    """Wait for something that a command does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, "it ended before it was disturbed"
        assert time.monotonic() < end, "it did not come that far"
        time.sleep(0.01)


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    metadata = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
    return colour_network(
        tmp_path_factory.mktemp("network") / "colours.onnx", features=True, metadata=metadata
    )


def words(network, source, out, *more):
    return ["watch", source, "--classifier", f"onnx:{network}", "--no-cache", "--out", out, *more]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Eighteen videos, and the results of an undisturbed run over them."""
    folder = tmp_path_factory.mktemp("videos")
    first = film(folder / "00.mp4", noise(40), rate=10)
    for n in range(1, 18):
        shutil.copy(first, folder / f"{n:02}.mp4")
    return folder


@pytest.fixture(scope="module")
def quiet(network, videos, tmp_path_factory):
    top = tmp_path_factory.mktemp("quiet")
    ran = run(*words(network, videos, top / "out"), folder=top)
    assert ran.status == 0, ran.err
    return top / "out"


def _some_work(out):
    """Whether a part of the results is committed."""
    return lambda: any(path.stat().st_size for path in out.glob(".wolfdog-job/*/journal"))


@pytest.mark.parametrize(
    ("number", "workers"), [*((number, 1) for number in SIGNALS), (signal.SIGTERM, 2), (signal.SIGKILL, 2)]
)
def test_a_signal_costs_no_finished_work(network, videos, quiet, number, workers, tmp_path):
    out = tmp_path / "out"
    given = words(network, videos, out, "--workers", workers)
    process = started(*given, folder=tmp_path)
    until(_some_work(out), process)
    below = children(process.pid)
    process.send_signal(number)
    ran = ended(process, tmp_path)
    end = time.monotonic() + PATIENCE
    while alive(below) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive(below)
    if number == signal.SIGKILL:
        assert ran.status == -number
    else:
        assert ran.status == 128 + number
        assert "The same command goes on from here" in ran.err
        assert 0 < len(rows(out / "moments.csv")) < len(rows(quiet / "moments.csv"))
    again = run(*given, folder=tmp_path)
    assert again.status == 0, again.err
    assert "labelled by an earlier run" in again.out + again.err
    assert digests(out) == digests(quiet)
    assert not leftovers(out)


def test_an_interrupted_rerun_over_finished_results_loses_no_rows(network, videos, quiet, tmp_path):
    source, out = tmp_path / "videos", tmp_path / "out"
    shutil.copytree(videos, source)
    given = words(network, source, out)
    assert run(*given, folder=tmp_path).status == 0
    before = digests(out)
    for path in source.iterdir():
        os.utime(path, (1e9, 1e9))  # all have changed: the rerun begins at the first
    journals = list(out.glob(".wolfdog-job/*/journal"))
    size = journals[0].stat().st_size
    process = started(*given, folder=tmp_path)
    until(lambda: journals[0].stat().st_size > size, process)
    process.send_signal(signal.SIGINT)
    ran = ended(process, tmp_path)
    assert ran.status == 130
    assert digests(out) == before
    assert run(*given, folder=tmp_path).status == 0
    assert digests(out) == before == digests(quiet)


def test_an_interrupt_in_the_first_seconds_is_one_line(network, videos, tmp_path):
    """From the first lines of the installed command on; Python's own start is interrupted by a traceback of Python."""
    told = []
    for n in range(8):
        process = started(*words(network, videos, tmp_path / f"out {n}"), folder=tmp_path)
        maps = Path(f"/proc/{process.pid}/maps")
        until(lambda maps=maps: "libtorch" in maps.read_text(), process)
        time.sleep(0.3 * n)
        process.send_signal(signal.SIGINT)
        ran = ended(process, tmp_path)
        told.append((ran.status, ran.err.count("wolfdog: interrupted")))
    assert set(told) == {(130, 1)}


def _odd_files(card):
    """Files that ended a whole folder once; names and words of their messages."""
    picture(card / "wide.jpg", size=(2048, 16))
    picture(card / "high.jpg", size=(16, 2048))
    film(card / "wide.mp4", plain(4, 16, 2048))
    film(card / "pixels.mkv", plain(4), codec="mpeg4", aspect=(1, 60000))
    with av.open(str(card / "jump.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        packets = [
            packet
            for image in [*plain(20), None]
            for packet in stream.encode(
                image if image is None else av.VideoFrame.from_ndarray(image, "rgb24")
            )
        ]
        for packet in packets[10:]:
            packet.pts += round(Fraction(7 * 3600) / packet.time_base)
            packet.dts = packet.pts
        container.mux(packets)
    for length in range(244, 256):
        shutil.copy(card / "good.mp4", card / ("n" * (length - 4) + ".mp4"))
    (card / "loop.mp4").symlink_to(card / "loop.mp4")
    (card / "loop").symlink_to(card / "loop")
    (card / "up").symlink_to(card)
    (card / "gone.mp4").symlink_to(card / "nowhere.mp4")
    (card / "=1+1.mp4").write_bytes(b"no video")
    (card / "esc \x1b[31m.mp4").write_bytes(b"no video")
    here = Path.cwd()
    os.chdir(card)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(here)


def test_one_odd_file_does_not_end_the_folder(network, tmp_path):
    card, out = tmp_path / "card", tmp_path / "out"
    card.mkdir()
    film(card / "good.mp4", noise(10), rate=10)
    try:
        _odd_files(card)
        ran, megabytes = run_measured(*words(network, card, out, "--guard-formulas"), folder=tmp_path)
    finally:
        subprocess.run(["rm", "-rf", str(card / "d")], check=True)
    assert ran.status == 1
    assert "\x1b" not in ran.out + ran.err
    assert megabytes < 1500
    errors = {row["file"]: row["error"] for row in rows(out / "errors.csv")}
    told = ran.err + "\n".join(f"{name}: {why}" for name, why in errors.items())
    seen = {row["video"] for row in rows(out / "moments.csv")}
    assert {"good.mp4", "wide.jpg", "high.jpg", "wide.mp4", "jump.mp4"} <= seen
    for word in ("a link to itself", "a link to a file that is not there", "bytes long", "esc \\x1b[31m.mp4"):
        assert word in told, told
    assert "'=1+1.mp4" in errors
    print(*sorted(f"{name[:40]}: {why}" for name, why in errors.items()), ran.err, ran.out, sep="\n")


def test_a_folder_that_cannot_be_entered_is_passed_over(network, tmp_path):
    """Without the privileges of the administrator, who may enter every folder."""
    before = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed")
        without = "-dac_override,-dac_read_search"
        before = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}"]
    card, out = tmp_path / "card", tmp_path / "out"
    (card / "closed").mkdir(parents=True)
    film(card / "good.mp4", noise(10), rate=10)
    shutil.copy(card / "good.mp4", card / "closed" / "a.mp4")
    (card / "closed").chmod(0o444)
    try:
        ran = run(*words(network, card, out), folder=tmp_path, before=before)
    finally:
        (card / "closed").chmod(0o755)
    assert "closed" in ran.err
    assert {row["video"] for row in rows(out / "moments.csv")} == {"good.mp4"}


def test_results_and_sources_keep_apart(network, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    film(card / "a.mp4", noise(10), rate=10)
    mine = {"a.mp4.annotated.mp4": b"mine", "a.mp4.vtt": b"mine"}
    for name, data in mine.items():
        (card / name).write_bytes(data)
    for _ in range(3):
        ran = run(*words(network, card, card, "--annotate"), folder=tmp_path)
        assert ran.status == 1
        assert all((card / name).read_bytes() == data for name, data in mine.items())
    for name in mine:
        (card / name).unlink()
    for _ in range(4):
        ran = run(*words(network, card, card, "--annotate"), folder=tmp_path)
        assert ran.status == 0, ran.err
        assert "in 1 of 1 videos" in ran.out + ran.err
    assert (card / "a.mp4.annotated.mp4").stat().st_size > 1000


def test_a_source_named_as_a_table_is_not_replaced(network, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    source = film(card / "moments.mp4", noise(10), rate=10).rename(card / "moments.csv")
    data = source.read_bytes()
    ran = run(*words(network, source, card), folder=tmp_path)
    assert ran.status == 2
    assert "moments.csv" in ran.err
    assert source.read_bytes() == data


def test_a_folder_named_as_a_table_is_one_message(network, tmp_path):
    film(tmp_path / "a.mp4", noise(10), rate=10)
    (tmp_path / "out" / "events.csv").mkdir(parents=True)
    ran = run(*words(network, tmp_path / "a.mp4", tmp_path / "out"), folder=tmp_path)
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "events.csv: a folder is in the way" in ran.err


def test_a_bomb_takes_no_memory(network, tmp_path):
    path = tmp_path / "bomb.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=1)
        stream.height = stream.width = 16000
        stream.pix_fmt = "gray"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((16000, 16000), np.uint8), "gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    ran, megabytes = run_measured(*words(network, path, tmp_path / "out"), folder=tmp_path)
    assert ran.status == 1
    assert "more than the 100,000,000 pixels" in ran.err
    assert megabytes < 800


@pytest.mark.parametrize("name", ["x" * 20_000, "red\x1b[31m", "red\nblue", ""])
def test_a_network_with_names_that_cannot_be_shown(name, tmp_path):
    metadata = {"names": json.dumps([name, "green", "blue"]), "normalisation": "unit"}
    network = colour_network(tmp_path / "hostile.onnx", features=True, metadata=metadata)
    source = film(tmp_path / "a.mp4", plain(4))
    ran = run(*words(network, source, tmp_path / "out"), folder=tmp_path)
    assert ran.status == 2
    assert ran.err.count("\n") == 1
    assert len(ran.err) < 700
    assert "a class name is" in ran.err
    assert "\x1b" not in ran.err


def test_a_watcher_that_asks_for_memory(tmp_path):
    made("gru").save(tmp_path / "model")
    path = tmp_path / "model" / "watcher.safetensors"
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    notes = json.loads(header["__metadata__"]["notes"])
    header["__metadata__"]["notes"] = json.dumps(notes | {"size": 1024, "width": 16})
    whole = json.dumps(header).encode()
    path.write_bytes(
        len(whole).to_bytes(8, "little") + whole + data[8 + int.from_bytes(data[:8], "little") :]
    )
    source = film(tmp_path / "a.mp4", plain(4))
    ran, megabytes = run_measured(
        "watch", source, "--model", tmp_path / "model", "--out", tmp_path / "out", folder=tmp_path
    )
    assert ran.status == 2
    assert ran.err.count("\n") == 1
    assert "1024" in ran.err
    assert megabytes < 1000


def test_formulas_are_guarded_in_every_table(tmp_path):
    metadata = {"names": '["=1+1", "+green", "@blue"]', "normalisation": "unit"}
    network = colour_network(tmp_path / "colours.onnx", features=True, metadata=metadata)
    card, out = tmp_path / "-card", tmp_path / "out"
    card.mkdir()
    film(card / "-a.mp4", plain(8), rate=10)
    (card / "@broken.mp4").write_bytes(b"no video")
    ran = run(*words(network, card, out, "--guard-formulas"), folder=tmp_path)
    assert ran.status == 1
    for name in ("moments.csv", "events.csv", "errors.csv"):
        with (out / name).open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        risky = [cell for cell in cells if cell[:1] in ("=", "+", "-", "@") and not _is_number(cell)]
        assert risky == [], name
        assert any(cell.startswith("'") for cell in cells), name


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("bound", [200, 2_000, 20_000])
def test_a_full_disk_names_the_file(network, videos, quiet, bound, tmp_path):
    out = tmp_path / "out"
    ran = run(*words(network, videos, out), folder=tmp_path, limit=bound)
    assert ran.status != 0
    assert os.strerror(errno.EFBIG) in ran.err or "cannot be written" in ran.err
    assert str(out) in ran.err
    assert run(*words(network, videos, out), folder=tmp_path).status == 0
    assert digests(out) == digests(quiet)
    assert not leftovers(out)


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """Arguments of a short training from scratch, and the watcher of an undisturbed one."""
    top = tmp_path_factory.mktemp("training")
    broadcast(WORLD, top / "tv", minutes=0.5, seed=3, picture=Painter(32, 3), streams=2)
    given = [
        "train",
        "--classifier",
        "scratch",
        "--videos",
        top / "tv",
        "--labels",
        top / "tv" / "labels.csv",
    ]
    given += ["--world", top / "tv" / "world.toml", "--classifier-steps", 6, "--steps", 40, "--chunk", 4]
    given += ["--streams", 2, "--size", 24, "--hidden", 4, "--save-every", 5, "--memory", "gru"]
    ran = run(*given, "--out", top / "quiet", folder=top)
    assert ran.status == 0, ran.err
    return given, top / "quiet"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_killed_training_goes_on_and_leaves_nothing_behind(training, number, tmp_path):
    given, quiet = training
    given = [*given, "--out", tmp_path / "out"]
    process = started(*given, folder=tmp_path)
    until(lambda: (tmp_path / "out" / "training" / "memory.safetensors").exists(), process)
    process.send_signal(number)
    ran = ended(process, tmp_path)
    assert ran.status == (-number if number == signal.SIGKILL else 128 + number)
    assert not (tmp_path / "out" / "watcher.safetensors").exists()
    ran = run(*given, folder=tmp_path)
    assert ran.status == 0, ran.err
    for name in ("watcher.safetensors", "watcher.toml"):
        assert (tmp_path / "out" / name).read_bytes() == (quiet / name).read_bytes()
    assert not leftovers(tmp_path / "out")
