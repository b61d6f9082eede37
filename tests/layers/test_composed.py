"""Stacks and directions against cells called by hand: outputs, states and every gradient."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import wolfdog as wd
from by_hand import over
from cases import scrambled
from foreign_cells import LearnedStart, OutputAndPair
from tolerances import assert_agree, assert_same
from wolfdog.layers.cell.state import tensors, transform

Part = Callable[[nn.Module], wd.Recurrent]
LAYERS: dict[str, Callable[[Part], nn.Module]] = {
    "stack": lambda part: wd.Stack(part(wd.cells.GRUCell(3, 4)), part(wd.cells.LSTMCell(4, 5))),
    "residual": lambda part: wd.Stack(
        part(wd.cells.ProjectedLSTMCell(3, 5, 4)), part(wd.cells.GRUCell(4, 4)), skip="residual"
    ),
    "highway": lambda part: wd.Stack(
        part(wd.cells.ElmanCell(3, 3)), part(wd.cells.FourGateLSTMCell(3, 4)), skip="highway"
    ),
    "own cells": lambda part: wd.Stack(part(LearnedStart()), wd.Stack(part(wd.cells.GRUCell(4, 2)))),
    "both ways": lambda part: wd.Bidirectional(part(wd.cells.LSTMCell(3, 4))),
    "two outputs": lambda part: wd.Bidirectional(part(OutputAndPair()), part(LearnedStart())),
    "sum": lambda part: wd.Bidirectional(part(wd.cells.GRUCell(3, 4)), merge="sum"),
    "mean": lambda part: wd.Bidirectional(
        part(wd.cells.GRUCell(3, 4)), part(wd.cells.ElmanCell(3, 4)), merge="mean"
    ),
    "product": lambda part: wd.Bidirectional(part(wd.cells.ElmanCell(3, 4)), merge="product"),
    "both ways upon another": lambda part: wd.Stack(
        wd.Bidirectional(part(wd.cells.GRUCell(3, 2))),
        wd.Bidirectional(part(wd.cells.LSTMCell(4, 3)), merge="sum"),
        skip="highway",
    ),
}


def make(name: str, backend: str | None = None) -> nn.Module:
    def part(cell: nn.Module) -> wd.Recurrent:
        returns = "output, state" if isinstance(cell, OutputAndPair) else None
        return wd.Recurrent(cell.double(), returns=returns, backend=backend)

    torch.manual_seed(1)
    return scrambled(LAYERS[name](part).double())


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def results(
    run: Callable[..., object], layer: nn.Module, x: Tensor, state: object, **options: object
) -> object:
    """Outputs, last states, and gradients of events, first states and parameters, of an uneven mix of everything."""
    x = x.detach().requires_grad_()
    if state is not None:
        state = transform(lambda t: t.detach().requires_grad_(), state)
    y, last = run(x, state, **options)
    parts = [y, *tensors(last)]
    loss = sum((part * drawn(*part.shape)).sum() for part in parts)
    wanted = [x, *([] if state is None else tensors(state)), *layer.parameters()]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    zeros = [torch.zeros_like(t) if g is None else g for g, t in zip(found, wanted, strict=True)]
    return (*(part.detach() for part in parts), *zeros)


@st.composite
def forms(draw: st.DrawFn) -> tuple[int, int, list[int] | None, Tensor | None]:
    steps, batch = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    some = st.lists(st.integers(0, steps), min_size=batch, max_size=batch).filter(lambda n: max(n) > 0)
    lengths = draw(st.none() | some)
    row = st.lists(st.booleans(), min_size=batch, max_size=batch)
    return (
        steps,
        batch,
        lengths,
        draw(st.none() | st.lists(row, min_size=steps, max_size=steps).map(torch.tensor)),
    )


@pytest.mark.parametrize("backend", [None, "eager"])
@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=8)
@given(form=forms(), given_state=st.booleans())
def test_layers_are_what_is_written_out(
    name: str, backend: str | None, form: tuple[int, int, list[int] | None, Tensor | None], given_state: bool
) -> None:
    steps, batch, lengths, resets = form
    layer, x = make(name, backend), drawn(steps, batch, 3)
    state = layer(drawn(2, batch, 3))[1] if given_state else None
    options = {"lengths": lengths, "resets": resets}
    ours = results(layer, layer, x, state, **options)
    assert_agree(ours, results(lambda *a, **o: over(layer, *a, **o), layer, x, state, **options))
    assert layer.backend == (backend or "llvm")


def test_a_wrong_gradient_is_seen() -> None:
    layer, x = make("both ways"), drawn(4, 2, 3)
    expected = results(lambda *a: over(layer, *a), layer, x, None)
    layer.backwards.cell.weight_hh.register_hook(lambda gradient: gradient + 1e-6)
    with pytest.raises(AssertionError):
        assert_agree(results(layer, layer, x, None), expected)


def test_a_reset_cuts_a_sequence_in_two_in_both_directions() -> None:
    layer, x = make("both ways"), drawn(7, 1, 3)
    resets = torch.zeros(7, 1, dtype=torch.bool)
    resets[3] = True
    y, ((stm, _), (stm_back, _)) = layer(x, resets=resets)
    early, (_, (early_back, _)) = layer(x[:3])
    late, ((late_stm, _), _) = layer(x[3:])
    assert_agree(y, torch.cat((early, late)))
    assert_agree((stm, stm_back), (late_stm, early_back))
    layer = make("both ways upon another")
    assert_agree(layer(x, resets=resets)[0], torch.cat((layer(x[:3])[0], layer(x[3:])[0])))


@pytest.mark.parametrize("name", ["residual", "both ways", "both ways upon another"])
def test_what_lies_past_an_end_is_nowhere(name: str) -> None:
    layer, x = make(name), drawn(5, 2, 3)
    poisoned = x.clone()
    poisoned[3:, 1] = torch.nan
    expected = results(layer, layer, x, None, lengths=[5, 3])
    found = results(layer, layer, poisoned, None, lengths=[5, 3])
    assert_agree(found, expected)
    assert not found[0][3:, 1].any()


@pytest.mark.parametrize("name", ["highway", "both ways", "both ways upon another"])
def test_layouts(name: str) -> None:
    plain = make(name)
    flipped = copy.deepcopy(plain)
    for module in flipped.modules():
        if hasattr(module, "batch_first"):
            module.batch_first = True
    x, lengths, resets = drawn(6, 3, 3), [6, 0, 4], torch.rand(6, 3) < 0.3
    y, last = plain(x, lengths=lengths, resets=resets)
    assert_agree(flipped(x.transpose(0, 1), lengths=lengths, resets=resets.T), (y.transpose(0, 1), last))
    activations, other = (
        plain.activations(x, lengths=lengths),
        flipped.activations(x.transpose(0, 1), lengths=lengths),
    )
    assert_agree(tuple(t.transpose(0, 1) for t in other.values()), tuple(activations.values()))
    for b in range(3):  # without a batch
        alone, state = plain(x[:, b], lengths=torch.tensor(lengths[b]), resets=resets[:, b])
        assert_agree(alone, y[:, b])
        assert_agree(state, transform(lambda t, b=b: t[b], last))


@pytest.mark.parametrize("name", ["stack", "residual", "highway", "own cells"])
@pytest.mark.parametrize("backend", [None, "eager"])
def test_steps_and_chunks_give_what_the_sequence_gives(name: str, backend: str | None) -> None:
    layer, x = make(name, backend), drawn(6, 2, 3)
    expected = layer(x)
    state, outputs = None, []
    for x_t in x:
        y_t, state = layer.step(x_t, state)
        outputs.append(y_t)
    assert_agree((torch.stack(outputs), state), expected)
    early, state = layer(x[:2])
    late, state = layer(x[2:], state)
    assert_agree((torch.cat((early, late)), state), expected)
    assert_agree(layer.step(x[0, 0])[0], expected[0][0, 0])


@pytest.mark.parametrize("name", ["stack", "highway", "own cells"])
@pytest.mark.parametrize("backend", [None, "eager"])
@settings(max_examples=6)
@given(form=forms(), every=st.integers(1, 4))
def test_a_stack_in_pieces_is_the_whole(
    name: str, backend: str | None, form: tuple[int, int, list[int] | None, Tensor | None], every: int
) -> None:
    steps, batch, lengths, resets = form
    layer, x = make(name, backend), drawn(steps, batch, 3)
    expected = results(layer, layer, x, None, lengths=lengths, resets=resets)
    layer.checkpoint_every = every
    assert_agree(results(layer, layer, x, None, lengths=lengths, resets=resets), expected)
    layer.batch_first = True
    for part in layer.modules():
        if isinstance(part, wd.Recurrent | wd.Stack):
            part.batch_first = True
    y, _ = layer(x.transpose(0, 1), lengths=lengths, resets=None if resets is None else resets.T)
    assert_agree(y.transpose(0, 1).detach(), expected[0])
    alone, _ = layer(x[:, 0])
    layer.checkpoint_every = None
    assert_agree(alone, layer(x[:, 0])[0])


def test_a_stack_in_pieces_keeps_states_alone() -> None:
    layer, x = make("stack"), drawn(100, 2, 3).requires_grad_()
    layer.checkpoint_every = 10
    layer(x)  # compiled at the first call
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        layer(x)
    own = sum(tensor.numel() for tensor in (x, *layer.parameters()))
    assert sum(tensor.numel() for tensor in kept) == own + 9 * 2 * (4 + 5 + 5)  # between pieces, B, memories


@pytest.mark.parametrize("every", [None, 3])
def test_dropout_between_layers(every: int | None) -> None:
    torch.manual_seed(1)
    parts = [wd.cells.GRUCell(3, 4), wd.cells.LSTMCell(4, 4), wd.cells.GRUCell(4, 4)]
    stack = scrambled(wd.Stack(*parts, dropout=0.5, skip="residual", checkpoint_every=every).double())
    x = drawn(8, 2, 3)
    found = []
    for run in (stack, lambda *a, **o: over(stack, *a, **o)) if every is None else (stack, stack):
        torch.manual_seed(5)
        found.append(results(run, stack, x, None, lengths=[8, 5]))
    assert_agree(*found)
    torch.manual_seed(6)
    assert not torch.equal(stack(x)[0], stack(x)[0])
    stack.eval()
    assert_agree(stack(x)[0], over(stack, x)[0])


def test_trace_names_layers_and_directions() -> None:
    layer, x = make("both ways upon another"), drawn(5, 2, 3)
    activations = layer.activations(x, lengths=[5, 3])
    y, (((gru, _)), ((stm, _), (_, ltm_back))) = layer(x, lengths=[5, 3])
    assert {"0.forwards.z", "0.backwards.stm", "1.forwards.i", "1.backwards.ltm"} <= set(activations)
    assert_agree(activations["0.forwards.stm"][[4, 2], [0, 1]], gru)
    assert_agree(activations["1.forwards.stm"][[4, 2], [0, 1]], stm)
    assert_agree(activations["1.backwards.ltm"][0], ltm_back)
    torch.manual_seed(2)
    stack = wd.Stack(
        wd.cells.GRUCell(3, 4), wd.cells.GRUCell(4, 4), wd.cells.GRUCell(4, 4), dropout=0.5
    ).double()
    torch.manual_seed(3)
    y, _ = stack(x)
    torch.manual_seed(3)
    assert_agree(stack.activations(x)["2.stm"], y.detach())


def test_second_direction_is_drawn_afresh_and_layers_travel() -> None:
    layer = wd.Bidirectional(wd.cells.GRUCell(3, 4))
    assert not torch.equal(layer.forwards.cell.weight_ih, layer.backwards.cell.weight_ih)
    x = torch.randn(5, 2, 3)
    stack = wd.Stack(layer, nn.GRUCell(8, 4), skip="highway")
    for other in (copy.deepcopy(stack), pickle.loads(pickle.dumps(stack))):
        assert_same(other(x), stack(x))
    twin = wd.Stack(wd.Bidirectional(wd.cells.GRUCell(3, 4)), nn.GRUCell(8, 4), skip="highway")
    twin.load_state_dict(stack.state_dict())
    assert_same(twin(x), stack(x))
    assert (stack.input_size, stack.output_size, stack.reads_ahead) == (3, 4, True)


class Sorts(nn.Module):
    """A cell that is not compiled."""

    input_size = output_size = 3

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 3)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.sort(x + h).values


def test_backend_and_fallback_reason_are_the_parts() -> None:
    assert wd.Stack(wd.cells.GRUCell(3, 4)).fallback_reason is None
    stack = wd.Stack(wd.cells.GRUCell(3, 3), wd.Bidirectional(Sorts(), Sorts()))
    with pytest.warns(RuntimeWarning, match="runs as an eager loop"):
        assert stack.backend == "eager"
    assert stack.fallback_reason.startswith("layer 1: ")
