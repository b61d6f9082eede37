"""What a cell computes from its parameters alone, recorded to be replayed by PyTorch: once a call, not once a step."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class ParameterCode:
    """Straight-line code from a cell's tensors, by name, to the values a program reads.

    `source()` is that code as Python; `run` executes it, under autograd as any PyTorch.
    """

    def __init__(self) -> None:
        self.names: list[str] = []  # the cell's tensors, by name
        self.constants: list[Tensor] = []
        self.outputs: list[str] = []
        self._lines: list[tuple[list[str], str, list[str]]] = []  # results, expression, what it reads
        self._variables: list[str] = []
        self._functions: dict[str, Any] = {}
        self._compiled: Callable[..., tuple[Tensor, ...]] | None = None

    def given(self, name: str) -> int:
        """Number of one of the cell's tensors."""
        self.names.append(name)
        self._variables.append(_identifier(name))
        return len(self._variables) - 1

    def constant(self, tensor: Tensor) -> int:
        """Number of a constant of one element."""
        self.constants.append(tensor)
        self._variables.append(f"torch.tensor({tensor.item()!r}, dtype={tensor.dtype})")
        return len(self._variables) - 1

    def record(self, func: Any, args: Any, kwargs: Any, number: Callable[[Tensor], int], where: str) -> int:
        """Add an operation; the number of its first result."""
        reads: list[str] = []

        def show(argument: Any) -> str:
            if isinstance(argument, Tensor):
                reads.append(self._variables[number(argument)])
                return reads[-1]
            if isinstance(argument, list | tuple):
                return f"[{', '.join(show(item) for item in argument)}]"
            if isinstance(argument, torch.device):
                return f"torch.device({str(argument)!r})"
            return repr(argument)

        name = func.name().replace("::", ".")
        name = name if func._overloadname != "default" else name + ".default"
        shown = [show(a) for a in args] + [f"{key}={show(a)}" for key, a in kwargs.items()]
        count = len(func._schema.returns)
        returns_list = count == 1 and str(func._schema.returns[0].type).startswith("List")
        first = len(self._variables)
        names = [f"p{first + i}" for i in range(64 if returns_list else count)]
        if returns_list:
            self._lines.append(([f"p{first}_all"], f"torch.ops.{name}({', '.join(shown)})", reads))
            names = [f"p{first}_all[{i}]" for i in range(64)]
        else:
            self._lines.append((names, f"torch.ops.{name}({', '.join(shown)})", reads))
        self._variables += names
        return first

    def use(self, number: int) -> str:
        """Make a number one of the values that the program reads, and get the name it has there."""
        variable = self._variables[number]
        if variable not in self.outputs:
            self.outputs.append(variable)
        return _identifier(variable)

    def finished(self) -> "ParameterCode":
        """This code without the lines and names that no output needs."""
        needed, lines = {_base(name) for name in self.outputs}, []
        for results, expression, reads in reversed(self._lines):
            if needed & set(results):
                needed |= {_base(name) for name in reads}
                lines.append((results, expression, reads))
        self._lines = lines[::-1]
        self.names = [name for name in self.names if _identifier(name) in needed]
        return self

    def source(self) -> str:
        """The code, as a Python function."""
        head = f"def parameters({', '.join(_identifier(name) for name in self.names)}):"
        body = [f"    {', '.join(results)} = {expression}" for results, expression, _ in self._lines]
        return "\n".join([head, *body, f"    return ({''.join(name + ', ' for name in self.outputs)})"])

    def run(self, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The values that the program reads, by name, from the cell's tensors by name."""
        values = self.function()(*(named[name] for name in self.names))
        return dict(zip(self.results(), values, strict=True))

    def function(self) -> Callable[..., tuple[Tensor, ...]]:
        """The code as a function of the tensors in `names`, to those in `results()`."""
        if self._compiled is None:
            scope: dict[str, Any] = {"torch": torch}
            exec(self.source(), scope)  # our own text, made from the recorded calls
            self._compiled = scope["parameters"]
        return self._compiled

    def results(self) -> list[str]:
        """The names of the values that the program reads."""
        return [_identifier(name) for name in self.outputs]


def _identifier(name: str) -> str:
    kept = "".join(c if c.isalnum() else "_" for c in name)
    return kept if not kept[:1].isdigit() else "_" + kept


def _base(variable: str) -> str:
    return variable.split("[")[0]
