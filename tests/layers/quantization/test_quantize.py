"""Quantized layers: kernels of int8 beside the loop over the same weights as float32."""

import copy
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import wolfdog as wd
from cases import CELLS, CellCase, scrambled
from tolerances import assert_agree, assert_same
from wolfdog.compiler.backends.llvm.narrow_loops import FORMATS
from wolfdog.errors import InputError

FAST = ("gru", "four_gate_lstm", "peephole_diagonal")
SOME_CELLS = [case if case.name in FAST else pytest.param(case, marks=pytest.mark.slow) for case in CELLS]
"""All cells; only some where the suite has to be fast."""


class _Own(nn.Module):
    """Cell of a user's, with a matrix that is used as it lies, one that is sliced, and one per head."""

    input_size = 5

    def __init__(self) -> None:
        super().__init__()
        self.w, self.both = nn.Parameter(torch.randn(5, 12)), nn.Linear(17, 12)
        self.heads = nn.Parameter(torch.randn(3, 4, 4))

    def initial_state(self, batch: int) -> Tensor:
        return torch.ones(batch, 12)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        mixed = torch.einsum("bhk,hkn->bhn", h.unflatten(1, (3, 4)), self.heads).flatten(1)
        return torch.tanh(x @ self.w + self.both(torch.cat((h, x), 1)) + mixed)


def loop(layer: wd.Recurrent) -> wd.Recurrent:
    """Layer of the same cell, whose weights PyTorch multiplies as float32."""
    return wd.Recurrent(layer.cell, backend="eager", returns=layer.returns)


def by_steps(layer: wd.Recurrent, x: Tensor) -> Tensor:
    outputs, state = [], None
    for event in x:
        y, state = layer.step(event, state)
        outputs.append(y)
    return torch.stack(outputs)


@torch.no_grad()
@pytest.mark.parametrize("case", SOME_CELLS, ids=str)
def test_kernels_agree_with_the_loop_over_the_weights_as_float32(case: CellCase) -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(scrambled(case.make(5, 18)))
    small = wd.quantize(layer)
    for batch in (1, 3, 14):
        x = torch.randn(6, batch, 5)
        y, state = loop(small)(x)
        assert_agree(small(x), (y, state))
        assert_agree(by_steps(small, x), y)
        stream = small.stream(batch)
        assert stream.fallback_reason is None
        assert_agree(torch.stack([stream.step(event).clone() for event in x]), y)
        lengths = torch.arange(batch) % 6 + 1
        assert_agree(small(x, lengths=lengths), loop(small)(x, lengths=lengths))
        resets = torch.rand(6, batch) < 0.3
        assert_agree(small(x, resets=resets), loop(small)(x, resets=resets))
    assert small.backend == "llvm"
    assert (small(x)[0] - layer(x)[0]).abs().mean() < 0.05


@torch.no_grad()
def test_a_cell_of_ones_own() -> None:
    small = wd.quantize(wd.Recurrent(_Own()))
    x = torch.randn(6, 3, 5)
    assert_agree(small(x), loop(small)(x))
    assert small.backend == "llvm"
    assert small.cell.heads.dtype is torch.float32


@pytest.mark.parametrize("make", [wd.cells.LSTMCell, wd.cells.FourGateLSTMCell, nn.GRUCell])
def test_kernels_read_int8(make: type[nn.Module]) -> None:
    """Every packed matrix of a stream is int8, slices of weights among them."""
    stream = wd.quantize(wd.Recurrent(make(20, 70))).stream()
    packed = stream._bound[0]._held[2]
    forms = [int(tensor[0]) for tensor in packed.values() if tensor.dtype is torch.uint8]
    assert set(forms) == {FORMATS["int8"]}


@torch.no_grad()
@pytest.mark.parametrize(
    "make",
    [
        lambda: wd.LSTM(5, 18, 2, bidirectional=True),
        lambda: wd.GRU(5, 18, batch_first=True),
        lambda: wd.RNN(5, 18, nonlinearity="relu"),
        lambda: wd.LSTM(5, 18, proj_size=7, bias=False),
    ],
)
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_layers_of_torch_agree_with_their_own_forward(make) -> None:
    torch.manual_seed(0)
    small = wd.quantize(make())
    x = torch.randn(6, 4, 5)
    assert_agree(small(x), small.own.forward(small, x))
    assert small.backend == "llvm"
    if not small.bidirectional:
        stream, axis = small.stream(x.shape[1 if not small.batch_first else 0]), int(small.batch_first)
        found = torch.stack([stream.step(event).clone() for event in x.movedim(axis, 0)], axis)
        assert_agree(found, small(x)[0])
    packed = nn.utils.rnn.pack_padded_sequence(
        x, [4] * 6 if small.batch_first else [6] * 4, small.batch_first
    )
    assert_agree(small(packed)[0].data, small.own.forward(small, packed)[0].data)


@torch.no_grad()
def test_layers_of_layers() -> None:
    x = torch.randn(6, 2, 5)
    stack = wd.Stack(wd.cells.GRUCell(5, 8), wd.Bidirectional(wd.cells.LSTMCell(8, 8)), skip="residual")
    small = wd.quantize(stack)
    names = [name for name in small.state_dict() if name.endswith("_int8")]
    assert len(names) == 6
    assert not any("skips" in name for name in names)
    assert small.backend == "llvm"
    assert (small(x)[0] - stack(x)[0]).abs().max() < 0.05
    model = nn.Sequential(nn.Linear(5, 8), wd.GRU(8, 8))
    assert wd.quantize(model)[0].weight.dtype is torch.float32


def test_a_saved_layer_is_loaded_into_another(tmp_path: Path) -> None:
    layer = wd.quantize(wd.Recurrent(wd.cells.LSTMCell(5, 18)))
    other = wd.quantize(wd.Recurrent(wd.cells.LSTMCell(5, 18)))
    x = torch.randn(4, 2, 5)
    state, stream = other.initial_state(2) if hasattr(other, "initial_state") else None, other.stream(2)
    with torch.no_grad():
        _, state = other.step(x[0])
        for _ in range(2):  # the second takes the fast path
            other(x), other.step(x[0], state)
        save_file(layer.state_dict(), tmp_path / "layer.safetensors")
        other.load_state_dict(load_file(tmp_path / "layer.safetensors"))
        assert_same(other(x), layer(x))
        assert_same(other.step(x[0], state), layer.step(x[0], state))
    with pytest.raises(InputError, match="refresh"):
        stream.step(x[0])
    stream.refresh()
    assert_agree(stream.step(x[0]), layer(x[:1])[0][0])


def test_weights_that_change_in_place_are_noticed() -> None:
    layer = wd.quantize(wd.Recurrent(wd.cells.GRUCell(5, 18)))
    x = torch.randn(4, 2, 5)
    with torch.no_grad():
        for _ in range(3):
            layer(x)
        layer.cell.weight_hh_scales.mul_(2)
        layer.cell.weight_ih_int8.neg_()
        assert_agree(layer(x), loop(layer)(x))


def test_copies_and_pickles() -> None:
    layer = wd.quantize(wd.Recurrent(wd.cells.GRUCell(5, 18)))
    x = torch.randn(4, 2, 5)
    for other in (
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        wd.quantize(wd.Stack(layer)).layers[0],
    ):
        assert_same(other(x), layer(x))
    assert_agree(copy.deepcopy(layer).double()(x.double())[0].float(), layer(x)[0])
    assert not any(parameter.requires_grad for parameter in layer.parameters())


def test_a_quarter_of_the_memory() -> None:
    layer = wd.Recurrent(wd.cells.LSTMCell(256, 256, bias=False))
    sizes = [sum(t.nbytes for t in each.state_dict().values()) for each in (wd.quantize(layer), layer)]
    assert sizes[0] < 0.26 * sizes[1]


def test_gradients_of_events_pass_through() -> None:
    layer = wd.quantize(wd.Recurrent(wd.cells.GRUCell(5, 18)))
    found = []
    for each in (layer, loop(layer)):
        x = torch.linspace(-1, 1, 60).view(4, 3, 5).requires_grad_()
        each(x)[0].square().sum().backward()
        found.append(x.grad)
    assert_agree(*found)


@pytest.mark.parametrize("layer", [nn.Linear(2, 3), wd.Recurrent(wd.cells.GRUCell(2, 3)).double()])
def test_what_has_no_matrix_to_quantize_is_refused(layer: nn.Module) -> None:
    with pytest.raises(InputError, match="no recurrent cell with a matrix of float32"):
        wd.quantize(layer)
