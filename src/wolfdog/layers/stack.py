"""Stack of layers."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from ..compiler.ragged import zero_padding
from ..errors import InputError
from .cell.arguments import check_events, check_probability, checked_lengths
from .cell.rng import generators, replayed
from .cell.sequence_layer import SequenceLayer
from .cell.state import State, structure
from .cell.symbolic_trace import SYMBOLIC, traced_call, traced_method
from .checkpointing.checkpointed import Every, check_every, checkpointed
from .composing import as_layer, common_backend
from .recurrent import Recurrent
from .skips import SKIPS
from .streaming import ChainStream, Stream, event_buffer, layer_loop


class Stack(SequenceLayer):
    """Stack of recurrent layers: each layer reads the outputs of the one below it.

        x_0 = x,    x_n = layer_n(dropout(x_{n-1})),    y = x_N          no dropout before the first layer

    With `skip`, a connection without dropout goes around every layer; if the sizes of its input x and output differ, W
    x replaces x:

        "residual"    x_n = layer_n(dropout(x)) + x                      x is x_{n-1}
        "highway"     x_n = t * layer_n(dropout(x)) + (1 - t) * x        t = sigmoid(W_t x + b_t), b_t starts at -1

    The state is the tuple of the layers' states. Calls, `step` and `activations` are those of Recurrent. Layers can be
    passed with their own options, for example Recurrent(cell, backend="eager").

    Sources: Graves, Mohamed and Hinton 2013 (stacks); Zaremba, Sutskever and Vinyals 2014 (dropout between layers); He
    et al. 2016 and Wu et al. 2016 (residual); Srivastava, Greff and Schmidhuber 2015 (highway).

    Args:
        *layers: Cells or layers (`Recurrent`, `Bidirectional`, `Stack`), the first of which reads the events.
        dropout: Probability of zeroing an output between layers in training; the others are scaled by 1 / (1 -
            dropout).
        skip: "residual", "highway", or None for no connection.
        batch_first: Layout, as of Recurrent; given layers must have the same.
        checkpoint_every: As of Recurrent, for all layers together: outputs between layers are not stored either.

    Raises:
        InputError: There is no layer, sizes do not fit, an option is unknown, `skip` is used with a cell of unknown
            sizes, or `checkpoint_every` with a bidirectional layer.

    Examples:
        >>> import torch, wolfdog as wd
        >>> stack = wd.Stack(wd.cells.GRUCell(3, 5), wd.cells.LSTMCell(5, 5), dropout=0.2, skip="residual")
        >>> y, (first, (stm, ltm)) = stack(torch.zeros(7, 2, 3))
        >>> y.shape, first.shape, ltm.shape
        (torch.Size([7, 2, 5]), torch.Size([2, 5]), torch.Size([2, 5]))
    """

    def __init__(
        self,
        *layers: nn.Module,
        dropout: float = 0.0,
        skip: Literal["residual", "highway"] | None = None,
        batch_first: bool = False,
        checkpoint_every: Every | None = None,
    ) -> None:
        super().__init__()
        if not layers:
            raise InputError(
                "Stack needs at least one layer, as in Stack(wolfdog.cells.GRUCell(3, 5), ...); got none"
            )
        self.batch_first = batch_first
        self.layers = nn.ModuleList(as_layer(layer, batch_first, "Stack") for layer in layers)
        self.dropout = check_probability("dropout", dropout)
        if skip is not None and skip not in SKIPS:
            raise InputError(f"skip must be one of {', '.join(map(repr, SKIPS))}, or None; got {skip!r}")
        self.skip = skip
        self._check_sizes()
        if skip is not None:
            self.skips = nn.ModuleList(self._skip_around(number) for number in range(len(layers)))
        if checkpoint_every is not None:
            check_every(checkpoint_every, "checkpoint_every")
            if self.reads_ahead:
                raise InputError(
                    "Stack: a bidirectional layer cannot be run in segments; pass checkpoint_every to its directions, "
                    "Bidirectional(Recurrent(cell, checkpoint_every=...))"
                )
        self.checkpoint_every = checkpoint_every

    @property
    def reads_ahead(self) -> bool:  # type: ignore[override]
        """Whether an output of some layer depends on later events."""
        return any(layer.reads_ahead for layer in self._layers())

    @property
    def input_size(self) -> int | None:
        """Features of an event."""
        return self._layers()[0].input_size

    @property
    def output_size(self) -> int | None:
        """Features of an output."""
        return self._layers()[-1].output_size

    @property
    def backend(self) -> str:
        """Backend of the layers: "llvm", or "eager" if one of them runs eagerly."""
        return common_backend(self._layers())

    @property
    def fallback_reason(self) -> str | None:
        """Reason why a layer runs on a slower backend; None if none does."""
        reasons = [(number, layer.fallback_reason) for number, layer in enumerate(self._layers())]
        return next((f"layer {number}: {reason}" for number, reason in reasons if reason is not None), None)

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Outputs of the last layer, and the final states of all layers.

        Args:
            x: Events, as of Recurrent.
            state: Tuple of the layers' states before the sequence.
            lengths: As of Recurrent.
            resets: As of Recurrent.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: Lengths are out of range, or the state is not a tuple of the layers' states.
        """
        if isinstance(x, SYMBOLIC):
            return traced_call(self, x, state=state, lengths=lengths, resets=resets)
        lengths = None if lengths is None else self._checked_lengths(x, lengths)
        if (
            self.checkpoint_every is None
            or torch.compiler.is_compiling()
            or (lengths is not None and not lengths.numel())
        ):
            return self._run(x, state, lengths, resets)
        return checkpointed(
            self,
            self._run,
            self.checkpoint_every,
            self.batch_first and x.dim() > 2,
            x,
            state,
            lengths,
            resets,
        )

    @torch.no_grad()
    def activations(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Activations of every layer, bottom to top; names start with the layer's index: "0.i", "1.stm".

        Args:
            x: As of the call.
            state: As of the call.
            lengths: As of the call.
            resets: As of the call.

        Returns:
            Values of each name.
        """
        lengths = None if lengths is None else self._checked_lengths(x, lengths)
        found: dict[str, Tensor] = {}
        x = self._without_padding(x, lengths)
        for number, (layer, before) in enumerate(zip(self._layers(), self._states(state), strict=True)):
            layer_input = self._layer_input(number, x)
            with replayed(generators(x.device), x.device):  # the layer's second run below drops the same
                traced = layer.activations(layer_input, before, lengths, resets)
            found |= {f"{number}.{name}": values for name, values in traced.items()}
            y, _ = layer(layer_input, before, lengths=lengths, resets=resets)
            x = self._layer_output(number, x, y)
        return found

    def step(self, x_t: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Output of one event, and the states of all layers after it.

        Args:
            x_t: Event, as of `Recurrent.step`.
            state: Tuple of the layers' states before it.

        Returns:
            The output and the states.

        Raises:
            InputError: A layer is bidirectional.
            ShapeError: A shape is wrong.
        """
        if isinstance(x_t, SYMBOLIC):
            return traced_method(self, "step", x_t, state)
        last: list[State] = []
        for number, (layer, before) in enumerate(zip(self._layers(), self._states(state), strict=True)):
            y_t, after = layer.step(self._layer_input(number, x_t), before)
            last.append(after)
            x_t = self._layer_output(number, x_t, y_t)
        return x_t, tuple(last)

    def stream(self, batch: int = 1, *, x: Tensor | None = None, state: State | None = None) -> Stream:
        """Stream over events that come one by one, as of `Recurrent.stream`; its state is that of the stack.

        Kernels run every layer where there is neither `skip` nor, in training, dropout between layers.

        Args:
            batch: As of `Recurrent.stream`.
            x: As of `Recurrent.stream`.
            state: As of `Recurrent.stream`: a tuple of the layers' states.

        Returns:
            The stream.

        Raises:
            InputError: As of `Recurrent.stream`; or a layer is bidirectional.
        """
        x = event_buffer(self, self.input_size, batch, x)
        if self.skip is not None or (self.dropout and self.training):
            return layer_loop(
                self, x, "connections and dropout between layers have no kernel of single steps", state
            )
        parts: list[Stream] = []
        for layer, before in zip(self._layers(), self._states(state), strict=True):
            if not isinstance(layer, Recurrent | Stack):
                raise InputError("a bidirectional layer has no stream: an output depends on later events")
            parts.append(layer.stream(batch, x=x, state=before))
            x = parts[-1].y
        return ChainStream(parts)

    def extra_repr(self) -> str:
        options = {
            "dropout": self.dropout or None,
            "skip": self.skip,
            "batch_first": self.batch_first or None,
            "checkpoint_every": self.checkpoint_every,
        }
        return ", ".join(f"{name}={value!r}" for name, value in options.items() if value is not None)

    def _run(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        last: list[State] = []
        x = self._without_padding(x, lengths)
        for number, (layer, before) in enumerate(zip(self._layers(), self._states(state), strict=True)):
            y, after = layer(self._layer_input(number, x), before, lengths=lengths, resets=resets)
            last.append(after)
            x = self._layer_output(number, x, y)
        return x, tuple(last)

    def _layers(self) -> list[SequenceLayer]:
        return list(self.layers)  # type: ignore[arg-type]

    def _states(self, state: State | None) -> Sequence[State | None]:
        if state is None:
            return [None] * len(self.layers)
        if not isinstance(state, tuple) or len(state) != len(self.layers):
            raise InputError(
                f"Stack: the state must be a tuple of the states of {len(self.layers)} layers; got {structure(state)}"
            )
        return state

    def _checked_lengths(self, x: Tensor, lengths: Tensor | Sequence[int]) -> Tensor:
        """Checked lengths as the layers take them: [B], or [] without a batch."""
        batched = check_events(x, self.batch_first)
        steps, batch = x.shape[1::-1] if batched and self.batch_first else x.shape[:2]
        checked = checked_lengths(lengths, steps, batch if batched else None)
        return checked if batched else checked[0]

    def _without_padding(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Events with zeros past the ends if there are skip connections: outputs are then zero there, too."""
        if lengths is None or self.skip is None:
            return x
        if x.dim() == 2:
            return zero_padding(x.unsqueeze(1), lengths[None]).squeeze(1)
        if self.batch_first:
            return zero_padding(x.transpose(0, 1), lengths).transpose(0, 1)
        return zero_padding(x, lengths)

    def _layer_input(self, number: int, x: Tensor) -> Tensor:
        """Input of a layer: the output from below after dropout."""
        return drop(x, self.dropout) if number and self.dropout and self.training else x

    def _layer_output(self, number: int, x: Tensor, y: Tensor) -> Tensor:
        """Output of a layer after its skip connection."""
        if self.skip is None:
            return y
        passed: Tensor = self.skips[number](x, y)
        return passed

    def _skip_around(self, number: int) -> nn.Module:
        layer = self._layers()[number]
        sizes = layer.input_size, layer.output_size
        if sizes[0] is None or sizes[1] is None:
            raise InputError(
                f"Stack: the skip connection of layer {number} needs its sizes: give its cell attributes input_size "
                "and output_size"
            )
        like = next((p for p in layer.parameters() if p.is_floating_point()), torch.empty(0, device="cpu"))
        return SKIPS[self.skip or ""](sizes[0], sizes[1], device=like.device, dtype=like.dtype)

    def _check_sizes(self) -> None:
        layers = self._layers()
        for number, (below, above) in enumerate(pairwise(layers)):
            if None not in (below.output_size, above.input_size) and below.output_size != above.input_size:
                raise InputError(
                    f"Stack: layer {number} has {below.output_size} output features, and layer {number + 1} has "
                    f"{above.input_size} input features: they must be equal"
                )
