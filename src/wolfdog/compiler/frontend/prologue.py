"""Recorded computation on parameters alone, which PyTorch replays once per call rather than once per step."""

import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..ir.printer import number as literal

_RESERVED = re.compile(r"like|torch|x|y|reset|[a-z]{1,2}\d+\w*|_.*")
"""Names that programs and kernels use."""


@dataclass(frozen=True)
class _Line:
    """One assignment; `changes` are the variables whose memory it writes."""

    results: list[str]
    expression: str
    reads: list[str]
    changes: list[str]


class ParameterCode:
    """Straight-line code from a cell's tensors, by name, to the values that a program reads.

    `source()` is that code as Python; `run` executes it, under autograd as any PyTorch.
    """

    def __init__(self) -> None:
        self.names: list[str] = []  # the cell's tensors, by name
        self.outputs: list[str] = []
        self._results: list[str] = []
        self._arguments: dict[str, str] = {}  # the variables of `names`
        self._lines: list[_Line] = []
        self._variables: list[str] = []
        self._compiled: Callable[..., tuple[Tensor, ...]] | None = None

    def given(self, name: str) -> int:
        """Number of one of the cell's tensors."""
        variable = "".join(c if f"a{c}".isidentifier() else "_" for c in name)
        taken = set(self._arguments.values())
        while (
            not variable.isidentifier()  # as in a Sequential, whose first weight is "0.weight"
            or variable in taken
            or keyword.iskeyword(variable)
            or _RESERVED.fullmatch(variable)
        ):
            variable = f"at_{variable}"
        self.names.append(name)
        self._arguments[name] = variable
        return self._new(variable)

    def constant(self, tensor: Tensor) -> int:
        """Number of a constant."""

        def show(item: Any) -> str:
            if isinstance(item, list):
                return f"[{', '.join(show(part) for part in item)}]"
            return literal(item) if isinstance(item, float) else repr(item)

        return self.expression(f"torch.tensor({show(tensor.tolist())}, dtype={tensor.dtype}, device='cpu')")

    def expression(self, expression: str, *reads: str) -> int:
        """Number of the result of an expression."""
        name = f"p{len(self._variables)}"
        self._lines.append(_Line([name], expression, list(reads), []))
        return self._new(name)

    def in_format(self, number: int, dtype: torch.dtype, wanted: torch.dtype) -> int:
        """Number of a value converted to the number format of the kernels."""
        variable = self._variables[number]
        return number if dtype is wanted else self.expression(f"{variable}.to({wanted})", variable)

    def record(
        self,
        func: Any,
        args: Any,
        kwargs: Any,
        number: Callable[[Tensor], int],
        count: int,
        changes: Sequence[int] = (),
    ) -> int:
        """Record an operation with `count` results, which writes into the memory of `changes`.

        Returns the number of its first result.
        """
        reads: list[str] = []

        def show(argument: Any) -> str:
            if isinstance(argument, Tensor):
                reads.append(self._variables[number(argument)])
                return reads[-1]
            if isinstance(argument, list | tuple):
                return f"[{', '.join(show(item) for item in argument)}]"
            if isinstance(argument, torch.device):
                return f"torch.device({str(argument)!r})"
            return literal(argument) if isinstance(argument, float) else repr(argument)

        name = func.name().replace("::", ".")
        name = name if func._overloadname != "default" else name + ".default"
        shown = [show(a) for a in args] + [f"{key}={show(a)}" for key, a in kwargs.items()]
        returns, first = func._schema.returns, len(self._variables)
        results = names = [f"p{first + i}" for i in range(count)]
        if len(returns) == 1 and str(returns[0].type).startswith("List"):
            results, names = [f"p{first}_all"], [f"p{first}_all[{i}]" for i in range(count)]
        written = [self._variables[change] for change in changes]
        called = f"torch.ops.{name}({', '.join(shown)})"
        if name == "aten.t.default":
            called = f"{shown[0]}.t()"  # the same operation; calls of a method cost less
        self._lines.append(_Line(results, called, reads, written))
        self._variables += names
        return first

    def use(self, number: int) -> str:
        """Make a value an output of the code; returns its name in the program."""
        variable = self._variables[number]
        if variable not in self.outputs:
            self.outputs.append(variable)
        return _identifier(variable)

    def finished(self) -> "ParameterCode":
        """Code without the lines and names that no output needs."""
        needed, lines = {_base(name) for name in self.outputs}, []
        for line in reversed(self._lines):
            if needed & {*line.results, *(_base(name) for name in line.changes)}:
                needed |= {_base(name) for name in line.reads}
                lines.append(line)
        self._lines = lines[::-1]
        self.names = [name for name in self.names if self._arguments[name] in needed]
        return self

    def source(self) -> str:
        """The code, as a Python function."""
        head = f"def parameters({', '.join(self._arguments[name] for name in self.names)}):"
        body = [f"    {', '.join(line.results)} = {line.expression}" for line in self._lines]
        return "\n".join([head, *body, f"    return ({''.join(name + ', ' for name in self.outputs)})"])

    def run(self, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The values that the program reads, by name, from the cell's tensors by name."""
        values = self.function()(*[named[name] for name in self.names])
        return dict(zip(self.results(), values, strict=True))

    def function(self) -> Callable[..., tuple[Tensor, ...]]:
        """The code as a function of the tensors in `names`, to those in `results()`."""
        if self._compiled is None:
            scope: dict[str, Any] = {"torch": torch}
            exec(self.source(), scope)  # our own text, made from the recorded calls
            self._compiled = scope.pop("parameters")
        return self._compiled

    def results(self) -> list[str]:
        """The names of the values that the program reads."""
        if len(self._results) != len(self.outputs):
            self._results = [_identifier(name) for name in self.outputs]
        return self._results

    def _new(self, variable: str) -> int:
        self._variables.append(variable)
        return len(self._variables) - 1


def _identifier(variable: str) -> str:
    return variable.replace("[", "_").replace("]", "")


def _base(variable: str) -> str:
    return variable.split("[")[0]
