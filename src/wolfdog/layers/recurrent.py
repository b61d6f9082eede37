"""`Recurrent`: execution of any cell over a sequence, or one step at a time."""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..compiler.backends.llvm.buffer_pool import PoolUser
from ..errors import InputError, ShapeError
from .cell.arguments import described, laid_out, with_batch
from .cell.hints import explained
from .cell.protocol import Returns, check_pair, check_returns, check_state
from .cell.recurrent_dropout import shared_dropout_masks
from .cell.sequence_layer import SequenceLayer, feature_size
from .cell.state import State, transform
from .cell.symbolic_trace import SYMBOLIC, traced_call, traced_method
from .cell.zoneout import with_step_masks
from .checkpointing.checkpointed import CheckpointedRunner, Every, check_every
from .execution.backend import asked_backend, variable_slot
from .execution.call_paths import CallPaths
from .execution.compiled import CompiledRunner
from .execution.graph_guards import Watches, zero_event
from .execution.precision import Precision, check_precision
from .execution.probing import trial
from .execution.runner import Runner, choose
from .inspection.activations import over_time
from .streaming import KernelStream, Stream, event_buffer, layer_loop


class Recurrent(SequenceLayer):
    """Layer that runs a cell over a sequence: y_t, state_t = cell(x_t, state_{t-1}) for t = 0 .. T-1.

    `layer.backend` names the backend that runs, and `layer.fallback_reason` the reason why no faster one does.

    Args:
        cell: One of `wolfdog.cells`, torch.nn.RNNCell, LSTMCell or GRUCell, or any module of the form
            `cell(x, state) -> state`, the first tensor of the state being the output, or
            `cell(x, state) -> (output, state)`. A state is a tensor or a tuple of states, each tensor with the
            batch as its first dimension. The initial state, where none is given, is the cell's
            `initial_state(batch)`, zeros for torch's cells, or, for a cell without that method, the state that
            `cell(x)` starts from.
        batch_first: Whether events and outputs are [B, T, ...] instead of [T, B, ...].
        returns: "state" or "output, state": the form of the cell's result, where its structure does not determine it.
        backend: The backend that runs the cell: "eager", or None for the fastest; with None, the environment variable
            WOLFDOG_BACKEND is read.
        checkpoint_every: Number of steps between the states that are kept for the backward pass, which recomputes the
            others (for training over long sequences); "auto" is about the square root of T. Outputs and gradients
            are the same.
        precision: "bfloat16" for matrices that kernels keep as bfloat16, of a cell of float32: events and states are
            rounded to bfloat16 where a matrix multiplies them, sums and all else are float32. "float32" for none of
            that. None for bfloat16 under autocast of that format, and for float32 otherwise.

    Raises:
        InputError: `cell` is not a cell, `backend` or `precision` is unknown, `returns` is unknown or contradicted by
            the cell, or `checkpoint_every` is not a number of steps.

    Examples:
        >>> import torch, wolfdog as wd
        >>> layer = wd.Recurrent(wd.cells.LSTMCell(3, 5))
        >>> y, (stm, ltm) = layer(torch.zeros(7, 2, 3))
        >>> y.shape, ltm.shape
        (torch.Size([7, 2, 5]), torch.Size([2, 5]))
        >>> y_next, (stm, ltm) = layer.step(torch.zeros(2, 3), (stm, ltm))
    """

    __slots__ = ("_paths", "_pool_user", "_watches")  # paths in __dict__, which they watch, would wait for gc
    _paths: CallPaths
    _pool_user: PoolUser
    _watches: Watches
    precision: Precision | None = None  # of layers that an earlier version pickled

    def __new__(cls, *args: Any, **options: Any) -> Self:
        layer = super().__new__(cls)
        object.__setattr__(layer, "_paths", CallPaths())
        object.__setattr__(layer, "_pool_user", PoolUser())
        object.__setattr__(layer, "_watches", Watches())
        return layer

    def __init__(
        self,
        cell: nn.Module,
        *,
        batch_first: bool = False,
        returns: Returns | None = None,
        backend: str | None = None,
        checkpoint_every: Every | None = None,
        precision: Precision | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(cell, nn.Module) or isinstance(cell, nn.RNNBase):
            raise InputError(
                f"Recurrent takes one step of a unit, as torch.nn.LSTMCell or wolfdog.cells.LSTMCell; got {cell}"
            )
        self.cell = cell
        self.batch_first = batch_first
        self.returns = check_returns(cell, returns)
        asked_backend(backend)
        self._backend = backend
        if checkpoint_every is not None:
            check_every(checkpoint_every, "checkpoint_every")
        self.checkpoint_every = checkpoint_every
        check_precision(precision)
        self.precision = precision

    @property
    def input_size(self) -> int | None:
        """Input size of the cell, where it has one."""
        return feature_size(self.cell, "input_size")

    @property
    def output_size(self) -> int | None:
        """Output size of the cell, where it has one; the hidden_size of torch.nn's cells."""
        return feature_size(self.cell, "output_size")

    @property
    def backend(self) -> str:
        """Backend that ran the cell last, or would run it: "llvm" or "eager"."""
        return "llvm" if self.fallback_reason is None else "eager"

    @property
    def fallback_reason(self) -> str | None:
        """Reason why the eager loop ran the cell last, or would run it; None where kernels did."""
        runner, reason = choose(
            self.cell, self.returns, asked_backend(self._backend), precision=self.precision
        )
        if not isinstance(runner, CompiledRunner):
            return reason
        return runner.fallback_reason() if self._paths.reason == "" else self._paths.reason

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Outputs over a sequence, and the state after it.

        A sequence in one call, in chunks with the state carried over, or step by step gives the same numbers. In
        training, a cell with dropout draws a new mask in each call.

        Args:
            x: Events [T, B, ...], or [B, T, ...] with batch_first; [T, I] without a batch.
            state: State before the sequence, each tensor [B, ...], or [...] without a batch; the cell's initial state
                where None.
            lengths: [B] integers in 0..T, or one integer without a batch: sequence b ends after lengths[b] events; from
                there on its outputs are zero and its state is constant.
            resets: Booleans laid out as x, [T, B] or [B, T] with batch_first, [T] without a batch: where true, the
                state becomes the cell's initial state before that event.

        Returns:
            The outputs, laid out as x, and the last state.

        Raises:
            ShapeError: A shape or dtype is wrong.
            InputError: A length is out of range.
        """
        compiling = torch.compiler.is_compiling()
        if not compiling and self.checkpoint_every is None:
            found, state = self._paths.sequence(
                self.cell, x, state, lengths, resets, batch_first=self.batch_first
            )
            if found is not None:
                return found
        if isinstance(x, SYMBOLIC):
            return traced_call(self, x, state=state, lengths=lengths, resets=resets)
        check_pair(self.cell, state)
        batched, (events, before, ends, marks) = laid_out(x, state, lengths, resets, self.batch_first)
        if compiling and not self._watched(events):
            from .execution.graph_break import outside_graph

            beside: tuple[Tensor, State] = outside_graph(self, "forward", x, state, lengths, resets)
            return beside
        runner = own = self._runner()
        if self.checkpoint_every is not None and not compiling:
            runner = CheckpointedRunner(own, self.checkpoint_every)
        with shared_dropout_masks(self.cell, events.shape[1]):
            given = with_step_masks(self.cell, events)
            if compiling:
                y, after = runner.sequence(given, before, ends, marks)
            else:
                y, after = explained(self.cell, x, batched, runner.sequence, given, before, ends, marks)
            if isinstance(own, CompiledRunner):
                repeats = batched and given is events and runner is own
                self._paths.after_sequence(own, events, before is None, self._places() if repeats else None)
        return self._laid_back(y, after, batched)

    def _laid_back(self, y: Tensor, state: State, batched: bool) -> tuple[Tensor, State]:
        """Outputs [T, B, ...] and a state, laid out as the events were."""
        if not batched:
            return y.squeeze(1), transform(lambda tensor: tensor.squeeze(0), state)
        return y.transpose(0, 1) if self.batch_first else y, state

    @torch.no_grad()
    def activations(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Activations over time of every quantity that the cell's source names, without gradients.

        The names are those of the local variables of the cell's `forward` and of its own methods, each with the last
        value assigned in a step: for `wolfdog.cells.FourGateLSTMCell` learn, forget, remember, use, the gates
        n, i, f, u, v that they are computed from, and so on; i, f, g, o for the LSTM; r, z, n for the GRU. Names within
        a submodule are prefixed with the submodule's name, as in "attention.score", and names within a function with
        the function's. They are followed by "output", where the output is not part of the state, and by the state after
        each step: "stm" and "ltm", "h" and "c" for torch's cells, and "state", or "state.0", "state.1" and so on, or
        the fields of a named tuple. Where a quantity has the name of a state, the state is returned.

        For torch's cells, which have no Python source, the names are those of the equivalent cells of this library.
        Quantities past the end of a sequence are zero. Where the control flow of a step depends on numbers, a quantity
        that a step does not compute is NaN there.

        Args:
            x: As of `forward`.
            state: As of `forward`.
            lengths: As of `forward`.
            resets: As of `forward`.

        Returns:
            Name -> values [T, B, H], laid out as x.

        Raises:
            ShapeError: As of `forward`.
            InputError: As of `forward`.

        Examples:
            >>> import torch, wolfdog as wd
            >>> activations = wd.Recurrent(wd.cells.LSTMCell(3, 5)).activations(torch.zeros(7, 2, 3))
            >>> {name: list(values.shape) for name, values in activations.items()}
            {'i': [7, 2, 5], 'f': [7, 2, 5], 'g': [7, 2, 5], 'o': [7, 2, 5], 'stm': [7, 2, 5], 'ltm': [7, 2, 5]}
        """
        batched, arguments = laid_out(x, state, lengths, resets, self.batch_first)
        events, before, ends, marks = arguments
        with shared_dropout_masks(self.cell, events.shape[1]):
            events = with_step_masks(self.cell, events)
            found = over_time(
                self, self.cell, self.returns, asked_backend(self._backend), events, before, ends, marks
            )
        if not batched:
            return {name: values.squeeze(1) for name, values in found.items()}
        return {
            name: values.transpose(0, 1) if self.batch_first else values for name, values in found.items()
        }

    def step(self, x_t: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Output of one event, and the state after it.

        Args:
            x_t: The event, [B, ...], or [I] without a batch.
            state: State before the event; the cell's initial state where None.

        Returns:
            The output and the state.

        Raises:
            ShapeError: A shape is wrong.
        """
        compiling = torch.compiler.is_compiling()
        if not compiling:
            found = self._paths.step(x_t, state)
            if found is not None:
                return found
        if isinstance(x_t, SYMBOLIC):
            return traced_method(self, "step", x_t, state)
        if not isinstance(x_t, Tensor) or x_t.dim() < 1:
            raise ShapeError(f"an event must be [B, ...], or [I] without a batch; got {described(x_t)}")
        batched, given, anew = x_t.dim() > 1, x_t, state is None
        if not batched:
            x_t = x_t.unsqueeze(0)
        if compiling and not self._watched(x_t.unsqueeze(0)):
            from .execution.graph_break import outside_graph

            beside: tuple[Tensor, State] = outside_graph(self, "step", given, state)
            return beside
        check_pair(self.cell, state)
        state = with_batch(state, len(x_t), batched)
        runner = self._runner()
        with shared_dropout_masks(self.cell, len(x_t)):
            masked = with_step_masks(self.cell, x_t.unsqueeze(0)).squeeze(0)
            if compiling:
                y_t, state = runner.step(masked, state)
            else:
                y_t, state = explained(self.cell, given, batched, runner.step, masked, state)
        if isinstance(runner, CompiledRunner):
            self._paths.after_step(runner, x_t, anew, self._places() if batched else None)
        if not batched:
            return y_t.squeeze(0), transform(lambda tensor: tensor.squeeze(0), state)
        return y_t, state

    def stream(self, batch: int = 1, *, x: Tensor | None = None, state: State | None = None) -> Stream:
        """Stream over events that come one by one, with its own state, buffers and packed weights.

        A step reads the event from `stream.x` and writes the output to `stream.y`, without gradient. Weights are packed
        once, which makes steps faster than `step`: a step after a change that PyTorch counts is an error, and
        `stream.refresh()` packs them again. A change that PyTorch does not count, as through `.data`, goes unnoticed.
        Attributes, hooks and the mode of training are those of the layer when the stream is made.
        Where the cell has no kernel, PyTorch's operators run the steps, and `stream.fallback_reason` says why.

        Args:
            batch: Number of streams side by side.
            x: Buffer of events [batch, ...], where events have more than the cell's `input_size` features, or are
                whole numbers, or are written there already.
            state: Initial state of the stream, to which resets return, each tensor [batch, ...]; the cell's where None.

        Returns:
            The stream, in the initial state.

        Raises:
            InputError: `batch` is not a number of streams, or the cell does not say what events are.
            ShapeError: The state is not one for so many streams.

        Examples:
            >>> import torch, wolfdog as wd
            >>> layer = wd.Recurrent(wd.cells.LSTMCell(3, 5))
            >>> stream = layer.stream()
            >>> for event in torch.randn(4, 1, 3):
            ...     y = stream.step(event)
            >>> stm, ltm = stream.state
            >>> bool((y == stm).all())
            True
        """
        x = event_buffer(self, self.input_size, batch, x)
        check_pair(self.cell, state)
        if state is not None:
            check_state(state, batch)
        runner = self._runner()
        if isinstance(runner, CompiledRunner):
            with torch.no_grad(), trial(self.cell, x) as event:
                drawn = event.shape != x.shape  # masks are part of an event in training
                ready = None if drawn else runner.ready(x.unsqueeze(0), state, False)
            if ready is not None and ready.found.packed_step is not None and x.dtype is ready.dtype:
                return KernelStream(ready.found, ready.named, x, ready.before)
        return layer_loop(
            self, x, self.fallback_reason or "a step reads more than an event of its own format", state
        )

    def _places(self) -> list[tuple[dict[str, Any], str]]:
        """Places in which the layer stores its cell and its options."""
        return [
            (self._modules, "cell"),
            (self.__dict__, "returns"),
            (self.__dict__, "precision"),
            *variable_slot(),
        ]

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and pickles."""
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def extra_repr(self) -> str:
        options = ["batch_first=True"] if self.batch_first else []
        if self.checkpoint_every is not None:
            options.append(f"checkpoint_every={self.checkpoint_every!r}")
        if self.precision is not None:
            options.append(f"precision={self.precision!r}")
        return ", ".join(options)

    def _asked_in_graph(self) -> str | None:
        return asked_backend(self._backend)

    def _watched(self, events: Tensor) -> bool:
        """Whether the graph that torch.compile is making is remade where a value that a step reads changes."""
        if torch.compiler.is_exporting():
            return True
        return self._watched_in_graph([len(range(n)) for n in events.shape[2:]], str(events.dtype))

    def _watched_in_graph(self, features: list[int], dtype: str) -> bool:
        return self._watches.install(self.cell, self.returns, features, dtype)

    def _plan_in_graph(self, features: list[int], dtype: str, resets: bool, state: Any) -> int:
        from .execution.torch_compile import plan

        watch, event = self._watches.latest, zero_event(features, dtype)
        return plan(self.cell, self.returns, event, resets, state, self.precision, watch)

    # For torch.compile: called while the graph is made; their results are constants of the graph.
    _asked_in_graph._dynamo_marked_constant = True  # type: ignore[attr-defined]
    _watched_in_graph._dynamo_marked_constant = True  # type: ignore[attr-defined]
    _plan_in_graph._dynamo_marked_constant = True  # type: ignore[attr-defined]

    def _runner(self) -> Runner:
        if torch.compiler.is_compiling():
            from .execution.torch_compile import GraphRunner

            return GraphRunner(self, self.cell, self.returns, kernels=self._asked_in_graph() != "eager")
        # Created at each call, at little cost, so that a copied, loaded or edited layer runs its own cell.
        kept = self.__dict__.get("_kept")
        if kept is None or kept[0] is not self.cell:
            kept = self.__dict__["_kept"] = (self.cell, {})
        return choose(self.cell, self.returns, asked_backend(self._backend), kept[1], self.precision)[0]
