"""Every example in a docstring runs and says what it prints."""

import doctest
import importlib
import pkgutil

import pytest

import wolfdog

MODULES = ["wolfdog", *(info.name for info in pkgutil.walk_packages(wolfdog.__path__, "wolfdog."))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_doctests(name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(module)
    assert failed == 0


def test_the_units_have_examples() -> None:
    finder = doctest.DocTestFinder()
    for cell in (
        wolfdog.cells.LSTMCell,
        wolfdog.cells.FourGateLSTMCell,
        wolfdog.cells.GRUCell,
        wolfdog.Recurrent,
    ):
        assert any(test.examples for test in finder.find(cell)), cell


def test_a_wrong_example_is_seen() -> None:
    parser = doctest.DocTestParser()
    test = parser.get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    failed, _ = doctest.DocTestRunner(verbose=False).run(test, out=lambda text: None)
    assert failed == 1
