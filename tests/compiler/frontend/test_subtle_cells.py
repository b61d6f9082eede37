"""Cells that a careless compiler gets wrong: as kernels or, where refused, as a loop, they give the loop's numbers."""

import warnings

import pytest
import torch
from torch import Tensor

import wolfdog as wd
from subtle_cells import COMPILED, REFUSED, Own


def results(layer: wd.Recurrent, x: Tensor, h: Tensor) -> list[Tensor]:
    """Outputs, the last state, and the gradients of everything."""
    x, h = x.clone().requires_grad_(), h.clone().requires_grad_()
    y, last = layer(x, h)
    weights = torch.linspace(0.5, 1.5, y.numel(), dtype=torch.float64).view(y.shape)
    wanted = [x, h, *layer.parameters()]
    found = torch.autograd.grad((y * weights).sum() + last.square().sum(), wanted, allow_unused=True)
    return [
        y,
        last,
        *(torch.zeros_like(t) if g is None else g for g, t in zip(found, wanted, strict=True)),
    ]


def both(cell: Own) -> wd.Recurrent:
    """The layer, after its results were held against the loop's."""
    torch.manual_seed(1)
    x, h = torch.randn(3, 2, 4, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    ours, eager = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    for actual, expected in zip(results(ours, x, h), results(eager, x, h), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-11, equal_nan=True)
    return ours


@pytest.mark.parametrize("name", COMPILED)
def test_kernels_give_what_the_loop_gives(name: str) -> None:
    layer = both(Own(COMPILED[name]))
    assert layer.backend == "llvm", layer.fallback_reason


@pytest.mark.parametrize("name", REFUSED)
def test_what_kernels_would_get_wrong_is_left_to_the_loop(name: str) -> None:
    step, says = REFUSED[name]
    with pytest.warns(RuntimeWarning, match="runs as an eager loop"):
        layer = both(Own(step))
    assert layer.fallback_reason is not None
    assert says in layer.fallback_reason


def test_a_refused_cell_is_left_as_it_was() -> None:
    def counts(c: Own, x: Tensor, h: Tensor) -> Tensor:
        c.whole += 1
        return torch.tanh(c.linear(h) + x)

    def normalises(c: Own, x: Tensor, h: Tensor) -> Tensor:
        return c.norm(c.linear(h) + x)

    for step, calls in ((counts, 3), (normalises, 0)):
        cell = Own(step)
        cell.norm = torch.nn.BatchNorm1d(4, dtype=torch.float64)
        torch.manual_seed(7)
        drawn = torch.get_rng_state()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            layer = wd.Recurrent(cell)
            layer(torch.ones(3, 2, 4, dtype=torch.float64))
        assert layer.backend == "eager"
        assert cell.whole.tolist() == [1 + calls, 2 + calls, 3 + calls, 4 + calls]
        assert int(cell.norm.num_batches_tracked) == (0 if step is counts else 3)
        torch.testing.assert_close(torch.get_rng_state(), drawn)


def dropped(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(c.linear(x) * c.keep_event + (h * c.keep_state) @ c.fixed)


def with_masks(batch: int) -> Own:
    """A cell with attributes that have a row for each example, and one that is a matrix."""
    cell = Own(dropped)
    cell.fixed = torch.randn(4, 4, dtype=torch.float64)
    draw_masks(cell, batch)
    return cell


def draw_masks(cell: Own, batch: int) -> None:
    keep = torch.full((batch, 4), 0.5, dtype=torch.float64)
    cell.keep_state, cell.keep_event = torch.bernoulli(keep) * 2, torch.rand(batch, 4) < 0.5


@pytest.mark.parametrize("batch", [2, 4])
def test_attributes_with_a_row_for_each_example(batch: int) -> None:
    cell = with_masks(batch)
    ours, eager = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    x, h = torch.randn(5, batch, 4, dtype=torch.float64), torch.randn(batch, 4, dtype=torch.float64)
    lengths = torch.tensor([2, 5, 0, 4][:batch])
    for _ in range(2):  # as masks that are drawn for every sequence
        draw_masks(cell, batch)
        cell.keep_state.requires_grad_()
        grads = []
        for layer in (ours, eager):
            y, last = layer(x, h, lengths=lengths)
            wanted = [cell.keep_state, *layer.parameters()]
            found = torch.autograd.grad(y.square().sum() + last.sum(), wanted, allow_unused=True)
            grads.append([y, last, *(g for g in found if g is not None)])
        for actual, expected in zip(*grads, strict=True):
            torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-11)
    assert ours.backend == "llvm", ours.fallback_reason
    with torch.no_grad():
        torch.testing.assert_close(ours.step(x[0], h), eager.step(x[0], h))
        for backend in (ours, eager):  # of another batch than the masks'
            with pytest.raises(RuntimeError, match="size of tensor"):
                backend(torch.randn(5, 3, 4, dtype=torch.float64))
    assert ours.backend == "llvm"


def remembers(c: Own, x: Tensor, h: Tensor) -> Tensor:
    c.calls += 1
    c.last = h
    c.listed.append(h)
    return torch.tanh(c.linear(h) + x)


def test_a_step_that_changes_its_cell_is_the_loop_s() -> None:
    cell = Own(remembers)
    cell.calls, cell.last = 0, None
    layer = wd.Recurrent(cell)
    x = torch.ones(3, 2, 4, dtype=torch.float64)
    with pytest.warns(RuntimeWarning, match="a step changes calls of the cell") as caught:
        layer(x)
    layer(x)
    assert len(caught) == 1
    assert (cell.calls, len(cell.listed)) == (6, 7)
    assert cell.last.shape == (2, 4)


def chooses(c: Own, x: Tensor, h: Tensor) -> Tensor:
    bent = c.bend(c.linear(h) + x) * c.sizes[0] * c.options["gain"]
    return bent if c.scale is None else bent * c.scale


def test_every_attribute_that_changes_is_noticed() -> None:
    cell = Own(chooses)
    cell.bend, cell.sizes, cell.options, cell.scale = torch.tanh, [1, 2], {"gain": 0.5}, None
    ours, eager = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    x, h = torch.randn(3, 2, 4, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)

    def changes() -> None:
        yield
        cell.bend = torch.sigmoid
        yield
        cell.sizes[0] = 3
        yield
        cell.options["gain"] = 2
        yield
        cell.scale = 0.5
        yield
        cell.scale = torch.full((4,), 0.25, dtype=torch.float64)
        yield
        cell.scale = torch.full((1, 4), 0.75, dtype=torch.float64)
        yield
        cell.linear.weight = torch.nn.Parameter(cell.w.detach() * 2)
        yield

    with torch.no_grad():
        for _ in changes():
            torch.testing.assert_close(ours(x, h), eager(x, h), rtol=1e-10, atol=1e-11)
            for _ in range(2):
                torch.testing.assert_close(ours.step(x[0], h), eager.step(x[0], h), rtol=1e-10, atol=1e-11)
            assert ours.backend == "llvm", ours.fallback_reason
