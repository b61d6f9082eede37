"""Runner within torch.compile: PyTorch computes the inputs of the loop, and the loop is one operator of the graph.

Decisions that depend on the cell alone are made while the graph is made, by functions whose results are constants of
the graph.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import reduce
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ...compiler.ir.printer import show
from ...compiler.ragged import zero_padding
from ..cell.protocol import Returns, initial_state
from ..cell.recurrent_dropout import fresh_dropout_masks
from ..cell.rng import generators, replayed
from ..cell.state import State, rebuilt, structure, tensors, transform
from .compiled import CompiledRunner
from .eager import EagerRunner
from .graph_guards import GraphWatch
from .precision import Precision
from .scan import dynamic, scan_steps


class _Plans:
    """Plans by number, as attributes: torch.compile sees attributes that are added later, but not items of a dict."""


PLANS = 256
"""Plans that are kept; the oldest goes first."""


_plans = _Plans()


class GraphRunner:
    """Runner of a cell within a graph of torch.compile; by the eager loop within the graph if it cannot be compiled.

    Args:
        layer: The layer, whose graph has a guard over all that a step reads.
        cell: The cell.
        returns: As of `Recurrent`.
        kernels: Whether kernels may run.
    """

    def __init__(self, layer: Any, cell: nn.Module, returns: Returns | None, *, kernels: bool = True) -> None:
        self.layer, self.cell, self.kernels = layer, cell, kernels
        self.eager = EagerRunner(cell, returns)

    @property
    def backend(self) -> str:
        """Backend of the cell, as of `CompiledRunner.backend`."""
        return "llvm"

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Output and state after one event, as of `EagerRunner.step`, by operators that torch.compile compiles."""
        return self.eager.step(event, state)

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """Outputs and last state over a sequence, as of `EagerRunner.sequence`."""
        if (
            torch.is_autocast_enabled("cpu") and x.device.type == "cpu"
        ):  # as CompiledRunner: nothing is rounded
            held = chain(self.cell.parameters(), self.cell.buffers())
            dtype = next((t.dtype for t in held if t.is_floating_point()), x.dtype)
            x = x.to(dtype) if x.is_floating_point() else x
            state = None if state is None else transform(lambda t: t.to(dtype), state)
        if torch.compiler.is_exporting():  # an exported program consists of PyTorch's operators
            return self._exported(x, state, lengths, resets)
        # The length of a range makes a constant of a symbolic size: torch.compile(dynamic=True) has no others here.
        features = [len(range(n)) for n in x.shape[2:]]
        number, given = 0, None if state is None else form_of(state)
        if self.kernels and _alike(x, state):
            number = self.layer._plan_in_graph(features, str(x.dtype), resets is not None, given)
        if number == 0 or x.shape[0] == 0 or x.shape[1] == 0:
            return self.eager.sequence(x, state, lengths, resets)
        plan = planned(number)
        fresh = self._zero(x, plan)
        before = fresh if state is None else state
        named: dict[str, Any] = {
            name: reduce(getattr, name.split("."), self.cell) for name in (*plan.names, *plan.rows)
        }
        states, anew = list(tensors(before)), list(tensors(fresh))
        if lengths is not None:
            x = zero_padding(x, lengths)
        for name, value in named.items():  # a number that changes from call to call is an argument of kernels
            named[name] = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=plan.dtype)
        y, after = run_planned(plan, named, x, states, lengths, resets, anew)
        return y, rebuilt(before, after)

    def _exported(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """Outputs and last state by the unrolled loop, or by a scan for a dynamic number of steps; without autocast."""
        start = initial_state(self.cell, x.shape[1]) if state is None else state
        # No context where there is nothing to disable: programs with a scan inside one cannot be saved.
        with torch.autocast("cpu", enabled=False) if torch.is_autocast_enabled("cpu") else nullcontext():
            if start is not None and dynamic(x.shape[0]):
                if self.eager.returns is None:  # found out here, since the body of a scan has no side effects
                    self.eager.step(x[0], start)
                return scan_steps(self.eager.step_after_reset, x, start, lengths, resets)
            return self.eager.sequence(x, state, lengths, resets)

    def _zero(self, x: Tensor, plan: Any) -> State:
        state = initial_state(self.cell, x.shape[1])
        if state is not None:
            return state
        return transform(lambda t: t.new_zeros(x.shape[1], *t.shape[1:]), plan.zero)


def run_planned(
    plan: Any,
    named: Mapping[str, Tensor],
    x: Tensor,
    states: Sequence[Tensor],
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
    fresh: Sequence[Tensor] = (),
) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states within a graph, as of `Compiled.sequence`."""
    save = torch.is_grad_enabled()
    with torch.autocast("cpu", enabled=False):
        named = {name: plan.inside(tensor) for name, tensor in named.items()}
        x, states, fresh = plan.inside(x), [plan.inside(s) for s in states], [plan.inside(f) for f in fresh]
        events, parameters = plan.call.arguments(named, x, resets, fresh)
        results = torch.ops.wolfdog.recurrence(
            plan.number, x.shape[0], lengths, events, parameters, states, save
        )
        y, *last = [result.to(plan.outer) for result in results[: 1 + plan.states]]
    return y, last


class Plan:
    """Facts about a compiled cell that a graph needs."""

    def __init__(self, compiled: Any, resets: bool, zero: State) -> None:
        from ...compiler.runtime.torch_op import (  # imports torch.compile, which is at work here
            number_of,
            operator,
        )

        operator()
        self.call = compiled.call(resets, hoist_events=True)
        recurrence = self.call.recurrence
        code = compiled.traced.parameters
        self.zero = zero
        self.number: int = number_of(recurrence)
        self.names = list(code.names)
        self.rows = list(compiled.rows)
        self.states = len(recurrence.states)
        self.dtype, self.outer = recurrence.dtype, compiled.outer
        forms = [(list(t.shape[1:]), t.dtype) for t in tensors(zero)]
        parts = (
            self.number,
            self.names,
            self.rows,
            code.source(),
            [(each.table, each.embedding, show(each.indices)) for each in compiled.traced.lookups],
            show(recurrence.split.parameters),
            show(recurrence.split.events),
            self.outer,
        )
        text = "\n".join(map(str, (*parts, structure(zero), forms)))
        self.key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def inside(self, tensor: Tensor) -> Tensor:
        """Tensor in the format of the kernels, where a call has another; whole numbers as they are."""
        converts = self.outer is not self.dtype and tensor.is_floating_point()
        return tensor.to(self.dtype) if converts else tensor


def form_of(state: State) -> tuple[str, list[str], list[list[int]]]:
    """Structure of a state, and the number formats and features of its tensors."""
    parts = list(tensors(state))
    return (
        structure(state),
        [str(t.dtype) for t in parts],
        [[len(range(n)) for n in t.shape[1:]] for t in parts],
    )


def _alike(x: Tensor, state: State | None) -> bool:
    """Whether events and a state are on the CPU, of one batch."""
    parts = [] if state is None else list(tensors(state))
    if not all(isinstance(part, Tensor) and part.dim() > 0 for part in parts):
        return False
    return all(t.device.type == "cpu" for t in (x, *parts)) and all(t.shape[0] == x.shape[1] for t in parts)


def plan(
    cell: nn.Module,
    returns: Returns | None,
    event: Tensor,
    resets: bool,
    given: tuple[str, list[str], list[list[int]]] | None,
    precision: Precision | None,
    watch: GraphWatch,
) -> int:
    """Number of the plan for a cell, stored in this module; 0 where the cell cannot be compiled.

    Args:
        cell: The cell.
        returns: As of `Recurrent`.
        event: An event [B, ...].
        resets: Whether there are resets.
        given: Form of the state that is given; None for none.
        precision: As of `Recurrent`.
        watch: Watch over what a step reads.

    Returns:
        The number.
    """
    runner = CompiledRunner(cell, returns, precision=precision or "float32")
    try:
        with replayed(generators(event.device), event.device), fresh_dropout_masks(cell, len(event)):
            compiled, zero, named = runner.prepare(event), runner.zero(event), runner.record.named()
    except (
        Exception
    ):  # as of a cell that takes its first state from its caller: the loop in the graph says it
        return 0
    if compiled is None or zero is None or compiled.draws:  # a graph draws in an order of its own
        return 0
    if given is not None and given != form_of(zero):
        return 0
    if watch.changed_in_graph({name: named[name] for name in compiled.names if name in named}, compiled.rows):
        return 0
    return register(compiled, resets, zero)


def register(compiled: Any, resets: bool = False, zero: State = ()) -> int:
    """Number of the plan of a compiled cell; equal cells share the first plan, which a graph may refer to."""
    made = Plan(compiled, resets, zero)
    if not hasattr(_plans, f"of_{made.key}"):
        setattr(_plans, f"of_{made.key}", made)
        while len(vars(_plans)) > PLANS:
            delattr(_plans, next(iter(vars(_plans))))
    return made.key


def clear() -> None:
    """Discard all plans; torch.compile remakes the graphs that use one."""
    vars(_plans).clear()


def planned(number: int) -> Any:
    """Plan with a number."""
    return getattr(_plans, f"of_{number}")
