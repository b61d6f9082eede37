"""Coverage-guided fuzzing of each parser: its valid files are read; faults are found and said."""

import os

import pytest

import coverage_fuzzing
import hostile_inputs
from coverage_fuzzing import SUFFIXES, campaign, seeds, target


@pytest.mark.parametrize("parser", SUFFIXES)
def test_valid_files_are_read(parser, tmp_path):
    read = target(parser, tmp_path)
    found = seeds(parser, tmp_path / "seeds")
    assert found
    for data in found:
        assert set(read(data)) == {None}


def test_faults_are_seen(tmp_path, monkeypatch):
    def broken(path):
        raise KeyError(path.read_text())

    monkeypatch.setattr(hostile_inputs, "readers", lambda path: [broken])
    assert target("megadetector", tmp_path)(b"{}") == ["? KeyError: '{}'"]


@pytest.mark.soak
def test_a_fault_ends_up_in_the_report(tmp_path, monkeypatch):
    """The process of a campaign is this file's own, whose readers refuse every file by an error of Python."""
    pytest.importorskip("atheris")
    script = tmp_path / "broken.py"
    script.write_text(
        "import runpy, sys, hostile_inputs\n"
        "def broken(path):\n    raise KeyError('a fault')\n"
        "hostile_inputs.readers = lambda path: [broken]\n"
        f"runpy.run_path({coverage_fuzzing.__file__!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(coverage_fuzzing, "__file__", str(script))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(["src", "tests/support", os.environ.get("PYTHONPATH", "")])
    )
    count, faults = campaign("megadetector", 2, tmp_path / "fuzz")
    assert count > 10
    assert len(faults) == 1
    assert "a fault" in faults[0]


@pytest.mark.soak
@pytest.mark.parametrize("parser", SUFFIXES)
def test_fuzzing_finds_no_fault(parser, tmp_path):
    """For an hour, or for as many seconds as WOLFDOG_FUZZ_SECONDS says."""
    pytest.importorskip("atheris")
    seconds = int(os.environ.get("WOLFDOG_FUZZ_SECONDS", "3600"))
    count, faults = campaign(parser, seconds, tmp_path / "fuzz")
    print(f"{parser}: {count:,} files read in {seconds} s")
    assert faults == []
    assert count > 10
