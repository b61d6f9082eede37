"""Names of a cell's intermediate tensors: local variables of its functions, read when they return."""

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
_NOT_USER_CODE = (
    "<frozen",
    f"{Path(torch.__file__).parent}{os.sep}",
    f"{Path(__file__).parents[1]}{os.sep}",
    f"{Path(__file__).parents[2] / 'compiler'}{os.sep}",
)


class Local(NamedTuple):
    """Local variable of a function that ran in a step.

    Attributes:
        module: Dotted name of the module whose method the function is, "" for the cell; None for a plain function.
        function: Qualified name of the function.
        variable: Name of the variable, followed by a dot and the index for an element of a tuple.
    """

    module: str | None
    function: str
    variable: str


@contextmanager
def recorded(cell: nn.Module, given: Sequence[Tensor]) -> Iterator["Recorder"]:
    """Context that records the named tensors of a cell's run except `given`; the last one of each name."""
    recorder = Recorder(cell, given)
    before = sys.getprofile()
    sys.setprofile(recorder)
    try:
        yield recorder
    finally:
        sys.setprofile(before)


def names_of(local: Sequence[Local]) -> dict[Local, str]:
    """Shortest distinct names of local variables.

    Variables of the cell's own functions have no prefix, those of another module have its name, and, in a conflict,
    those of a function have the function's name. If two functions of one module use one name, the first to run gets it.

    Examples:
        >>> i, mean = Local("", "Cell.forward", "i"), Local("norm", "Norm.forward", "mean")
        >>> list(names_of([i, Local("", "Cell.mix", "i"), mean]).values())
        ['i', 'mix.i', 'norm.mean']
    """
    names: dict[Local, str] = {}
    taken: set[str] = set()
    for one in local:
        *_, owner, function = ("", *one.function.split("<locals>.")[-1].split("."))
        label = function if function != "forward" else owner
        if one.module is None:
            candidates = [f"{function}.{one.variable}"]
        else:
            front = f"{one.module}." if one.module else ""
            candidates = [f"{front}{one.variable}", f"{front}{label}.{one.variable}"]
        candidates.append(f"{one.function}.{one.variable}")
        names[one] = next((name for name in candidates if name not in taken), candidates[-1])
        taken.add(names[one])
    return names


class Recorder:
    """Profiling callback that records named tensors in `found`."""

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
        """Recorded tensors; those of an outer function before those of an inner one."""
        return {local: self.found[local] for local in sorted(self.found, key=self._called.__getitem__)}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            if self._root is None and self._is_step(frame):
                self._root = frame
            if self._root is not None and _is_user_code(frame):
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
            if arguments.get(name) == id(value):  # an argument that was not reassigned
                continue
            for variable, tensor in _tensors(name, value):
                if id(tensor) not in self.given:
                    local = Local(module, frame.f_code.co_qualname, variable)
                    self.found[local] = tensor
                    self._called.setdefault(local, call)


def _first(frame: FrameType) -> object:
    """First argument of a function, which is `self` in a method."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _is_user_code(frame: FrameType) -> bool:
    """Whether a frame belongs to a named function of the cell's author, not to Python, torch or wolfdog."""
    file = frame.f_code.co_filename
    if frame.f_code.co_name.startswith("<") or file.startswith(_NOT_USER_CODE):
        return False
    return "site-packages" in file or not file.startswith(_PYTHON)


def _tensors(name: str, value: object) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            if isinstance(part, Tensor):
                yield f"{name}.{number}", part
