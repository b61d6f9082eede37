"""State of torch.compile while it makes a graph: guards that are added, and changes that the graph makes."""

from collections.abc import Callable
from typing import Any

from torch import Tensor


def add_guard(holds: Callable[[], bool], text: str) -> None:
    """Add a guard to the graph that torch.compile is making; it is checked after PyTorch's own.

    Args:
        holds: Function that says whether the graph may run.
        text: The condition in words, for the log of recompilations.
    """
    from torch._dynamo.guards import install_guard
    from torch._dynamo.source import GlobalStateSource

    def WOLFDOG_STEP(builder: Any, guard: Any) -> None:  # noqa: N802  # a kind of guard, as PyTorch names them
        guard.set_export_info("ID_MATCH", None, [], None)  # of those that are not saved with a graph
        builder.guard_manager.root.add_epilogue_lambda_guard(lambda scope: holds(), [text], None)

    install_guard(GlobalStateSource().make_guard(WOLFDOG_STEP))


class PendingChanges:
    """Changes that traced code has made so far: torch.compile applies them when the graph has run, not before."""

    def __init__(self) -> None:
        from torch._dynamo.symbolic_convert import InstructionTranslator
        from torch._dynamo.variables import NewGlobalVariable

        effects = InstructionTranslator.current_tx().output.side_effects
        self._attributes = effects.store_attr_mutations
        known = effects.id_to_variable.items()
        self._changed = {
            key: var for key, var in known if var.mutation_type is not None and effects.is_modified(var)
        }
        stored = [var for var in self._changed.values() if isinstance(var, NewGlobalVariable)]
        self.globals = {name for var in stored for name in self._attributes.get(var, {})}

    def __bool__(self) -> bool:
        return bool(self._changed)

    def of(self, value: object) -> bool:
        """Whether an object is changed."""
        return id(value) in self._changed

    def attributes(self, of: object) -> dict[str, "Tensor | None"]:
        """Attributes of an object that get another value: a stand-in for a tensor, None for anything else."""
        var = self._changed.get(id(of))
        stored = {} if var is None else self._attributes.get(var, {})
        return {name: _tensor(value) for name, value in stored.items()}


def _tensor(value: Any) -> Tensor | None:
    """Stand-in for the tensor that traced code computes; None where a value is no tensor."""
    from torch._dynamo.variables import TensorVariable

    if not isinstance(value, TensorVariable):
        return None
    found: Tensor | None = value.as_proxy().node.meta.get("example_value")
    return found
