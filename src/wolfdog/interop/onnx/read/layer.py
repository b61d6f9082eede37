"""Recurrent nodes of ONNX files as layers."""

import os
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ....compiler.ragged import reverse
from ....errors import InputError, ONNXError, ShapeError
from ....layers import Recurrent
from ....layers.cell.state import tensors
from .node import GATES, Direction, Node, read_node
from .node_cells import cell_of
from .source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto

    from ....layers import State


class ONNXLayer(nn.Module):
    """Layer of a node RNN, LSTM or GRU of an ONNX file, for inference and training.

    `layer(x, state=None, lengths=None) -> (y, state)`: x [T, B, I], [B, T, I] if the node's layout is 1, or [T, I]
    without a batch; y has the same layout with H features for each direction; lengths are [B]. The state is h, or (h,
    c) for an LSTM, each [directions, B, H], or [directions, H] without a batch; None is the initial state of the file,
    or zeros.

    Attributes:
        forwards: Recurrent layer of the forward direction; None if there is none. Its cell is a cell of wolfdog.cells
            if the node is one, else a general one with the node's activations, clip and coupling.
        backwards: The same for the backward direction.
        start_h: Initial hidden state of the file, a parameter [directions, B, H]; None for zeros.
        start_c: Initial cell state of the file, likewise.
        lengths: Lengths stored in the file, [B]; None if there are none.
        name: Name of the node.
        op: Operator of the node: "RNN", "LSTM" or "GRU".
        direction: Direction of the node: "forward", "reverse" or "bidirectional".
    """

    direction: Direction
    start_h: nn.Parameter | None
    start_c: nn.Parameter | None
    lengths: Tensor | None

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.name, self.op, self.direction = node.name, node.op, node.direction
        self.hidden_size, self.batch_first = node.hidden_size, node.layout == 1
        self.input_size = node.tensors["W"].shape[-1]
        made = [Recurrent(cell_of(node, way)) for way in range(len(node.activations))]
        self.forwards = None if node.direction == "reverse" else made[0]
        self.backwards = None if node.direction == "forward" else made[-1]
        for memory in ("h", "c"):
            start = node.tensors.get(f"initial_{memory}")
            own = None
            if start is not None and start.any():  # zeros are the default for any batch
                own = nn.Parameter(torch.tensor(start.astype(np.promote_types(start.dtype, np.float32))))
            self.register_parameter(f"start_{memory}", own)
        lengths = node.tensors.get("sequence_lens")
        self.register_buffer("lengths", None if lengths is None else torch.tensor(lengths))

    def forward(
        self,
        x: Tensor,
        state: "State | None" = None,
        lengths: "Tensor | Sequence[int] | None" = None,
    ) -> "tuple[Tensor, State]":
        """Outputs over a sequence, and the final state.

        Args:
            x: Events [T, B, I], or [B, T, I] if the node's layout is 1, or [T, I].
            state: State before the sequence; None for the node's initial state.
            lengths: Number of events of each sequence [B]; None for those of the file, or T.

        Returns:
            The outputs and the state.

        Raises:
            ShapeError: A shape is wrong.
            InputError: Lengths are out of range.
        """
        if not isinstance(x, Tensor) or x.dim() not in (2, 3) or x.shape[-1] != self.input_size:
            found = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ShapeError(
                f"{self.op}: x must end in {self.input_size} features, [T, B, I] or [T, I]; got {found}"
            )
        batched = x.dim() == 3
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
        before = self._initial_memories(state, x.shape[1], batched)
        lengths = self._checked_lengths(lengths, *x.shape[:2])
        ways = [way for way in (self.forwards, self.backwards) if way is not None]
        outputs, after = [], []
        for number, way in enumerate(ways):
            own = None if before is None else _inner(self.op, [memory[number] for memory in before])
            if way is self.backwards:
                y, last = way(reverse(x, lengths), own, lengths)
                y = reverse(y, lengths)
            else:
                y, last = way(x, own, lengths)
            outputs.append(y)
            after.append(last if isinstance(last, tuple) else (last,))
        y = torch.cat(outputs, -1)
        memories = [torch.stack(parts) for parts in zip(*after, strict=True)]
        if not batched:
            return y.squeeze(1), _outer([memory.squeeze(1) for memory in memories])
        return y.transpose(0, 1) if self.batch_first else y, _outer(memories)

    def step(self, x_t: Tensor, state: "State | None" = None) -> "tuple[Tensor, State]":
        """Output of one event, and the state after it.

        Args:
            x_t: Event [B, I] or [I].
            state: As of `forward`.

        Returns:
            The output and the state.

        Raises:
            InputError: The layer has a backward direction.
        """
        if self.forwards is None or self.backwards is not None:
            raise InputError(
                f"{self.op} with direction {self.direction!r} cannot run single steps: pass whole sequences"
            )
        y, state = self((x_t if x_t.dim() == 1 else x_t.unsqueeze(1 if self.batch_first else 0)), state)
        return y.squeeze(1 if self.batch_first else 0), state

    def extra_repr(self) -> str:
        return f"{self.name!r}, {self.op}, {self.direction}"

    def _initial_memories(self, state: "State | None", batch: int, batched: bool) -> list[Tensor] | None:
        """Initial memories of a call, each [directions, B, H]; None for zeros."""
        ways = 1 + (self.direction == "bidirectional")
        names = ("h", "c") if self.op == "LSTM" else ("h",)
        if state is None:
            starts = [self.start_h, self.start_c][: len(names)]
            if all(start is None for start in starts):
                return None
            like = next(self.parameters())
            zeros = like.new_zeros(ways, batch, self.hidden_size)
            memories = [zeros if start is None else start for start in starts]
            attributes = (
                f"{self.op}: the file has initial values of {{name}} for {{rows}} examples: "
                f"pass a state for {batch}"
            )
        else:
            parts = list(tensors(state))
            if len(parts) != len(names):
                raise ShapeError(f"{self.op}: the state must be {' and '.join(names)}, {len(names)} tensors")
            memories = [part if batched else part.unsqueeze(1) for part in parts]
            attributes = (
                f"{self.op}: {{name}} must be [{ways}, {batch}, {self.hidden_size}]; got {{rows}} rows"
            )
        for name, memory in zip(names, memories, strict=True):
            if memory.shape != (ways, batch, self.hidden_size):
                raise ShapeError(
                    attributes.format(name=name, rows=memory.shape[1] if memory.dim() > 1 else 0)
                )
        return memories

    def _checked_lengths(
        self, lengths: "Tensor | Sequence[int] | None", steps: int, batch: int
    ) -> Tensor | None:
        """Lengths [B]: those passed, or those of the file."""
        if lengths is None:
            if self.lengths is None:
                return None
            lengths = self.lengths
        checked = torch.as_tensor(lengths)
        if list(checked.shape) != [batch] or checked.is_floating_point():
            raise ShapeError(
                f"{self.op}: lengths must be whole numbers of shape [{batch}]; got {list(checked.shape)}"
            )
        if batch and not 0 <= int(checked.min()) <= int(checked.max()) <= steps:
            raise InputError(f"{self.op}: lengths must lie in 0..{steps}; got {checked.tolist()}")
        return checked


def _inner(op: str, memories: list[Tensor]) -> "State":
    return (memories[0], memories[1]) if op == "LSTM" else memories[0]


def _outer(memories: list[Tensor]) -> "State":
    return memories[0] if len(memories) == 1 else tuple(memories)


def from_onnx(model: "ModelProto | str | os.PathLike[str]") -> list[ONNXLayer]:
    """Layers of the recurrent nodes of an ONNX model, in the order of the graph.

    Nodes RNN, LSTM and GRU are read with all their attributes and inputs: direction, layout, peepholes, initial states,
    sequence_lens, clip, input_forget, linear_before_reset, and every activation with its alpha and beta. Other nodes
    are ignored. Files are untrusted: sizes are checked before memory is allocated, and nothing outside the model's
    folder is read.

    Args:
        model: A path, or an onnx.ModelProto that contains its weights.

    Returns:
        The layers.

    Raises:
        ONNXError: The file cannot be read or contradicts itself, or has no recurrent node.
        MissingPackageError: The package onnx is not installed.

    Examples:
        >>> import tempfile, wolfdog as wd
        >>> path = f"{tempfile.mkdtemp()}/layer.onnx"
        >>> wd.export_onnx(wd.Recurrent(wd.cells.PeepholeLSTMCell(3, 5)), path)
        >>> [layer] = from_onnx(path)
        >>> y, (h, c) = layer(torch.zeros(7, 2, 3))
        >>> y.shape, c.shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """
    try:
        return _layers(Source(model))
    except ONNXError as error:
        if len(str(error)) <= MAX_MESSAGE:
            raise
        raise ONNXError(f"{str(error)[:MAX_MESSAGE]} ...") from None  # names in a file may have any length


LAYER_BYTES = 20_000
"""Memory of a layer besides its weights in bytes: 10,000 for each direction."""

MAX_MESSAGE = 600
"""Maximum length of an error message."""


def _layers(source: Source) -> list[ONNXLayer]:
    found = [node for node in source.nodes if node.op_type in GATES and node.domain in ("", "ai.onnx")]
    if not found:
        others = sorted({node.op_type for node in source.nodes})
        named = ", ".join(others[:8]) + (", ..." if len(others) > 8 else "")
        raise ONNXError(f"{source.name}: no node RNN, LSTM or GRU in its graph; it has {named or 'no nodes'}")
    source.reserve(LAYER_BYTES * len(found), f"has so many recurrent nodes ({len(found):,})")
    return [ONNXLayer(read_node(source, node)) for node in found]
