"""The benchmark on sightings of camera traps, on sightings that are made up."""

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from wolfdog.errors import InputError

SPECIES = ("deer", "wolf", "coyote")


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Thirty sites where deer, wolf and coyote follow each other in turn, an hour apart."""
    rows = ["site,datetime,species,count"]
    for number in range(30):
        begin = datetime(2020, 7, 1) + timedelta(minutes=number)
        rows += [f"S{number},{begin + timedelta(hours=n)},{SPECIES[(n + number) % 3]},1" for n in range(20)]
    rows.append("S2,2021-01-01 00:00:00,yeti,1")
    path = tmp_path / "sightings.csv.gz"
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    return path


def test_sites_are_split_by_name_and_rare_species_are_other(file):
    from sightings.reading import part_of, read, targets

    sightings = read(file, least=50)
    assert set(sightings.classes) == {*SPECIES, "other"}
    assert sum(len(sites) for sites in sightings.parts.values()) == 30
    for part, sites in sightings.parts.items():
        assert sites
        assert all(part_of(site.name) == part for site in sites)
    species, waits = targets(sightings.parts["test"])
    assert len(species) == len(waits) == sum(len(site) - 1 for site in sightings.parts["test"])
    assert read(file, least=50, always=("yeti",)).classes[-2:] == ("yeti", "other")


def test_a_wait_is_the_class_of_the_time_until_the_next_event():
    from sightings.reading import DAY, HOUR, Site

    site = Site("S", np.zeros(4, int), np.array([0.0, 60.0, 60.0 + HOUR, 20 * DAY]), np.zeros(4), np.ones(4))
    assert site.waits.tolist() == [0, 3, 7]
    assert site.gaps.tolist() == [DAY, 60.0, HOUR, 20 * DAY - 60 - HOUR]


def test_baselines_say_what_they_should(file):
    from sightings import baselines
    from sightings.reading import read, targets

    sightings = read(file, least=50)
    test = sightings.parts["test"]
    truth = targets(test)[0]
    for method in (baselines.overall, baselines.site_frequency, baselines.same_as_last, baselines.markov):
        for p in method(sightings, test):
            np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)
            assert (p > 0).all()
    chain = baselines.markov(sightings, test)[0]
    assert (chain.argmax(1) == truth).mean() > 0.95
    last = np.concatenate([site.species[:-1] for site in test])
    same = baselines.same_as_last(sightings, test)[0]
    np.testing.assert_allclose(same[np.arange(len(last)), last], 0.001)  # nothing is ever repeated
    assert (
        baselines.log_loss(chain, truth)
        < 0.2
        < baselines.log_loss(baselines.overall(sightings, test)[0], truth)
    )


def test_features_hold_nothing_of_what_comes_next(file):
    from sightings.baselines import features
    from sightings.reading import Site, read

    site = read(file, least=50).parts["train"][0]
    cut = Site("cut", *(getattr(site, name)[:10] for name in ("species", "times", "hours", "days")))
    np.testing.assert_array_equal(features([site], 4)[:9], features([cut], 4))


def run_main(file: Path, tmp_path: Path, *options: str) -> dict:
    pytest.importorskip("sklearn")
    from animal_sequences import main

    out = tmp_path / "out.json"
    arguments = [
        "--data",
        str(file),
        "--json",
        str(out),
        "--memories",
        "gru",
        "--seeds",
        "0",
        "--species",
        "wolf",
    ]
    main([*arguments, "--least", "50", *options])
    return json.loads(out.read_text())["methods"]


def test_every_method_is_scored(file, tmp_path, capsys):
    methods = run_main(file, tmp_path, "--rounds", "2", "--epochs", "1")
    assert list(methods) == [
        "frequency in training",
        "frequency at the site",
        "same as last",
        "Markov chain",
        "boosted trees",
        "gru",
    ]
    for (run,) in methods.values():
        assert 0 < run["loss"] < 5
        assert 0 <= run["top1"] <= 1
        assert run["species"]["wolf"]["events"] > 10
    assert "| gru |" in capsys.readouterr().out


@pytest.mark.slow
def test_a_memory_learns_the_chain_in_the_order_of_the_sites(file, tmp_path, monkeypatch):
    monkeypatch.setattr("sightings.memories.BATCH", 2)
    methods = run_main(file, tmp_path, "--rounds", "5", "--epochs", "25")
    assert methods["gru"][0]["top1"] > 0.9
    assert methods["boosted trees"][0]["loss"] < methods["frequency at the site"][0]["loss"]


@pytest.mark.parametrize(
    "text", ["", "site,datetime\nS,2020-01-01\n", "site,datetime,species\nS,then,wolf\n"]
)
def test_other_files_are_refused(text, tmp_path):
    from sightings.reading import read

    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.csv"):
        read(path)
    with pytest.raises(InputError, match="none"):
        read(tmp_path / "none.csv")
