"""ONNX nodes of special functions, by the compiler's formulas."""

from collections.abc import Callable

from ....compiler.ir.special_functions import FORMULAS
from .graph import Graph

_FUNCTIONS = {
    "abs": "Abs", "cos": "Cos", "exp": "Exp", "floor": "Floor", "log": "Log", "round": "Round", "sin": "Sin",
    "sqrt": "Sqrt",
}  # fmt: skip
_TESTS = {"<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual", "==": "Equal"}

Log1p = Callable[[str], str]


class Node:
    """Number of a graph, with Python's operators; see `compiler.ir.special_functions.Number`.

    Args:
        graph: The graph.
        name: Name of the number in it.
        log1p: Function that adds nodes of log(1 + x), which ONNX lacks.
    """

    def __init__(self, graph: Graph, name: str, log1p: Log1p) -> None:
        self.graph, self.name, self._log1p = graph, name, log1p

    @property
    def bits(self) -> int:
        """Bits of the graph's numbers."""
        return 8 * self.graph.dtype.itemsize

    def _of(self, other: "Node | float") -> str:
        return other.name if isinstance(other, Node) else self.graph.number(other)

    def _new(self, name: str) -> "Node":
        return Node(self.graph, name, self._log1p)

    def __add__(self, other: "Node | float") -> "Node":
        return self._new(self.graph("Add", self.name, self._of(other)))

    def __sub__(self, other: "Node | float") -> "Node":
        return self._new(self.graph("Sub", self.name, self._of(other)))

    def __rsub__(self, other: float) -> "Node":
        return self._new(self.graph("Sub", self._of(other), self.name))

    def __mul__(self, other: "Node | float") -> "Node":
        return self._new(self.graph("Mul", self.name, self._of(other)))

    def __truediv__(self, other: "Node | float") -> "Node":
        return self._new(self.graph("Div", self.name, self._of(other)))

    def __rtruediv__(self, other: float) -> "Node":
        return self._new(self.graph("Div", self._of(other), self.name))

    def __neg__(self) -> "Node":
        return self._new(self.graph("Neg", self.name))

    def constant(self, number: float) -> "Node":
        """Constant of the graph."""
        return self._new(self.graph.number(number))

    def apply(self, name: str) -> "Node":
        """Elementary function of the number."""
        if name == "log1p":
            return self._new(self._log1p(self.name))
        return self._new(self.graph(_FUNCTIONS[name], self.name))

    def test(self, comparison: str, other: "Node | float") -> str:
        """Mask of a comparison."""
        return self.graph(_TESTS[comparison], self.name, self._of(other))

    def choose(self, mask: str, otherwise: "Node | float") -> "Node":
        """The number where the mask is true, else another one."""
        return self._new(self.graph("Where", mask, self.name, self._of(otherwise)))


def special_function(graph: Graph, function: str, x: str, log1p: Log1p) -> str:
    """Name of a special function's value in a graph.

    Args:
        graph: The graph.
        function: Name of the function among the compiler's formulas.
        x: Name of its argument.
        log1p: Function that adds nodes of log(1 + x).
    """
    result: Node = FORMULAS[function](Node(graph, x, log1p))
    return result.name
