"""Recurrent dropout, zoneout and learned initial states against loops that say what they mean."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import linear

import wolfdog as wd
from cases import CELLS, CellCase, scrambled
from foreign_cells import OutputAndPair
from tolerances import assert_agree, assert_same
from wolfdog.layers.cell.state import tensors, transform

C = wd.cells


class SaysItsSize(OutputAndPair):
    """An output beside a state of two, with a size."""

    input_size = 3


class Masked(nn.Module):
    """A cell of someone's own that knows where to drop out."""

    input_size, output_size = 3, 4
    state_mask: Tensor | None = None

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3 + 4, 4)

    def initial_state(self, batch: int) -> Tensor:
        return self.mix.bias.new_zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        read = h if self.state_mask is None else h * self.state_mask
        return 0.9 * h + torch.tanh(self.mix(torch.cat((x, read), -1)))


MAKE: dict[str, Callable[[], nn.Module]] = {
    "lstm": lambda: wd.RecurrentDropout(C.LSTMCell(3, 4), inputs=0.3, states=0.4, candidates=0.5),
    "gru": lambda: wd.RecurrentDropout(C.GRUCell(3, 4), inputs=0.3, states=0.4, candidates=0.5),
    "torch": lambda: wd.RecurrentDropout(nn.LSTMCell(3, 4), inputs=0.3, states=0.4),
    "peephole": lambda: wd.RecurrentDropout(
        C.PeepholeLSTMCell(3, 4, peephole="full"), inputs=0.3, states=0.4
    ),
    "own": lambda: wd.RecurrentDropout(Masked(), states=0.4),
    "zoned": lambda: wd.Zoneout(C.LSTMCell(3, 4), states=(0.2, 0.6)),
    "zoned torch": lambda: wd.Zoneout(nn.GRUCell(3, 4), states=0.4),
    "zoned own": lambda: wd.Zoneout(SaysItsSize(), states=(0.0, 0.5)),
    "learned": lambda: wd.LearnedState(C.FourGateLSTMCell(3, 4)),
    "all": lambda: wd.LearnedState(
        wd.Zoneout(wd.RecurrentDropout(C.ProjectedLSTMCell(3, 5, 4), states=0.4, candidates=0.2), states=0.3)
    ),
}


def make(name: str, **options: object) -> wd.Recurrent:
    torch.manual_seed(1)
    return wd.Recurrent(scrambled(MAKE[name]()).double(), **options)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def results(
    run: Callable[..., object], layer: nn.Module, x: Tensor, state: object = None, **options: object
) -> object:
    """Outputs, last states, and gradients of events, first states and parameters, under one seed."""
    x = x.detach().requires_grad_()
    if state is not None:
        state = transform(lambda t: t.detach().requires_grad_(), state)
    torch.manual_seed(7)
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
    row = st.lists(st.booleans(), min_size=batch, max_size=batch)
    resets = st.none() | st.lists(row, min_size=steps, max_size=steps).map(torch.tensor)
    return steps, batch, draw(st.none() | some), draw(resets)


@pytest.mark.parametrize("name", MAKE)
@settings(max_examples=5)
@given(form=forms(), every=st.none() | st.integers(1, 3), given_state=st.booleans())
def test_kernels_pieces_and_loops_drop_the_same(
    name: str,
    form: tuple[int, int, list[int] | None, Tensor | None],
    every: int | None,
    given_state: bool,
) -> None:
    steps, batch, lengths, resets = form
    layer, x = make(name, checkpoint_every=every), drawn(steps, batch, 3)
    loop = wd.Recurrent(layer.cell, backend="eager")
    state = loop(drawn(2, batch, 3))[1] if given_state else None
    options = {"lengths": lengths, "resets": resets}
    found = results(layer, layer, x, state, **options)
    assert_agree(found, results(loop, layer, x, state, **options))
    assert layer.backend == "llvm"


def test_one_row_first_and_then_more() -> None:
    layer = make("lstm")
    loop = wd.Recurrent(layer.cell, backend="eager")
    for batch in (1, 4, 1):
        x = drawn(5, batch, 3)
        assert_agree(results(layer, layer, x), results(loop, layer, x))


def masks_of(layer: wd.Recurrent, batch: int) -> tuple[Tensor | None, ...]:
    """What is drawn under the seed of `results`."""
    torch.manual_seed(7)
    with wd.shared_dropout_masks(layer, batch):
        return layer.cell.masks()


@pytest.mark.parametrize("backend", [None, "eager"])
def test_dropout_in_an_lstm_is_what_the_papers_say(backend: str | None) -> None:
    layer = make("lstm", backend=backend)
    p, x = layer.cell.cell, drawn(6, 3, 3)
    m_x, _, m_h, m_g = masks_of(layer, 3)

    def by_hand(x: Tensor, _: object) -> tuple[Tensor, object]:
        h = c = x.new_zeros(3, 4)
        outputs = []
        for x_t in x:
            sums = linear(x_t * m_x, p.weight_ih, p.bias_ih) + linear(h * m_h, p.weight_hh, p.bias_hh)
            i, f, g, o = sums.chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g) * m_g
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)

    assert_agree(results(layer, layer, x), results(by_hand, layer, x))


@pytest.mark.parametrize("backend", [None, "eager"])
def test_dropout_in_a_gru_leaves_what_is_carried_over(backend: str | None) -> None:
    layer = make("gru", backend=backend)
    p, x = layer.cell.cell, drawn(6, 3, 3)
    m_x, _, m_h, m_n = masks_of(layer, 3)

    def by_hand(x: Tensor, _: object) -> tuple[Tensor, object]:
        h = x.new_zeros(3, 4)
        outputs = []
        for x_t in x:
            r_x, z_x, n_x = linear(x_t * m_x, p.weight_ih, p.bias_ih).chunk(3, -1)
            r_h, z_h, n_h = linear(h * m_h, p.weight_hh, p.bias_hh).chunk(3, -1)
            r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
            h = (1 - z) * torch.tanh(n_x + r * n_h) * m_n + z * h
            outputs.append(h)
        return torch.stack(outputs), h

    assert_agree(results(layer, layer, x), results(by_hand, layer, x))


@pytest.mark.parametrize("backend", [None, "eager"])
@pytest.mark.parametrize("training", [True, False])
def test_zoneout_is_what_the_paper_says(backend: str | None, training: bool) -> None:
    layer, x = make("zoned", backend=backend).train(training), drawn(6, 3, 3)
    torch.manual_seed(7)
    d_h, d_c = layer.cell.with_masks(x)[..., 3:].chunk(2, -1) if training else torch.zeros(2, 6)
    p = layer.cell.cell

    def by_hand(x: Tensor, _: object) -> tuple[Tensor, object]:
        h = c = x.new_zeros(3, 4)
        outputs = []
        for t, x_t in enumerate(x):
            i, f, g, o = (linear(x_t, p.weight_ih, p.bias_ih) + linear(h, p.weight_hh, p.bias_hh)).chunk(
                4, -1
            )
            new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            new_h = torch.sigmoid(o) * torch.tanh(new_c)
            if training:
                h, c = d_h[t] * h + (1 - d_h[t]) * new_h, d_c[t] * c + (1 - d_c[t]) * new_c
            else:
                h, c = 0.2 * h + 0.8 * new_h, 0.6 * c + 0.4 * new_c
            outputs.append(h)
        return torch.stack(outputs), (h, c)

    assert_agree(results(layer, layer, x), results(by_hand, layer, x))
    if training:
        assert 0 < d_h.mean() < d_c.mean() < 1


def test_shares_of_what_is_dropped() -> None:
    layer = make("lstm")
    m_x, _, m_h, m_g = masks_of(layer, 5000)
    for mask, p in ((m_x, 0.3), (m_h, 0.4), (m_g, 0.5)):
        assert abs((mask == 0).double().mean() - p) < 0.02  # 15,000 draws or more, under one seed
        assert_agree(mask[mask > 0], torch.full_like(mask[mask > 0], 1 / (1 - p)))
    kept = make("zoned").cell.with_masks(torch.zeros(100, 50, 3))[..., 3:]
    assert (kept.mean((0, 1)) - torch.tensor([0.2] * 4 + [0.6] * 4)).abs().max() < 0.03


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_every_cell_of_ours_masks_what_its_matrices_read(case: CellCase) -> None:
    """The slope of the next output by a dropped number of STM is that of what is carried over alone."""
    cell = scrambled(case.make(3, 4, dtype=torch.float64))
    state = cell.initial_state(2)
    first, *rest = state if isinstance(state, tuple) else (state,)
    stm = drawn(*first.shape).requires_grad_()
    cell.state_mask = torch.zeros_like(first)
    whole = (stm, *rest) if rest else stm
    after = cell(drawn(2, 3), whole)
    total = sum(part.sum() for part in tensors(after))
    (slope,) = torch.autograd.grad(total, stm, allow_unused=True) if total.requires_grad else (None,)
    if "gru" in case.name:  # the gate's own share of what was, and nothing else
        assert ((slope > 0) & (slope < 1)).all()
    else:
        assert slope is None or not slope.any()
    if "elman" not in case.name:
        cell.state_mask, cell.candidate_mask = None, torch.zeros(2, 4, dtype=torch.float64)
        nothing = cell(drawn(2, 3), cell.initial_state(2))
        assert not list(tensors(nothing))[-1].any()


def test_nothing_is_dropped_in_eval_mode_and_each_call_draws_anew() -> None:
    x = drawn(6, 2, 3)
    for name in ("lstm", "gru", "torch", "own"):
        layer = make(name)
        assert not torch.equal(layer(x)[0], layer(x)[0])
        layer.eval()
        drawn_before = torch.get_rng_state()
        assert_agree(layer(x), wd.Recurrent(layer.cell.cell)(x))
        assert torch.equal(torch.get_rng_state(), drawn_before)
    assert "input_mask" not in layer.state_dict()


def test_asking_what_runs_it_draws_nothing() -> None:
    for name in MAKE:
        layer = make(name)
        before = torch.get_rng_state()
        assert layer.backend == "llvm", layer.fallback_reason
        assert torch.equal(torch.get_rng_state(), before)
    assert "a0" in wd.show(make("lstm"), "equations")


@pytest.mark.parametrize("backend", [None, "eager"])
def test_chunks_and_steps_within_shared_dropout_masks_are_one_sequence(backend: str | None) -> None:
    layer, x = make("lstm", backend=backend), drawn(6, 2, 3)
    torch.manual_seed(7)
    with wd.shared_dropout_masks(layer, 2):
        whole = layer(x)
        early, state = layer(x[:3])
        outputs = [early]
        for x_t in x[3:]:
            y_t, state = layer.step(x_t, state)
            outputs.append(y_t[None])
        bare = layer.cell(x[0])
    assert_agree((torch.cat(outputs), state), whole)
    assert_agree(bare[0], whole[0][0])
    torch.manual_seed(7)
    assert_agree(layer(x), whole)


@pytest.mark.parametrize("every", [None, 2])
def test_layers_of_layers_drop_out_too(every: int | None) -> None:
    torch.manual_seed(1)
    drop = wd.RecurrentDropout(C.GRUCell(4, 4), states=0.5)
    stack = wd.Stack(
        make("lstm"), drop, wd.Zoneout(C.LSTMCell(4, 4), states=0.3), checkpoint_every=every
    ).double()
    x = drawn(7, 2, 3)
    loop = copy.deepcopy(stack)
    for layer in loop.layers:
        layer._asked_backend = "eager"
    assert_agree(results(stack, stack, x), results(loop, loop, x))
    both = wd.Bidirectional(make("lstm"), make("gru"))
    other = wd.Bidirectional(
        *(wd.Recurrent(p.cell, backend="eager") for p in (both.forwards, both.backwards))
    )
    assert_agree(results(both, both, x), results(other, both, x))


def test_a_model_in_pieces_keeps_its_masks() -> None:
    layer, x = make("gru"), drawn(9, 2, 3)
    assert_agree(results(wd.Checkpointed(layer, every=2), layer, x), results(layer, layer, x))


def test_trace_has_the_names_of_the_cell_within() -> None:
    for name in ("lstm", "zoned", "all"):
        layer, x = make(name), drawn(6, 2, 3)
        torch.manual_seed(7)
        y, (_, ltm) = layer(x)
        torch.manual_seed(7)
        activations = layer.activations(x)
        assert list(activations) == ["i", "f", "g", "o", "stm", "ltm"]
        assert_agree((activations["stm"], activations["ltm"][-1]), (y.detach(), ltm.detach()))


def test_learned_states() -> None:
    layer, x = wd.Recurrent(wd.LearnedState(C.LSTMCell(3, 4)).double()), drawn(5, 3, 3)
    assert [(theta == 0).all().item() for theta in layer.cell.start] == [True, True]
    assert_agree(layer(x), wd.Recurrent(layer.cell.cell)(x))
    scrambled(layer.cell)
    theta = tuple(layer.cell.start)
    given = tuple(t.detach().expand(3, 4).clone().requires_grad_() for t in theta)
    y, _ = wd.Recurrent(layer.cell.cell)(x, given)
    expected = [g.sum(0) for g in torch.autograd.grad(y.square().sum(), given)]
    found = torch.autograd.grad(layer(x)[0].square().sum(), theta)
    assert_agree(tuple(found), tuple(expected))
    other = wd.Bidirectional(layer).backwards.cell
    assert not any(t.any() for t in other.start)
    for same in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert_same(same(x), layer(x))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", ["lstm", "all"])
def test_one_graph(name: str) -> None:
    torch._dynamo.reset()
    layer, x = make(name), drawn(5, 3, 3)
    code: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        code.append(graph.code)
        return graph.forward

    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    for training in (True, False):
        layer.train(training)
        for options in ({}, {"lengths": torch.tensor([2, 5, 3])}):
            assert_agree(results(compiled, layer, x, **options), results(layer, layer, x, **options))
    assert all(text.count("wolfdog.recurrence") == 1 for text in code)
