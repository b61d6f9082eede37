"""The names that a cell's own source gives to what it computes: local variables, read when a function returns."""

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..cell.wrapper import innermost

_PYTHON = sysconfig.get_paths()["stdlib"] + os.sep
_OTHERS = (
    "<frozen",
    f"{Path(torch.__file__).parent}{os.sep}",
    f"{Path(__file__).parents[1]}{os.sep}",
    f"{Path(__file__).parents[2] / 'compiler'}{os.sep}",
)


class Local(NamedTuple):
    """A local variable of a function that ran in a step.

    module    dotted name of the module that the function is a method of, "" for the cell; None for no module's
    function  qualified name of the function
    variable  its name, with a number behind a dot for an element of a tuple
    """

    module: str | None
    function: str
    variable: str


@contextmanager
def watched(cell: nn.Module, given: Sequence[Tensor]) -> Iterator["Watch"]:
    """Collects the tensors that get a name while the cell runs, but for those `given`; the last of each name."""
    watch = Watch(cell, given)
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield watch
    finally:
        sys.setprofile(before)


def names_of(local: Sequence[Local]) -> dict[Local, str]:
    """Names for a reader, in which nothing is said that is not needed to tell them apart.

    Variables of the cell's own functions stand alone; those of another module behind its name, and those of a function
    behind the function's. Where two functions of one module use one name, the one that ran first has it.

    >>> names_of([Local("", "Cell.forward", "i"), Local("", "Cell.mix", "i"), Local("norm", "Norm.forward", "mean")])
    ... # doctest: +NORMALIZE_WHITESPACE
    {Local(module='', function='Cell.forward', variable='i'): 'i',
     Local(module='', function='Cell.mix', variable='i'): 'mix.i',
     Local(module='norm', function='Norm.forward', variable='mean'): 'norm.mean'}
    """
    names: dict[Local, str] = {}
    taken: set[str] = set()
    for one in local:
        *_, owner, function = ("", *one.function.split("<locals>.")[-1].split("."))
        said = function if function != "forward" else owner
        if one.module is None:
            candidates = [f"{function}.{one.variable}"]
        else:
            front = f"{one.module}." if one.module else ""
            candidates = [f"{front}{one.variable}", f"{front}{said}.{one.variable}"]
        candidates.append(f"{one.function}.{one.variable}")
        names[one] = next((name for name in candidates if name not in taken), candidates[-1])
        taken.add(names[one])
    return names


class Watch:
    """What is called when functions are called and return; `found` is what was named so far."""

    def __init__(self, cell: nn.Module, given: Sequence[Tensor]) -> None:
        self.cell = cell
        self.modules = {id(module): name for name, module in innermost(cell).named_modules()}
        self.given = {id(tensor) for tensor in given}
        self.found: dict[Local, Tensor] = {}
        self._code = getattr(cell.forward, "__code__", None)
        self._arguments: dict[FrameType, tuple[int, dict[str, int]]] = {}
        self._calls = 0
        self._called: dict[Local, int] = {}
        self._root: FrameType | None = None

    def in_order(self) -> dict[Local, Tensor]:
        """What was found, what the outer function names before what the inner one does."""
        return {local: self.found[local] for local in sorted(self.found, key=self._called.__getitem__)}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            if self._root is None and self._is_step(frame):
                self._root = frame
            if self._root is not None and _is_theirs(frame):
                self._calls += 1
                given = {name: id(value) for name, value in frame.f_locals.items()}
                self._arguments[frame] = self._calls, given
        elif event == "return" and frame in self._arguments:
            self._take(frame, *self._arguments.pop(frame))
            if frame is self._root:
                self._root = None

    def _is_step(self, frame: FrameType) -> bool:
        return frame.f_code is self._code or (
            frame.f_code.co_name == "forward" and _first(frame) is self.cell
        )

    def _take(self, frame: FrameType, call: int, arguments: dict[str, int]) -> None:
        first = _first(frame)
        module = self.modules.get(id(first)) if isinstance(first, nn.Module) else None
        for name, value in list(frame.f_locals.items()):
            if arguments.get(name) == id(value):  # handed in, and not bound anew
                continue
            for variable, tensor in _tensors(name, value):
                if id(tensor) not in self.given:
                    local = Local(module, frame.f_code.co_qualname, variable)
                    self.found[local] = tensor
                    self._called.setdefault(local, call)


def _first(frame: FrameType) -> object:
    """The first argument of a function, which is `self` in a method."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _is_theirs(frame: FrameType) -> bool:
    """Whether this is a function of the cell's author, with a name: not Python's, torch's or ours around the cell."""
    file = frame.f_code.co_filename
    if frame.f_code.co_name.startswith("<") or file.startswith(_OTHERS):
        return False
    return "site-packages" in file or not file.startswith(_PYTHON)


def _tensors(name: str, value: object) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            if isinstance(part, Tensor):
                yield f"{name}.{number}", part
