"""Conventions of the public API: options are keyword-only, and docstrings have one format."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from public_api import callables, exports

SOURCE = Path(__file__).parents[1] / "src" / "wolfdog"
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
NAMED = (*POSITIONAL, inspect.Parameter.KEYWORD_ONLY)

SEQUENCE = {"state", "lengths", "resets", "times", "query"}
"""Tensors of a call over a sequence, which come in this order in every layer and are no options."""
EXCEPTIONS = {
    "wolfdog.GRU": "the signature of torch.nn.GRU",
    "wolfdog.LSTM": "the signature of torch.nn.LSTM",
    "wolfdog.RNN": "the signature of torch.nn.RNN",
    "wolfdog.Chunk": "the tensors of a call over a sequence, and the target",
    "wolfdog.memory.EntryHops.forward": "the values of a key-value memory, a tensor",
}
"""Public names that may have positional options after the second argument, and the reason."""


def positional_options(signature: inspect.Signature) -> list[str]:
    """Names of the options that can be given by position, after the second argument."""
    parameters = [p for p in signature.parameters.values() if p.kind in POSITIONAL]
    return [p.name for p in parameters[2:] if p.default is not p.empty and p.name not in SEQUENCE]


def test_options_are_keyword_only() -> None:
    found = {name: positional_options(signature) for name, _, signature in callables()}
    assert len(found) > 300
    assert {name for name, options in found.items() if options} == set(EXCEPTIONS)


def test_wrappers_take_their_options_by_name() -> None:
    names = {"wolfdog.Zoneout": "states", "wolfdog.Checkpointed": "every"}
    for name, _, signature in callables():
        if name in names:
            assert signature.parameters[names[name]].kind is inspect.Parameter.KEYWORD_ONLY


def test_a_positional_option_is_seen() -> None:
    def save(path: str, thing: object, compressed: bool = False) -> None: ...

    def forward(x: object, state: object = None, lengths: object = None) -> None: ...

    assert positional_options(inspect.signature(save)) == ["compressed"]
    assert positional_options(inspect.signature(forward)) == []


def undocumented(thing: Any, signature: inspect.Signature) -> list[str]:
    """Parameters that a docstring with an entry for each does not name; a single one may be in the summary."""
    names = [p.name for p in signature.parameters.values() if p.kind in NAMED]
    doc = inspect.getdoc(thing) or ""
    if len(names) < 2:
        return []
    return [name for name in names if not re.search(rf"^ +\*{{0,2}}{name}( \([^)]*\))?:", doc, re.MULTILINE)]


def test_parameters_are_documented() -> None:
    missing = {}
    for name, thing, signature in callables():
        overrides = (
            not inspect.isclass(thing) and not thing.__doc__
        )  # the base class's method has the docstring
        if not overrides and (names := undocumented(thing, signature)):
            missing[name] = names
    assert missing == {}


def test_an_undocumented_parameter_is_seen() -> None:
    def cut(text: str, length: int) -> None:
        """Beginning of a text.

        Args:
            text: The text.
        """

    assert undocumented(cut, inspect.signature(cut)) == ["length"]


def test_public_docstrings_open_with_a_noun_phrase() -> None:
    openings = {name: (thing.__doc__ or "").lstrip() for name, thing in exports().items()}
    assert [name for name, text in openings.items() if not text or re.match(r"(A|An|The)\b", text)] == []


QUESTION = re.compile(r"^(What|Who|Whom|Whose|Where|When|How|Which|Why)\b")
PROSE_RAISES = re.compile(r"\bRaises `?[A-Z]\w+(Error|Exception)\b")


def breaches(tree: ast.Module) -> Iterator[str]:
    """Breaches of the docstring format that ruff does not see: questions as openings, and errors in prose."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        doc = ast.get_docstring(node) or ""
        name = getattr(node, "name", "module")
        if QUESTION.match(doc):
            yield f"{name}: opens with a question"
        if PROSE_RAISES.search(doc):
            yield f"{name}: errors belong into a section Raises"


def test_docstrings_have_one_format() -> None:
    found = [
        f"{path.relative_to(SOURCE)}: {breach}"
        for path in sorted(SOURCE.rglob("*.py"))
        for breach in breaches(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "breach"),
    [
        ('"""What it does."""', "module: opens with a question"),
        (
            'def read():\n    """Text. Raises OSError when there is none."""',
            "read: errors belong into a section Raises",
        ),
    ],
)
def test_a_breach_of_the_format_is_seen(source: str, breach: str) -> None:
    assert list(breaches(ast.parse(source))) == [breach]
