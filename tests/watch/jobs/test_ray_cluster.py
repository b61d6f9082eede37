"""Jobs on a Ray cluster of this machine: the tables of a quiet run, with a worker killed in the middle."""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest

import job_cards
from job_cards import Quiet, card, colours, colours_on_ray, job, results, run
from killed_jobs import children
from wolfdog.errors import InputError
from wolfdog.watch.jobs import ray_cluster
from wolfdog.watch.jobs.part_writer import Task
from wolfdog.watch.jobs.plan import Deployment


@pytest.fixture
def _workers_import_helpers(monkeypatch):
    """Processes of a cluster import the functions that they are given by their modules' names."""
    monkeypatch.setenv("PYTHONPATH", str(Path(job_cards.__file__).parent))


def test_batches_are_bounded_by_their_work():
    deployments = [Deployment(str(n), (), 0, 20_000_000) for n in range(5)]
    sizes = [len(batch) for batch in ray_cluster._batches(Task(one) for one in deployments)]
    assert sizes == [3, 2]
    small = [Deployment(str(n), (), 1, 0) for n in range(130)]
    assert [len(batch) for batch in ray_cluster._batches(Task(one) for one in small)] == [64, 64, 2]


def test_a_part_is_packed_and_unpacked(tmp_path):
    part = tmp_path / "part"
    (part / "deep").mkdir(parents=True)
    (part / "deep" / "a.txt").write_bytes(b"a" * 5_000_000)
    (part / "b.csv").write_text("b")
    ray_cluster._unpack(ray_cluster._packed(part), tmp_path, "copy")
    assert (tmp_path / "copy" / "deep" / "a.txt").read_bytes() == b"a" * 5_000_000
    assert (tmp_path / "copy" / "b.csv").read_text() == "b"
    assert not list(tmp_path.glob(".new-*"))


def test_a_part_cannot_write_elsewhere(tmp_path):
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../outside.csv", "x")
    with pytest.raises(InputError, match="outside of it"):
        ray_cluster._unpack(data.getvalue(), tmp_path, "part")
    assert not (tmp_path / "outside.csv").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("_workers_import_helpers")
@pytest.mark.filterwarnings("ignore")
def test_equal_tables_with_a_worker_killed_in_the_middle(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(ray_cluster, "DEPLOYMENTS", 1)
    source = card(tmp_path / "card", sites=12, images=20)
    run(source, tmp_path / "quiet")
    watch = Quiet()
    killed = []

    def kill():
        """Kill the process of the cluster that labels, once a deployment is done."""
        while not watch.finished:
            time.sleep(0.05)
        for pid in children(os.getpid()):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
                    name = file.read()
            except OSError:
                continue
            if name.startswith(b"ray::_label_batch") and not killed:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    threading.Thread(target=kill, daemon=True).start()
    runner = partial(ray_cluster.run_on_ray, address="local", processes=2)
    job(source, tmp_path / "out", runner=runner).run(colours, watch)
    assert len(watch.finished) == 15
    assert results(tmp_path / "out") == results(tmp_path / "quiet")


@pytest.mark.slow
@pytest.mark.usefixtures("_workers_import_helpers")
@pytest.mark.filterwarnings("ignore")
def test_a_node_that_joins_in_the_middle_takes_work(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setattr(ray_cluster, "DEPLOYMENTS", 1)
    source = card(tmp_path / "card", sites=60, images=20)
    run(source, tmp_path / "quiet")
    nodes = tmp_path / "nodes"
    nodes.mkdir()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    before = []

    class Joined(Quiet):
        def labelled(self, deployment, seconds, troubles):
            super().labelled(deployment, seconds, troubles)
            if len(self.finished) == 1:
                before.extend(nodes.iterdir())
                cluster.add_node(num_cpus=1)

    watch = Joined()
    runner = partial(ray_cluster.run_on_ray, address=cluster.address)
    try:
        job(source, tmp_path / "out", runner=runner).run(partial(colours_on_ray, nodes), watch)
    finally:
        cluster.shutdown()
    assert len(watch.finished) == 63
    assert len(before) == 1
    assert len(list(nodes.iterdir())) == 2
    assert results(tmp_path / "out") == results(tmp_path / "quiet")
