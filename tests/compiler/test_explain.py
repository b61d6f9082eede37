"""The page on the compiler: the programs that it shows are those of its cell."""

import re
from pathlib import Path

import wolfdog as wd
from wolfdog.compiler.backends.llvm.target import target
from wolfdog.compiler.explain import STAGES

PAGE = Path(__file__).parents[2] / "docs/explanation/compiler.md"


def test_the_page_shows_what_the_compiler_makes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    definition = re.search(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert definition is not None
    names: dict[str, object] = {"__name__": "__docs__"}
    exec(definition.group(1), names)
    layer = names["layer"]
    assert isinstance(layer, wd.Recurrent)
    shown = "\n".join(wd.show(layer, stage) for stage in STAGES)
    blocks = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        if "store(" not in block or target(32).lanes == 16:  # source code depends on the width of vectors
            assert block in shown
