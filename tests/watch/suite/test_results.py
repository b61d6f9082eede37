"""The file of the suite's runs: what it gives back, and damaged ones."""

import json
from dataclasses import asdict

import pytest

from wolfdog.errors import InputError
from wolfdog.tv.events import load_event_world
from wolfdog.watch.suite import SUITE_GAPS, SuiteRun, SuiteSettings, read_runs
from wolfdog.watch.suite.results import write_runs

EMPTY = (None,) * len(SUITE_GAPS)
RUN = SuiteRun(
    world="parity",
    memory="gru",
    seed=2**63,
    shortfall=0.1,
    by_gap=(0.1, *EMPTY[1:]),
    by_fact=((0.1, *EMPTY[1:]),),
    counts=(7,) * len(SUITE_GAPS),
    accuracy=0.9,
    ideal=1 + 2e-16,
    learned=None,
    seconds=1.5,
    parameters=100,
    digest=load_event_world("parity").digest,
)


def written(path, change=lambda data: None):
    """A file of one run, with a change."""
    write_runs(path, SuiteSettings(), [RUN])
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_runs_are_given_back(tmp_path):
    written(tmp_path / "suite.json")
    assert read_runs(tmp_path / "suite.json", SuiteSettings()) == {("parity", "gru", 2**63): RUN}
    assert read_runs(tmp_path / "none.json", SuiteSettings()) == {}


def test_runs_without_a_digest_are_of_the_world_of_wolfdog(tmp_path):
    written(tmp_path / "suite.json", lambda data: data["runs"][0].pop("digest"))
    assert read_runs(tmp_path / "suite.json", SuiteSettings()) == {("parity", "gru", 2**63): RUN}
    own = {**asdict(RUN), "world": "mine"}
    del own["digest"]
    written(tmp_path / "suite.json", lambda data: data.update(runs=[own]))
    (run,) = read_runs(tmp_path / "suite.json", SuiteSettings()).values()
    assert run.digest == ""


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("shortfall", "x", "run 1: shortfall: expected a number from 0 to 1, got 'x'"),
        ("shortfall", float("nan"), "shortfall: expected a number from 0 to 1, got nan"),
        ("accuracy", 2, "accuracy: expected a number from 0 to 1, got 2"),
        ("seconds", True, "seconds: expected a number"),
        ("counts", [], "counts: expected a list of 6, got []"),
        ("counts", [0.5] * len(SUITE_GAPS), "counts: expected a whole number, got 0.5"),
        ("by_gap", [None], "by_gap: expected a list of 6"),
        ("by_gap", ["x"] * len(SUITE_GAPS), "by_gap: expected a number"),
        ("by_fact", [], "by_fact: expected a list for each fact, got []"),
        ("by_fact", [3], "by_fact: expected a list of 6, got 3"),
        ("seed", -1, "seed: expected a whole number, got -1"),
        ("world", 3, "world: expected a text, got 3"),
        ("digest", None, "digest: expected a text, got None"),
    ],
)
def test_a_damaged_part_is_named(key, value, said, tmp_path):
    written(tmp_path / "suite.json", lambda data: data["runs"][0].update({key: value}))
    with pytest.raises(InputError) as caught:
        read_runs(tmp_path / "suite.json", SuiteSettings())
    assert said.replace("of 6", f"of {len(SUITE_GAPS)}") in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'suite.json'}: damaged")
    assert str(caught.value).endswith("Choose another folder, or remove the file.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data["runs"][0].pop("seed"), "'seed' is missing"),
        (lambda data: data.pop("runs"), "'runs' is missing"),
        (lambda data: data.update(runs=[3]), "a part is of a wrong kind"),
        (lambda data: data.update(gaps=[[1, 2]]), "other settings"),
        (
            lambda data: data["runs"].append({**data["runs"][0], "seed": 1, "by_fact": 2 * [EMPTY]}),
            "different worlds of one name",
        ),
    ],
)
def test_a_damaged_file_is_named(change, said, tmp_path):
    written(tmp_path / "suite.json", change)
    with pytest.raises(InputError, match=said):
        read_runs(tmp_path / "suite.json", SuiteSettings())
