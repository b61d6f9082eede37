"""wolfdog watch and smooth from and to S3, by a server on this machine."""

import pytest

from cli_run import wolfdog
from job_cards import card, results
from onnx_image_networks import colour_network

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


METADATA = {"names": '["red", "green", "blue"]', "normalisation": "unit"}


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """File system of an empty bucket; one for all tests, since fsspec keeps the addresses of its servers."""
    s3fs, server = pytest.importorskip("s3fs"), pytest.importorskip("moto.server")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    address = f"http://127.0.0.1:{running._server.port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("AWS_ENDPOINT_URL", address), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_DEFAULT_REGION", "us-east-1"), ("WOLFDOG_CACHE", str(tmp_path_factory.mktemp("cache"))),
        ):  # fmt: skip
            patch.setenv(name, value)
        system = s3fs.S3FileSystem(endpoint_url=address, key="key", secret="secret", skip_instance_cache=True)
        system.mkdir("cameras")
        yield system
    running.stop()


def test_watch_reads_and_writes_a_bucket(s3, tmp_path):
    source = card(tmp_path / "card")
    network = colour_network(tmp_path / "c.onnx", features=True, metadata=METADATA)
    s3.put(str(source), "cameras/card", recursive=True)
    options = ("--classifier", f"onnx:{network}", "--no-cache", "--method", "mean")
    here = wolfdog("watch", source, "--out", tmp_path / "here", *options)
    assert here.status == 1  # two files are broken
    there = ("watch", "s3://cameras/card", "--out", "s3://cameras/labelled", *options)
    plan = wolfdog(*there, "--dry-run")
    assert "16 files; 0 labelled" in plan.out
    first = wolfdog(*there, "--workers", 2)
    assert first.status == 1, first.err
    assert "s3://cameras/labelled: 24 moments" in first.out
    s3.invalidate_cache()
    names = {name.removeprefix("cameras/labelled/") for name in s3.find("cameras/labelled")}
    assert names == set(results(tmp_path / "here"))
    for name in ("moments.csv", "events.csv", "predictions.parquet"):
        assert s3.cat(f"cameras/labelled/{name}") == (tmp_path / "here" / name).read_bytes(), name
    again = wolfdog(*there)
    assert "16 files were labelled by an earlier run" in again.out


def test_a_cluster_reads_and_writes_a_bucket(s3, tmp_path):
    pytest.importorskip("ray")
    source = card(tmp_path / "card")
    network = colour_network(tmp_path / "c.onnx", features=True, metadata=METADATA)
    s3.put(str(source), "cameras/for-ray", recursive=True)
    options = ("--classifier", f"onnx:{network}", "--no-cache", "--method", "mean")
    assert wolfdog("watch", source, "--out", tmp_path / "here", *options).status == 1  # two files are broken
    there = ("watch", "s3://cameras/for-ray", "--out", "s3://cameras/by-ray", *options)
    ran = wolfdog(*there, "--ray", "local", "--workers", 2)
    assert ran.status == 1, ran.err
    s3.invalidate_cache()
    names = {name.removeprefix("cameras/by-ray/") for name in s3.find("cameras/by-ray")}
    assert names == set(results(tmp_path / "here"))
    for name in ("moments.csv", "events.csv", "predictions.parquet"):
        assert s3.cat(f"cameras/by-ray/{name}") == (tmp_path / "here" / name).read_bytes(), name
    assert "16 files were labelled by an earlier run" in wolfdog(*there, "--ray", "local").out


def test_smooth_reads_and_writes_a_bucket(s3, tmp_path):
    source = tmp_path / "results"
    source.mkdir()
    for name in ("a", "b"):
        (source / f"{name}.csv").write_text("file,wolf,dog\nx.jpg,0.9,0.1\ny.jpg,0.4,0.6\n")
    s3.put(str(source), "cameras/results", recursive=True)
    assert wolfdog("smooth", source, "--out", tmp_path / "here", "--method", "mean").status == 0
    there = wolfdog("smooth", "s3://cameras/results", "--out", "s3://cameras/smoothed", "--method", "mean")
    assert there.status == 0, there.err
    one = wolfdog("smooth", "s3://cameras/results/a.csv", "--out", "s3://cameras/one.csv", "--method", "mean")
    assert one.status == 0, one.err
    s3.invalidate_cache()
    for name in ("a.csv", "b.csv"):
        assert s3.cat(f"cameras/smoothed/{name}") == (tmp_path / "here" / name).read_bytes()
    assert s3.cat("cameras/one.csv") == (tmp_path / "here" / "a.csv").read_bytes()


@pytest.mark.usefixtures("s3")
def test_what_is_not_there_is_one_line(tmp_path):
    missing = wolfdog("watch", "s3://nothing/card", "--out", tmp_path / "out")
    assert missing.status == 2
    assert missing.err.count("\n") == 1
    assert "s3://nothing/card" in missing.err
