"""Base class of RNN, LSTM and GRU: torch.nn's layer, run by kernels.

Kernels run the calls that they support. All others go to torch.nn's own forward: other devices and formats, export,
and invalid arguments, so that results and errors are torch.nn's.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...compiler.backends.llvm.buffer_pool import PoolUser
from ...compiler.batched import without_memory
from ...errors import InputError
from ..cell.symbolic_trace import SYMBOLIC, traced_call
from ..execution.kernel_access import mode_at_work, observed, transformed
from ..execution.torch_compile import planned, register, run_planned
from ..streaming import Stream, event_buffer
from .activations import quantities
from .autocast import result_formats
from .eligibility import autocast, fits, state_sizes
from .fast_path import LayerPath
from .kernels import Units, run_loop
from .layouts import Layout, Packed, Whole
from .quantization import chosen_like
from .run_layers import Named, RunUnit, run_stack
from .stream import kernel_stream, layer_stream
from .unit_parameters import named_parameters, units_or_reason

_PASSING = ("_last_form", "_last_reason")
"""Attributes that copies and pickles are without."""


class OnKernels(nn.RNNBase):
    """Layer of torch.nn, `own`, whose sequences are run by kernels."""

    __slots__ = ("_path", "_pool_user")  # a path in __dict__, which it watches, would wait for gc
    own: ClassVar[type[nn.RNNBase]]
    _path: LayerPath | None
    _pool_user: PoolUser
    _last_form: tuple[torch.Size, bool] | None = None
    _last_reason: str | None = ""

    def __new__(cls, *args: Any, **options: Any) -> Self:
        layer = super().__new__(cls)
        object.__setattr__(layer, "_path", None)
        object.__setattr__(layer, "_pool_user", PoolUser())
        return layer

    @property
    def qconfig(self) -> Any:
        """Configuration by which torch.ao.quantization quantizes the layer."""
        try:
            return self.__dict__["qconfig"]
        except KeyError:
            raise AttributeError("no qconfig was chosen for the layer") from None

    @qconfig.setter
    def qconfig(self, chosen: Any) -> None:
        self.__dict__["qconfig"] = chosen_like(self.own) if chosen is None else chosen

    @qconfig.deleter
    def qconfig(self) -> None:
        self.__dict__.pop("qconfig", None)

    @property
    def backend(self) -> str:
        """Backend that ran the layer last, or would run it: "llvm", or "torch" for torch.nn's own forward."""
        return "llvm" if self.fallback_reason is None else "torch"

    @property
    def fallback_reason(self) -> str | None:
        """Reason why torch.nn's own forward ran the layer last, or would run it; None where kernels did."""
        return self._refusal() if self._last_reason == "" else self._last_reason

    def _refusal(self) -> str | None:
        """Reason why no kernels are made for the layer; None where they are."""
        units = units_or_reason(self, named_parameters(self, packed=True))
        found = units if isinstance(units, str) else units.kernels
        return found if isinstance(found, str) else None

    @property
    def _flat_weights(self) -> list[Any]:
        """Parameters in torch.nn's order, as they are now; torch.nn keeps a list, which must follow each change."""
        return [getattr(self, name, None) for name in self._flat_weights_names]

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Any]) -> None:
        """Setter for torch.nn, which assigns its list here; nothing is stored."""

    def forward(self, input: Any, hx: Any = None) -> Any:  # noqa: A002  # torch.nn's name
        """Outputs over a sequence, and the state after it, as of torch.nn's layer of the same name.

        Args:
            input: [T, B, I], [B, T, I] with batch_first, [T, I] without a batch, or a PackedSequence.
            hx: State before the sequence, [layers * directions, B, H], without B where the input has none; zeros where
                None.

        Returns:
            The outputs and the last state.

        Raises:
            Exception: As torch.nn's layer.
        """
        if torch.compiler.is_compiling():
            return self._within_graph(input, hx)
        if isinstance(input, SYMBOLIC):
            return traced_call(self, input, hx=hx)
        if self._path is not None:
            found = self._path(self, input, hx)
            if found is not None:
                self.__dict__["_last_reason"] = None
                y, last = found
                return y, tuple(last) if self.mode == "LSTM" else last[0]
        named = named_parameters(self, packed=True)
        units = units_or_reason(self, named)
        reason = self._obstacle(units, input, hx)
        self.__dict__["_last_reason"] = reason
        if isinstance(units, str) or reason is not None:
            if (
                not isinstance(units, str)
                and transformed()
                and not observed()
                and self._fits(units, input, hx)
            ):
                runs: list[RunUnit] = [
                    partial(run_loop, replace(unit, int8=False, reduced=False)) for unit in units
                ]
                return self._run(runs, named_parameters(self), input, hx)
            if not transformed() and any(map(without_memory, (input, *self._parameters.values()))):
                raise InputError(
                    f"{type(self).__name__}: the memory of the events or of a parameter was given back, as by "
                    "untyped_storage().resize_(0)"
                )
            return self.own.forward(self, input, hx)
        assert not isinstance(units.kernels, str)
        runs = [kernel.sequence for kernel in units.kernels]
        result = self._run(runs, named, input, hx)
        self._prepare_path(runs, named, input, hx)
        return result

    def _fits(self, units: Units, events: Any, hx: Any) -> bool:
        return fits(self, events, hx, units[0].dtype)

    def _obstacle(self, units: Units | str, events: Any, hx: Any) -> str | None:
        """Reason why kernels do not run this call; None where they do."""
        if isinstance(units, str):
            return units
        reason = mode_at_work()
        if reason is None and not self._fits(units, events, hx):
            reason = f"the events or the state are no plain tensors of {units[0].dtype}, in torch.nn's shapes"
        if reason is None and isinstance(units.kernels, str):
            reason = units.kernels
        return reason

    def stream(self, batch: int = 1) -> Stream:
        """Stream over events that come one by one, as of `Recurrent.stream`; its state is that of torch.nn's layer.

        Args:
            batch: Number of streams side by side.

        Returns:
            The stream, in the state of zeros.

        Raises:
            InputError: `batch` is not a number of streams, or the layer is bidirectional.

        Examples:
            >>> import torch, wolfdog as wd
            >>> stream = wd.GRU(3, 4, num_layers=2).stream()
            >>> stream.step(torch.randn(1, 3)).shape, stream.state.shape
            (torch.Size([1, 4]), torch.Size([2, 1, 4]))
        """
        if self.bidirectional:
            raise InputError("a bidirectional layer has no stream: an output depends on later events")
        x = event_buffer(self, self.input_size, batch)
        named = named_parameters(self, packed=True)
        units = units_or_reason(self, named)
        if isinstance(units, str) or isinstance(units.kernels, str) or (self.dropout and self.training):
            return layer_stream(self, x, self._refusal() or "dropout between layers has no kernel")
        return kernel_stream(self, units.kernels, named, x)

    @torch.no_grad()
    def activations(self, input: Any, hx: Any = None) -> dict[str, Any]:  # noqa: A002
        """Activations of every named quantity of every layer and direction over time, without gradients.

        Names have the suffixes of the parameters: for an LSTM `i_l0`, `f_l0`, `g_l0`, `o_l0`, `h_l0`, `c_l0`, then
        those of `l0_reverse`, `l1` and so on; r, z, n and h for a GRU. Without the suffix they are those of
        `Recurrent.activations`.

        Args:
            input: As of `forward`.
            hx: As of `forward`.

        Returns:
            Name -> values, laid out as the input.

        Raises:
            Exception: As of `forward`.
        """
        named = named_parameters(self)
        dtype = named[0]["weight_ih"].dtype
        if not fits(self, input, hx, dtype):
            self.own.forward(self, input, hx)  # a mistake is torch.nn's to tell
        layout, states = self._laid_out(input, hx, dtype)
        return quantities(self, named, layout, states, None if self._refusal() is None else "eager")

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and pickles."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name not in _PASSING}

    def _prepare_path(self, runs: Sequence[RunUnit], named: Sequence[Named], events: Any, hx: Any) -> None:
        """Create the fast path for calls like this one, where it is the second in a row."""
        names = [name for names in self._all_weights for name in names]
        if (
            isinstance(events, PackedSequence)
            or autocast()
            or not all(name in self._parameters for name in names)
        ):
            return
        form = events.shape, hx is None
        second = form == self._last_form
        if second:
            self._path = LayerPath(self, runs, named, events, hx)
        self.__dict__["_last_form"] = None if second else form

    def _within_graph(self, events: Any, hx: Any) -> Any:
        """Result within a graph of torch.compile, with kernels as operators; exported graphs hold PyTorch's own."""
        if torch.compiler.is_exporting():
            return self._exported(events, hx)
        if isinstance(events, PackedSequence):
            from ..execution.graph_break import outside_graph

            return outside_graph(self, "forward", events, hx)
        numbers, named = self._plans_in_graph(), named_parameters(self)
        if not numbers or not fits(self, events, hx, named[0]["weight_ih"].dtype):
            return self.own.forward(self, events, hx)
        return self._run([partial(run_planned, planned(number)) for number in numbers], named, events, hx)

    def _exported(self, events: Any, hx: Any) -> Any:
        """Result within an exported graph: torch.nn's operator, or scans over a dynamic number of steps."""
        from .scan_unit import scans  # loads torch's scan

        named = named_parameters(self)
        dtype = named[0]["weight_ih"].dtype
        runs = scans(self, events)
        if not runs or not fits(self, events, hx, dtype):
            return self.own.forward(self, events, hx)
        return self._run(runs, named, events, hx)

    def _plans_in_graph(self) -> tuple[int, ...]:
        # with weights as they are: PyTorch computes what comes before the loop
        units = units_or_reason(self, named_parameters(self))
        kernels = units if isinstance(units, str) else units.kernels
        if isinstance(kernels, str):
            return ()
        return tuple(register(kernel) for kernel in kernels)

    # For torch.compile: called while the graph is made; its result is a constant of the graph.
    _plans_in_graph._dynamo_marked_constant = True  # type: ignore[attr-defined]

    def _run(self, runs: Sequence[RunUnit], named: Sequence[Named], events: Any, hx: Any) -> Any:
        """Result for checked events and states, by the given runs, one for every layer and direction."""
        dtype = next(tensor for tensor in named[0].values() if tensor.is_floating_point()).dtype
        layout, states = self._laid_out(events, hx, dtype)
        x = layout.x
        carried = x.dtype if hx is None else states[0][-1].dtype
        reduced = autocast() and dtype is torch.float32
        if reduced:
            x, states = x.to(dtype), [tuple(state.to(dtype) for state in each) for each in states]
        dropped = self.dropout if self.training else 0.0
        y, last = run_stack(
            list(zip(runs, named, states, strict=True)), layout, x, self.bidirectional, dropped
        )
        if reduced:
            formats = result_formats(self.mode, self.proj_size > 0, layout.ragged, carried)
            y, *last = [tensor.to(to) for tensor, to in zip((y, *last), formats, strict=True)]
        y, last = layout.result(y, last)
        return y, tuple(last) if self.mode == "LSTM" else last[0]

    def _laid_out(self, events: Any, hx: Any, dtype: torch.dtype) -> tuple[Layout, list[tuple[Tensor, ...]]]:
        """Layout of the events, and the initial states [B, ...] of each layer and direction."""
        packed = isinstance(events, PackedSequence)
        layout: Layout = Packed(events) if packed else Whole(events, self.batch_first)
        if hx is not None:
            states = layout.states(list(hx) if self.mode == "LSTM" else [hx])
            return layout, list(zip(*(state.unbind(0) for state in states), strict=True))
        depth = self.num_layers * (2 if self.bidirectional else 1)
        zeros = [layout.x.new_zeros(layout.batch, size, dtype=dtype) for size in state_sizes(self)]
        return layout, [tuple(zeros)] * depth
