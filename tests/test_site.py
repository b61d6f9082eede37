"""The reference has every public name; links of the pages outside the site lead somewhere; the README is short."""

import re
from pathlib import Path

import pytest

import wolfdog as wd
from wolfdog import watch

ROOT = Path(__file__).parents[1]
API = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/reference/api").glob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#([^)\s]*))?\)")


def documented(prefix: str) -> set[str]:
    return set(re.findall(rf"^::: {re.escape(prefix)}\.(\w+)$", API, re.MULTILINE))


def test_the_reference_has_every_cell_and_memory() -> None:
    assert documented("wolfdog.cells") == set(wd.cells.__all__)
    assert documented("wolfdog.memory") == set(wd.memory.__all__)


def test_the_reference_has_every_name_of_the_watcher() -> None:
    assert documented("wolfdog.watch") == set(watch._MODULES)


def test_the_reference_has_every_error() -> None:
    errors = {name for name, value in vars(wd.errors).items() if isinstance(value, type)}
    assert documented("wolfdog.errors") == errors


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made from their words."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken_links(page: Path) -> list[str]:
    broken = []
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}" if anchor else path)
    return broken


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_lead_somewhere(name: str) -> None:
    assert broken_links(ROOT / name) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](page.md#a-title) [b](page.md#other) [c](none.md)", encoding="utf-8")
    assert broken_links(page) == ["page.md#other", "none.md"]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 600


def missing_files(text: str) -> list[str]:
    """Paths in backticks, below the top folder or src/wolfdog, that do not exist."""
    paths = re.findall(r"`([\w./-]+(?:/|\.py|\.md|\.toml|\.txt))`", text)
    package = ROOT / "src" / "wolfdog"
    places = (ROOT, package, package / "compiler" / "frontend" / "aten", ROOT / "tests" / "support")
    return [path for path in paths if "NAME" not in path and not any((at / path).exists() for at in places)]


def test_the_recipes_name_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert missing_files(text) == []


def test_a_missing_file_is_seen() -> None:
    assert missing_files("`cells/lstm.py`, `cells/NAME.py`, `cells/none.py`, `tests/`") == ["cells/none.py"]
