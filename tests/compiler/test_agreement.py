"""Kernels give what the eager loop gives: outputs, last states and all gradients, of every cell we know."""

import pytest
import torch

import wolfdog as wd
from cell_zoo import ALL, OTHERS, VARIANTS, flat, make, run, spread, worst

STAY_EAGER: dict[str, str] = {}
"""Cells that are not compiled, with the reason; at most three may be."""

ROUNDED = {"DSGUCell", "SGUCell"}
"""Cells with a hard sigmoid, the slope of which PyTorch rounds to float32 even in float64."""


def exact_hardsigmoid(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """The same function with the slope 1/6."""
    return torch.nn.functional.relu6(x + 3) / 6


def test_pytorch_rounds_the_slope_of_the_hard_sigmoid() -> None:
    x = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.nn.functional.hardsigmoid(x), x)
    assert float(slope) == float(torch.tensor(1 / 6, dtype=torch.float32)) != 1 / 6
    (slope,) = torch.autograd.grad(exact_hardsigmoid(x), x)
    assert float(slope) == 1 / 6


def layers(name: str, units: int, dtype: torch.dtype) -> tuple[wd.Recurrent, wd.Recurrent, int]:
    inputs = units if name == "IntersectionRNNCell" else 3
    cell, returns = make(name, inputs, units, dtype)
    return wd.Recurrent(cell, returns=returns), wd.Recurrent(cell, returns=returns, backend="eager"), inputs


def drawn(layer: wd.Recurrent, x: torch.Tensor) -> tuple[object, list[torch.Tensor]]:
    """A state, and weights of outputs and last states."""
    with torch.no_grad():
        y, state = layer(x)
    given = wd.layers.cell.state.transform(lambda t: 0.5 * torch.randn_like(t), state)
    return given, [torch.randn_like(t) for t in (y, *flat(state))]


@pytest.mark.parametrize("name", [*ALL, *VARIANTS])
def test_float64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, eager, inputs = layers(name, 5, torch.float64)
    x = torch.randn(4, 3, inputs, dtype=torch.float64)
    state, weights = drawn(eager, x)
    actual = run(ours, x, state, weights)
    if name in ROUNDED:
        assert worst(actual.gradients, run(eager, x, state, weights).gradients) > 1e-10
        monkeypatch.setattr(torch.nn.functional, "hardsigmoid", exact_hardsigmoid)
    expected = run(eager, x, state, weights)
    assert ours.backend == ("eager" if name in STAY_EAGER else "llvm"), ours.fallback_reason
    assert worst(actual.values, expected.values) < 1e-10
    assert worst(actual.gradients, expected.gradients) < 1e-10
    with torch.no_grad():  # a kernel of its own, which saves nothing
        y, last = ours(x, state)
    assert worst([y, *flat(last)], expected.values) < 1e-10


def test_few_cells_stay_eager() -> None:
    assert len(OTHERS) == 41
    assert len(STAY_EAGER) <= 3


@pytest.mark.parametrize(
    "name", ["LSTM", "FourGateLSTM", "PeepholeLSTM, full", "GRU", "SCRNCell", "TRNNCell"]
)
@pytest.mark.parametrize("ragged", [False, True])
def test_many_examples_with_the_events_inside_the_kernel(name: str, ragged: bool) -> None:
    ours, eager, inputs = layers(name, 17, torch.float64)
    x = torch.randn(7, 9, inputs, dtype=torch.float64)
    state, weights = drawn(eager, x)
    options: dict[str, object] = {}
    if ragged:
        options["lengths"] = torch.tensor([3, 7, 0, 1, 7, 2, 5, 4, 6])
        options["resets"] = torch.rand(7, 9) < 0.2
    actual, expected = run(ours, x, state, weights, **options), run(eager, x, state, weights, **options)
    assert worst(actual.values, expected.values) < 1e-10
    assert worst(actual.gradients, expected.gradients) < 1e-10


@pytest.mark.parametrize("name", ALL)
def test_float32_is_as_close_to_the_truth_as_the_eager_loop(name: str) -> None:
    ours, eager, inputs = layers(name, 33, torch.float32)
    _, truth_layer, _ = layers(name, 33, torch.float64)
    truth_layer.load_state_dict(eager.state_dict())
    x = torch.randn(12, 6, inputs)
    state, weights = drawn(eager, x)
    actual, expected = run(ours, x, state, weights), run(eager, x, state, weights)
    doubled = wd.layers.cell.state.transform(lambda t: t.double(), state)
    truth = run(truth_layer, x.double(), doubled, [w.double() for w in weights])
    for ours_now, eager_now, true in zip(
        actual.values + actual.gradients,
        expected.values + expected.gradients,
        truth.values + truth.gradients,
        strict=True,
    ):
        floor = (
            1.2e-7 if true.numel() > 1 else 1e-6
        )  # errors below it are the luck of the draw: of one number, more so
        assert spread(ours_now, true) <= 2 * spread(eager_now, true) + floor


def test_a_wrong_answer_would_be_seen() -> None:
    right = torch.randn(3, 4, dtype=torch.float64)
    wrong = right.clone()
    wrong[1, 2] += 1e-8
    assert worst([right], [right]) == 0
    assert worst([wrong], [right]) > 1e-10
    assert worst([torch.full((2,), 1e-3)], [torch.zeros(2)]) > 1e-10


@pytest.mark.parametrize(
    ("steps", "batch", "inputs", "units"), [(1, 1, 1, 1), (63, 1, 3, 17), (2, 13, 5, 33), (3, 2, 70, 129)]
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_odd_sizes(steps: int, batch: int, inputs: int, units: int, dtype: torch.dtype) -> None:
    cell = wd.cells.GRUCell(inputs, units, reset_after=False, dtype=dtype)
    x = torch.randn(batch, inputs, steps, dtype=dtype).permute(2, 0, 1)  # nothing lies side by side
    y, state = wd.Recurrent(cell)(x)
    expected, last = wd.Recurrent(cell, backend="eager")(x)
    limit = 1e-10 if dtype is torch.float64 else 3e-6
    assert worst([y, state], [expected, last]) < limit


@pytest.mark.parametrize("name", ALL[:10])
def test_single_steps(name: str) -> None:
    ours, eager, inputs = layers(name, 5, torch.float64)
    x = torch.randn(6, 2, inputs, dtype=torch.float64)
    state, _ = drawn(eager, x)
    with torch.no_grad():
        expected, last = eager(x, state)
        for event, should in zip(x, expected, strict=True):
            y, state = ours.step(event, state)
            assert worst([y], [should]) < 1e-10
    assert worst(flat(state), flat(last)) < 1e-10


class PartsOfStates(torch.nn.Module):
    """LSTM whose state is put together from parts of two states; its gradients join the same zeros twice."""

    input_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.unit = torch.nn.LSTMCell(3, 4, dtype=torch.float64)

    def forward(self, x, state):
        (h, c), last = state
        _, c = self.unit(x, (h, c))
        joined = torch.zeros_like(h)
        joined[:, :2] = last[:, 2:]
        joined[:, 2:] += h[:, :2]
        return (torch.tanh(joined), c), torch.tanh(c * last)

    def initial_state(self, batch):
        zeros = self.unit.weight_hh.new_zeros(batch, 4)
        return (zeros, zeros), zeros


def test_gradients_of_parts_of_states_with_resets() -> None:
    torch.manual_seed(0)
    cell, x = PartsOfStates(), torch.randn(5, 2, 3, dtype=torch.float64)
    first = [torch.randn(2, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    found = []
    for backend in (None, "eager"):
        layer = wd.Recurrent(cell, backend=backend)
        y, after = layer(x, ((first[0], first[1]), first[2]), resets=torch.eye(5, 2, dtype=torch.bool))
        loss = y.square().sum() + sum(part.sin().sum() for part in flat(after))
        found.append(torch.autograd.grad(loss, [*first, *cell.parameters()]))
        assert layer.backend == ("eager" if backend else "llvm")
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
