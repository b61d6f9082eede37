"""Jobs whose sources and results lie in object storage: the tables are those of the same files on disk."""

import csv

import pytest

from job_cards import Quiet, card, colours, results, run, without_timelines
from wolfdog.errors import InputError, MediaError, MissingPackageError, StorageError
from wolfdog.object_storage import fetching
from wolfdog.object_storage.address import Stored, file_system
from wolfdog.object_storage.fetch_folder import fetch_folder
from wolfdog.watch.jobs.job import Job
from wolfdog.watch.jobs.job_options import JobOptions
from wolfdog.watch.jobs.remote_results import RemoteResults
from wolfdog.watch.recorder import RecordOptions
from wolfdog.watch.video.listing import ListOptions, list_media
from wolfdog.watch.video.media import by_deployment

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(scope="module", autouse=True)
def no_timelines():
    with without_timelines():
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return card(tmp_path_factory.mktemp("card"))


@pytest.fixture
def memory(source):
    """Address of the same files in a storage of this process."""
    system = fsspec.filesystem("memory")
    system.put(str(source), "/bucket/card", recursive=True)
    yield "memory://bucket/card"
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def listed(address, **options):
    return list_media([address], ListOptions(largest=options.pop("largest", 10**9), **options))


def watched(address, out, *, watch=None, record=None, **options):
    job = Job(
        by_deployment(listed(address, **options)), out, options=JobOptions(record=record or RecordOptions())
    )
    labeller = colours()
    return job.run(lambda: labeller, watch or Quiet(), labeller=labeller)


def test_names_deployments_and_times_are_those_of_a_folder(source, memory):
    here, there = list_media([source]), listed(memory)
    assert [(m.name, m.deployment) for m in there] == [(m.name, m.deployment) for m in here]
    assert [m.local for m in there if m.dated] == [m.local for m in here if m.dated]
    assert there[0].place.endswith("/bucket/card/a.mp4")


def test_the_tables_are_those_of_the_files_on_disk(source, memory, tmp_path):
    record = RecordOptions(annotated=True)
    run(source, tmp_path / "disk", record=record)
    totals = watched(memory, tmp_path / "stored", record=record)
    assert totals.whole == 14
    disk, stored = results(tmp_path / "disk"), results(tmp_path / "stored")
    assert {n: d for n, d in stored.items() if n != "errors.csv"} == {
        n: d for n, d in disk.items() if n != "errors.csv"
    }
    with (tmp_path / "stored" / "errors.csv").open(newline="") as file:
        errors = list(csv.DictReader(file))
    assert [row["file"] for row in errors] == ["broken.mp4", "site 0/empty.jpg"]
    assert all("memory://" in row["error"] and "wolfdog-fetched" not in row["error"] for row in errors)
    assert list(fetch_folder().iterdir()) == []
    again = Quiet()
    assert watched(memory, tmp_path / "stored", watch=again, record=record).earlier == 16
    assert again.finished == []


def test_a_file_that_changed_is_labelled_again(memory, tmp_path):
    watched(memory, tmp_path)
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/card/a.mp4", system.cat("/bucket/card/b.mp4"))
    watch = Quiet()
    watched(memory, tmp_path, watch=watch)
    assert watch.finished == ["a.mp4"]


def test_hidden_files_results_and_odd_names_are_passed_over(memory):
    system = fsspec.filesystem("memory")
    for name in (
        ".hidden.mp4",
        "old/moments.csv",
        "old/events.csv",
        "old/x.mp4",
        "a.mp4.vtt",
        "a.mp4.annotated.mp4",
    ):
        system.pipe(f"/bucket/card/{name}", b"x")
    assert len(listed(memory)) == 16
    with pytest.raises(InputError, match="no videos and no images"):
        listed("memory://bucket/nothing")
    [one] = listed(f"{memory}/a.mp4")
    assert one.name == "a.mp4"


def test_names_that_lead_elsewhere_are_refused(memory, monkeypatch):
    stored = [Stored("s3://b/card/../../x.mp4", 3), Stored("s3://b/card/y.mp4", 3)]
    monkeypatch.setattr("wolfdog.watch.video.stored_media.stored_file", lambda *_, **__: None)
    monkeypatch.setattr("wolfdog.watch.video.stored_media.stored_below", lambda *_, **__: stored)
    from wolfdog.watch.video.stored_media import stored_media

    with pytest.warns(match="cannot be that of a file"):
        assert stored_media("s3://b/card", {".mp4"}, 10) == stored[1:]


def test_bounds_and_losses(memory, tmp_path, monkeypatch):
    with pytest.raises(MediaError, match="more than the 10 that are fetched"):
        fetching.fetch(Stored(f"{memory}/a.mp4", 11, limit=10))
    with pytest.raises(MediaError, match="no such file any more"):
        fetching.fetch(Stored(f"{memory}/gone.mp4", 11))
    with pytest.raises(MediaError, match="it changed while"):
        fetching.fetch(Stored(f"{memory}/a.mp4", 11))
    assert list(fetch_folder().iterdir()) == []
    with pytest.raises(InputError, match="nonsense"):
        file_system("nonsense://x")
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda _: (_ for _ in ()).throw(ImportError("Install s3fs")))
    with pytest.raises(MissingPackageError, match="Install s3fs"):
        file_system("s3://x")


class DownError(Exception):
    """An exception that only this storage has."""


def test_an_outage_stops_the_job_which_then_goes_on(source, memory, tmp_path, monkeypatch):
    run(source, tmp_path / "disk")
    monkeypatch.setattr(fetching, "_WAIT", 0.0)
    system = type(fsspec.filesystem("memory"))
    whole, calls = system._open, []

    def failing(self, path, *args, **options):
        calls.append(path)
        if "site 1" in path and len(calls) < 40:
            raise DownError("no route")
        return whole(self, path, *args, **options)

    media = listed(memory)
    monkeypatch.setattr(system, "_open", failing)
    labeller = colours()
    job = Job(by_deployment(media), tmp_path / "out")
    with pytest.raises(StorageError, match="DownError: no route"):
        job.run(lambda: labeller, Quiet(), labeller=labeller)
    monkeypatch.setattr(system, "_open", whole)
    totals = Job(by_deployment(media), tmp_path / "out").run(lambda: labeller, Quiet(), labeller=labeller)
    assert totals.whole == 14
    assert totals.earlier >= 3
    disk, stored = results(tmp_path / "disk"), results(tmp_path / "out")
    assert stored["moments.csv"] == disk["moments.csv"]
    assert stored["predictions.parquet"] == disk["predictions.parquet"]


def test_results_are_copied_whole_and_only_what_changed(source, tmp_path, monkeypatch):
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    remote = RemoteResults.at("memory://bucket/labelled/")
    assert RemoteResults.at("labelled") is None
    run(source, remote.folder)
    count = remote.upload()
    here = results(remote.folder)
    assert count == len(here)
    found = system.find("/bucket/labelled")
    assert sorted(name.removeprefix("/bucket/labelled/") for name in found) == sorted(here)
    assert system.cat("/bucket/labelled/moments.csv") == (remote.folder / "moments.csv").read_bytes()
    assert remote.upload() == 0
    (remote.folder / "errors.csv").unlink()
    (remote.folder / "events.csv").write_text("new")
    assert remote.upload() == 1
    assert not system.exists("/bucket/labelled/errors.csv")
    assert system.cat("/bucket/labelled/events.csv") == b"new"
    system.store.clear()
    system.pseudo_dirs[:] = [""]
