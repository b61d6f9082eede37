"""Every block of Python in README.md and docs/ runs; the blocks of one file share their names, in order."""

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```(\S*)", re.MULTILINE)


def run_page(text: str, name: str) -> int:
    """Runs the blocks of one page, with its line numbers in errors, and returns how many there were."""
    names: dict[str, object] = {"__name__": "__docs__"}
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        above = text[: block.start(1)].count("\n")
        torch.manual_seed(0)
        exec(compile("\n" * above + block.group(1), name, "exec"), names)
    return len(blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    assert run_page(text, str(page)) == text.count("```python")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_says_what_it_is(page: Path) -> None:
    opening = FENCE.findall(page.read_text(encoding="utf-8"))[::2]
    assert set(opening) <= {"python", "text", "console", "toml", "json", "csv"}


def test_the_pages_of_the_library_are_among_them() -> None:
    assert {"README.md", "cells.md", "recurrent.md"} <= {page.name for page in PAGES}


def test_a_wrong_example_is_seen() -> None:
    with pytest.raises(AssertionError):
        run_page("```python\nx = 1\n```\ntext\n```python\nassert x == 2\n```\n", "wrong")


def test_no_block_is_passed_over() -> None:
    assert (
        run_page("```python\nx = 1\n```\n\n```text\nraise\n```\n\n```python\nassert x == 1\n```\n", "two")
        == 2
    )
