"""Every named quantity over time: the right names, and the numbers that the equations say."""

import sys

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from cases import CELLS, scrambled
from foreign_cells import LearnedStart, Nested, OutputAndPair, OutputAndState, OwnZero
from tolerances import assert_agree, assert_same
from wolfdog.errors import ShapeError

MAKE = {case.name: lambda make=case.make: make(3, 4) for case in CELLS}
MAKE |= {cell.__name__: lambda cell=cell: cell(3, 4) for cell in (nn.RNNCell, nn.LSTMCell, nn.GRUCell)}
MAKE |= {cell.__name__: cell for cell in (LearnedStart, Nested, OutputAndPair, OutputAndState, OwnZero)}

RESETS = torch.tensor([[t == 3, False] for t in range(6)])


def make(name: str, **options: object) -> wd.Recurrent:
    torch.manual_seed(1)
    return wd.Recurrent(scrambled(MAKE[name]()).double(), **options)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", MAKE)
def test_kernels_and_the_loop_say_the_same(name: str) -> None:
    layer, x = make(name), drawn(6, 2, 3)
    compiled, loop = (
        of.activations(x, lengths=[6, 4], resets=RESETS) for of in (layer, make(name, backend="eager"))
    )
    assert layer.backend == "llvm" or name == "OwnZero"
    assert list(compiled) == list(loop)
    assert_agree(tuple(compiled.values()), tuple(loop.values()))


@pytest.mark.parametrize("name", MAKE)
def test_outputs_and_states_are_the_layer_s(name: str) -> None:
    layer, x = make(name), drawn(6, 2, 3)
    state = layer(drawn(2, 2, 3))[1]
    activations = layer.activations(x, state, resets=RESETS)
    y, last = layer(x, state, resets=RESETS)
    names = {"OutputAndState": ["state"], "OutputAndPair": ["state.0", "state.1"]}
    names |= {"Nested": ["out", "held.0", "held.1"], "LearnedStart": ["state"], "OwnZero": ["state"]}
    names |= {"LSTMCell": ["h", "c"], "GRUCell": ["h"], "RNNCell": ["h"]}
    own = names.get(name) or list(layer.cell.state_names)
    assert list(activations)[-len(own) :] == own
    output = "output" if "output" in activations else own[0]
    assert ("output" in activations) == (name in ("OutputAndState", "OutputAndPair"))
    assert_agree(activations[output], y.detach())
    flat = [last] if isinstance(last, Tensor) else [last[0], *(last[1] if name == "Nested" else last[1:])]
    assert_agree(tuple(activations[one][-1] for one in own), tuple(part.detach() for part in flat))


def before(states: Tensor) -> Tensor:
    """The states before each step, from those after, from zeros."""
    return torch.cat((torch.zeros_like(states[:1]), states[:-1]))


def test_the_four_gates() -> None:
    layer, x = make("four_gate_lstm"), drawn(9, 2, 3)
    q, cell = layer.activations(x), layer.cell
    assert list(q) == ["seen", "n", "i", "f", "v", "learn", "forget", "remember", "u", "use", "stm", "ltm"]
    seen = torch.cat((before(q["stm"]), x), -1)
    assert_agree(q["learn"], (torch.tanh(cell.n(seen)) * torch.sigmoid(cell.i(seen))).detach())
    assert_agree(q["forget"], (before(q["ltm"]) * torch.sigmoid(cell.f(seen))).detach())
    assert_agree(q["remember"], q["forget"] + q["learn"])
    assert_agree(q["use"], (torch.tanh(cell.u(q["forget"])) * torch.sigmoid(cell.v(seen))).detach())
    assert_agree((q["use"], q["remember"]), (q["stm"], q["ltm"]))


@pytest.mark.parametrize(("name", "short", "long"), [("lstm", "stm", "ltm"), ("LSTMCell", "h", "c")])
def test_the_lstm_s_gates(name: str, short: str, long: str) -> None:
    layer, x = make(name), drawn(9, 2, 3)
    q, cell = layer.activations(x), layer.cell
    assert list(q) == ["i", "f", "g", "o", short, long]
    sums = nn.functional.linear(x, cell.weight_ih, cell.bias_ih)
    sums = sums + nn.functional.linear(before(q[short]), cell.weight_hh, cell.bias_hh)
    i, f, g, o = sums.detach().chunk(4, -1)
    assert_agree((q["i"], q["f"], q["o"]), (torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)))
    assert_agree(q["g"], torch.tanh(g))
    assert_agree(q[long], q["f"] * before(q[long]) + q["i"] * q["g"])
    assert_agree(q[short], q["o"] * torch.tanh(q[long]))


@pytest.mark.parametrize(("name", "state"), [("gru", "stm"), ("gru_reset_before", "stm"), ("GRUCell", "h")])
def test_the_gru_s_gates(name: str, state: str) -> None:
    q = make(name).activations(drawn(9, 2, 3))
    assert {"r", "z", "n", state} <= set(q)
    assert_agree(q[state], (1 - q["z"]) * q["n"] + q["z"] * before(q[state]))
    assert bool(((q["r"] > 0) & (q["r"] < 1)).all())


def scaled(h: Tensor, by: float) -> Tensor:
    doubled = by * h
    return doubled + 1


class Score(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Linear(4, 4)

    def forward(self, h: Tensor) -> Tensor:
        score = self.weight(h)
        return torch.softmax(score, -1)


class Author(nn.Module):
    """Names of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.mix = Score(), nn.Linear(3 + 4, 4)

    def initial_state(self, batch: int) -> Tensor:
        return self.mix.weight.new_zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        rate = self.mix.bias  # of no example
        new = self.mix(torch.cat((x, h), -1))
        new = torch.tanh(new)
        halves = new.chunk(2, -1)
        above = new > 0
        shared = self.gated(new, h)
        h = scaled(self.attention(new), 2.0) * shared * halves[0].sum(-1, keepdim=True) + rate
        return torch.where(above, h, -h)

    def gated(self, new: Tensor, h: Tensor) -> Tensor:
        shared = h + 1
        gate = torch.sigmoid(new)
        return gate * shared


class Heir(Author):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        new = 2 * super().forward(x, h)
        return new  # noqa: RET504  # named, which is the point


@pytest.mark.parametrize("backend", [None, "eager"])
class TestNames:
    """Where names come from."""

    def test_of_every_kind(self, backend: str | None) -> None:
        layer, x = wd.Recurrent(Author().double(), backend=backend), drawn(5, 2, 3)
        q = layer.activations(x)
        own = ["h", "new", "halves.0", "halves.1", "above", "shared", "gated.shared", "gate"]
        assert list(q) == [*own, "attention.score", "scaled.doubled", "state"]
        assert bool((q["new"].abs() < 1).all())  # the last value of that name, after tanh
        assert_agree(torch.cat((q["halves.0"], q["halves.1"]), -1), q["new"])
        assert_agree(q["above"], (q["new"] > 0).double())
        assert_agree(q["gated.shared"], before(q["state"]) + 1)
        assert_agree(q["shared"], q["gate"] * q["gated.shared"])
        assert_agree(q["scaled.doubled"], 2 * torch.softmax(q["attention.score"], -1))
        assert layer.backend == (backend or "llvm")

    def test_of_a_class_and_of_the_one_it_is_made_from(self, backend: str | None) -> None:
        q = wd.Recurrent(Heir().double(), backend=backend).activations(drawn(5, 2, 3))
        assert_agree(q["new"], q["state"])
        assert bool((q["Author.new"].abs() < 1).all())

    def test_what_has_as_many_rows_as_there_are_examples(self, backend: str | None) -> None:
        class Square(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.randn(3, 3))

            def forward(self, x: Tensor, h: Tensor) -> Tensor:
                matrix = self.weight - self.weight.t()
                seen = x @ matrix
                return torch.tanh(h + seen)

        q = wd.Recurrent(Square(), backend=backend).activations(torch.randn(4, 3, 3), torch.zeros(3, 3))
        assert list(q) == ["seen", "state"]

    def test_layouts(self, backend: str | None) -> None:
        x = drawn(5, 2, 3)
        plain = make("lstm", backend=backend).activations(x)
        flipped = make("lstm", backend=backend, batch_first=True).activations(x.transpose(0, 1))
        alone = make("lstm", backend=backend).activations(x[:, 0])
        for name, values in plain.items():
            assert_same(flipped[name].transpose(0, 1), values)
            assert_agree(alone[name], values[:, 0])

    def test_nothing_to_look_at(self, backend: str | None) -> None:
        layer = make("lstm", backend=backend)
        assert {values.shape for values in layer.activations(drawn(0, 2, 3)).values()} == {(0, 2, 4)}
        assert {values.shape for values in layer.activations(drawn(5, 0, 3)).values()} == {(5, 0, 4)}

    def test_it_leaves_no_trace(self, backend: str | None) -> None:
        layer, x = make("lstm", backend=backend), drawn(5, 2, 3).requires_grad_()
        names = list(layer.state_dict())
        profile, torch_numbers = sys.getprofile(), torch.get_rng_state()
        q = layer.activations(x)
        assert not any(values.requires_grad for values in q.values())
        assert list(layer.state_dict()) == names
        assert sys.getprofile() is profile
        assert_same(torch.get_rng_state(), torch_numbers)

    def test_the_cell_of_now(self, backend: str | None) -> None:
        for name in ("lstm", "LSTMCell"):
            layer, x = make(name, backend=backend), drawn(5, 2, 3)
            first = layer.activations(x)
            with torch.no_grad():
                layer.cell.bias_ih.add_(1)
            layer.cell.weight_hh = nn.Parameter(torch.zeros_like(layer.cell.weight_hh))
            second = layer.activations(x)
            assert not torch.allclose(first["i"], second["i"])
            assert_agree(second[list(second)[-2]], layer(x)[0].detach())
            layer.cell = MAKE["gru"]().double()
            assert "z" in layer.activations(x)


def test_a_cell_that_cannot_be_compiled() -> None:
    class Sorting(nn.Module):
        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            order = torch.sort(x + h).values
            if order.sum() > 0:
                positive = order.sqrt().nan_to_num()
                return positive  # noqa: RET504
            return 0.5 * order

    layer, x = (
        wd.Recurrent(Sorting(), backend="eager"),
        torch.tensor([1.0, -3.0, 2.0])[:, None, None].expand(3, 1, 2),
    )
    q = layer.activations(x, torch.zeros(1, 2))
    assert list(q) == ["order", "positive", "state"]
    assert q["positive"].isnan()[:, 0, 0].tolist() == [False, True, False]


def test_hooks_run() -> None:
    layer, seen = make("lstm"), []
    layer.cell.register_forward_hook(lambda cell, arguments, result: seen.append(result))
    activations = layer.activations(drawn(5, 2, 3))
    assert len(seen) > 5
    assert set(activations) == {"i", "f", "g", "o", "stm", "ltm"}


def test_it_checks_as_the_call_does() -> None:
    with pytest.raises(ShapeError, match=r"an event must be \[B, 3\]"):
        make("lstm").activations(drawn(5, 2, 7))
    with pytest.raises(ShapeError, match="resets must be booleans"):
        make("lstm").activations(drawn(5, 2, 3), resets=torch.zeros(5, 2))


def test_later_calls_run_the_kernel_of_the_first(monkeypatch):
    """No call after the second makes a program: nothing in it may depend on what a call leaves behind."""
    from wolfdog.layers.execution import program_choice

    made = []
    compile_step = program_choice.compile_step
    monkeypatch.setattr(
        program_choice,
        "compile_step",
        lambda *given, **named: made.append(1) or compile_step(*given, **named),
    )
    layer = wd.Recurrent(wd.cells.LSTMCell(3, 8))
    counts = []
    for _ in range(10):
        layer.activations(torch.randn(4, 1, 3))
        counts.append(len(made))
    assert counts[1:] == [counts[1]] * 9
    assert counts[1] >= 1
