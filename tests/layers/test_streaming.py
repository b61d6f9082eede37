"""Streams beside the layer that they come from."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import wolfdog as wd
from wolfdog.errors import InputError, ShapeError


class _Own(nn.Module):
    """Cell with a matrix that is computed from a parameter, an output of its own, and a state of two parts."""

    input_size, output_size = 3, 2

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(3, 4))

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        return torch.ones(batch, 4), torch.zeros(batch, 1)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, count = state
        h = torch.tanh(x @ self.u + h @ (self.w - self.w.T))
        return h[:, 1:3] * 2, (h, count + 1)


class _Eager(nn.Module):
    """Cell that only PyTorch's operators run, and that makes its own first state."""

    input_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(3, 4)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        if state is None:
            state = torch.full((len(x), 4), 0.5)
        return self.cell(x, state) * float(x.detach().sum() * 0 + 1)


LAYERS = {
    "Elman": lambda: wd.Recurrent(nn.RNNCell(3, 4)),
    "LSTM": lambda: wd.Recurrent(nn.LSTMCell(3, 4)),
    "GRU, batch first": lambda: wd.Recurrent(wd.cells.GRUCell(3, 4), batch_first=True),
    "full peepholes": lambda: wd.Recurrent(wd.cells.PeepholeLSTMCell(3, 4, peephole="full")),
    "four gates": lambda: wd.Recurrent(wd.cells.FourGateLSTMCell(3, 4)),
    "own": lambda: wd.Recurrent(_Own(), returns="output, state"),
    "eager": lambda: wd.Recurrent(_Eager(), returns="state", backend="eager"),
    "stack": lambda: wd.Stack(nn.GRUCell(3, 5), nn.LSTMCell(5, 4)),
    "stack with skips": lambda: wd.Stack(nn.GRUCell(3, 4), nn.LSTMCell(4, 4), skip="residual"),
}
BY_LOOP = ("eager", "stack with skips")


@pytest.mark.parametrize("name", LAYERS)
@settings(deadline=None, max_examples=5)
@given(st.integers(1, 4), st.lists(st.sampled_from(["step", "buffer", "some", "all", "back"]), max_size=8))
def test_a_stream_gives_what_the_layer_gives(name: str, batch: int, actions: list[str]) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]()
    stream, state, kept = layer.stream(batch), None, None
    assert (stream.fallback_reason is None) == (name not in BY_LOOP)
    for action in [*actions, "step"]:
        fresh = torch.zeros(batch, dtype=torch.bool)
        if action == "some":
            fresh[0] = True
            stream.reset([0])
        elif action == "all":
            stream.reset()
            state = None
        elif action == "back" and kept is not None:
            stream.state = state = kept
        event = torch.randn(batch, 3)
        axis = 1 if layer.batch_first else 0
        with torch.no_grad():
            y, state = layer(event.unsqueeze(axis), state, resets=fresh.unsqueeze(axis))
        if action == "buffer":
            stream.x.numpy()[:] = event.numpy()
            found = stream.step()
        else:
            found = stream.step(event)
        assert found is stream.y
        torch.testing.assert_close(found, y.squeeze(axis))
        torch.testing.assert_close(stream.state, state)
        kept = copy.deepcopy(stream.state)


@pytest.mark.parametrize("name", ["LSTM", "own", "eager", "stack", "stack with skips"])
def test_a_stream_begins_with_the_state_given_and_returns_to_it(name: str) -> None:
    torch.manual_seed(0)
    layer, events = LAYERS[name](), torch.randn(3, 2, 3)
    with torch.no_grad():
        initial = layer(torch.randn(4, 2, 3))[1]
        first, second = layer(events[:2], initial)[0], layer(events[1:2], initial)[0][0]
    stream = layer.stream(2, state=initial)
    for number in (0, 1):
        torch.testing.assert_close(stream.step(events[number]), first[number])
    stream.reset([1])
    torch.testing.assert_close(stream.step(events[1])[1], second[1])
    stream.reset()
    torch.testing.assert_close(stream.step(events[1]), second)
    with pytest.raises((ShapeError, InputError), match="state must"):
        layer.stream(3, state=initial)


def test_a_cell_without_an_initial_state_streams_from_the_one_given() -> None:
    class Needs(nn.Module):
        input_size = 3

        def __init__(self) -> None:
            super().__init__()
            self.map = nn.Linear(7, 4)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(self.map(torch.cat((x, h), -1)))

    layer, events = wd.Recurrent(Needs(), returns="state"), torch.randn(3, 1, 3)
    initial = torch.randn(1, 4)
    stream = layer.stream(state=initial)
    assert stream.fallback_reason is None
    with torch.no_grad():
        expected, _ = layer(events, initial)
    for event, y in zip(events, expected, strict=True):
        torch.testing.assert_close(stream.step(event), y)


def test_changed_weights_are_an_error_until_they_are_packed_again() -> None:
    layer, event = wd.Recurrent(nn.GRUCell(3, 4)), torch.randn(1, 3)
    stream = layer.stream()
    before = stream.step(event).clone()
    with torch.no_grad():
        layer.cell.weight_ih.mul_(2)
    with pytest.raises(InputError, match=r"call refresh\(\)"):
        stream.step(event)
    stream.refresh()
    stream.reset()
    after = stream.step(event)
    torch.testing.assert_close(after, layer.step(event)[0].detach())
    assert not torch.allclose(after, before)


def test_double_precision_and_numpy_events() -> None:
    layer = wd.Recurrent(nn.LSTMCell(3, 4)).double()
    event = np.linspace(-1, 1, 3)[None]
    torch.testing.assert_close(layer.stream().step(event), layer.step(torch.from_numpy(event))[0].detach())


class _Counting(nn.Module):
    """Cell that computes with the whole numbers of its events."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(2, 6)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 6, dtype=self.cell.weight_hh.dtype)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.cell(x.to(state.dtype) / 9, state)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_steps_and_streams_of_whole_numbers(dtype: torch.dtype) -> None:
    layer = wd.Recurrent(_Counting().to(dtype))
    loop = wd.Recurrent(layer.cell, backend="eager")
    close = {"rtol": 0.03, "atol": 0.03} if dtype is torch.bfloat16 else {}
    for whole in (torch.int64, torch.int32, torch.uint8):
        x = torch.arange(24).view(4, 3, 2).to(whole)
        stream, state = layer.stream(3, x=x[0].clone()), None
        expected, _ = loop(x)
        for event, y in zip(x, expected, strict=True):
            found, state = layer.step(event, state)
            torch.testing.assert_close(found, y, **close)
            torch.testing.assert_close(stream.step(event), y, **close)
        for _ in range(3):
            torch.testing.assert_close(layer(x[:1])[0], expected[:1], **close)
        assert stream.fallback_reason is None
    assert layer.fallback_reason is None


@pytest.mark.parametrize("name", ["LSTM", "own", "eager", "stack"])
def test_a_stream_made_in_inference_mode_runs_outside_of_it(name: str) -> None:
    layer, events = LAYERS[name](), torch.randn(5, 2, 3)
    plain, found = layer.stream(2), []
    with torch.inference_mode():
        stream = layer.stream(2)
        found += [stream.step(event).clone() for event in events[:2].clone()]
    found += [stream.step(event).clone() for event in events[2:]]
    torch.testing.assert_close(torch.stack(found), torch.stack([plain.step(e).clone() for e in events]))
    stream.reset()
    torch.testing.assert_close(stream.step(events[0]), found[0])


def test_wrong_events_states_and_sizes_are_refused() -> None:
    layer = wd.Recurrent(nn.LSTMCell(3, 4))
    stream = layer.stream(2)
    with pytest.raises(ShapeError, match=r"an event of this stream is \[2, 3\]"):
        stream.step(torch.zeros(1, 3))
    with pytest.raises(ShapeError, match="the state of this stream"):
        stream.state = torch.zeros(2, 4)
    with pytest.raises(ShapeError, match="examples must be booleans"):
        stream.reset(torch.zeros(3, dtype=torch.bool))
    for batch in (0, -1, True, 1.5):
        with pytest.raises(InputError, match="batch must be"):
            layer.stream(batch)
    with pytest.raises(InputError, match="contiguous"):
        layer.stream(2, x=torch.zeros(3, 2).T)


TORCH = {
    "LSTM": lambda: wd.LSTM(3, 4, num_layers=2),
    "GRU": lambda: wd.GRU(3, 4, batch_first=True),
    "RNN": lambda: wd.RNN(3, 4, num_layers=3, nonlinearity="relu"),
    "projected": lambda: wd.LSTM(3, 4, proj_size=2, num_layers=2),
    "half": lambda: wd.LSTM(3, 4).bfloat16(),
}


@pytest.mark.parametrize("name", TORCH)
def test_streams_of_torch_layers(name: str) -> None:
    torch.manual_seed(0)
    layer, state = TORCH[name](), None
    stream, axis = layer.stream(2), 1 if layer.batch_first else 0
    assert stream.fallback_reason is None
    half = {"atol": 1e-2, "rtol": 1e-2} if name == "half" else {}  # steps of bfloat16 round the state
    for number in range(5):
        event = torch.randn(2, 3, dtype=stream.x.dtype)
        with torch.no_grad():
            y, state = layer(event.unsqueeze(axis), state)
        torch.testing.assert_close(stream.step(event), y.squeeze(axis), **half)
        torch.testing.assert_close(stream.state, state, **half)
        if number == 2:
            stream.reset([1])
            for tensor in state if isinstance(state, tuple) else (state,):
                tensor[:, 1] = 0
        if number == 3:
            stream.state = state


def test_a_bidirectional_layer_has_no_stream() -> None:
    with pytest.raises(InputError, match="bidirectional"):
        wd.GRU(3, 4, bidirectional=True).stream()
    with pytest.raises(InputError, match="bidirectional"):
        wd.Stack(wd.Bidirectional(nn.GRUCell(3, 4)), nn.GRUCell(8, 4)).stream()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda: wd.Zoneout(wd.cells.LSTMCell(3, 4), states=0.5),
        lambda: wd.RecurrentDropout(wd.cells.LSTMCell(3, 4), inputs=0.5),
    ],
)
def test_a_cell_with_masks_draws_them_as_in_a_step(wrapped, training: bool) -> None:
    layer, event = wd.Recurrent(wrapped()).train(training), torch.randn(2, 3)
    state = torch.get_rng_state()
    stream = layer.stream(2)
    assert (stream.fallback_reason is None) == (not training)
    if not training:  # a kernel was chosen without a draw
        assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    found = stream.step(event).clone()
    torch.manual_seed(1)
    torch.testing.assert_close(found, layer.step(event)[0].detach())


def test_a_default_device_changes_nothing() -> None:
    layer, event = wd.Recurrent(nn.GRUCell(3, 4)), torch.randn(2, 3)
    expected = layer.step(event)[0].detach()
    with torch.device("meta"):
        stream = layer.stream(2)
        torch.testing.assert_close(stream.step(event), expected)
        stream.reset([1])
        torch.testing.assert_close(stream.step(event.numpy())[1], expected[1])
