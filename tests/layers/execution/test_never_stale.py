"""What changes between two calls, whatever it is and however it is changed, is seen: the eager loop says the same."""

import gc
import sys
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from cell_changes import CHANGES, SETTINGS, BaseCell, fresh_values, reading


@cache
def _cached() -> float:
    return SETTINGS.factor  # type: ignore[no-any-return]


def _runs(layer: wd.Recurrent, x: Tensor) -> list[Tensor]:
    with torch.no_grad():
        sequence = layer(x)[0]
        return [sequence, layer.step(x[0], torch.ones(2, 4))[0]]


@pytest.fixture(autouse=True)
def _no_warning_is_remembered() -> None:
    wd.clear_caches()


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.filterwarnings("ignore:.*outside of the cell has hooks:RuntimeWarning")
def test_a_change_is_seen(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_values(monkeypatch)
    make, change = CHANGES[what]
    cell = make()
    layer, loop, x = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager"), torch.randn(5, 2, 3)
    for _ in range(4):
        before = _runs(layer, x)
    assert layer.backend == "llvm"
    change(cell)
    for _ in range(4):
        found, expected = _runs(layer, x), _runs(loop, x)
        torch.testing.assert_close(found, expected)
    assert not torch.allclose(before[0], expected[0])


class _Tied(nn.Module):
    def __init__(self, kind: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.unit = nn.GRUCell(4, 4)
        self.kept_x = self.kept_h = kind(torch.ones(4))

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.unit(x * self.kept_x, h * self.kept_h)


@pytest.mark.parametrize("kind", [nn.Parameter, lambda t: t], ids=["parameters", "tensors"])
def test_two_names_of_one_tensor_part_ways(kind: Callable[[Tensor], Any]) -> None:
    cell, x = _Tied(kind), torch.randn(6, 2, 4)
    layer = wd.Recurrent(cell)
    for _ in range(3):
        layer(x)
    cell.kept_h = kind(torch.tensor([1.0, 1, 0, 0]))
    torch.testing.assert_close(layer(x), wd.Recurrent(cell, backend="eager")(x))


def test_a_step_with_side_effects_is_the_loop_s() -> None:
    class Counting(BaseCell):
        def __init__(self) -> None:
            super().__init__()
            self.seen: dict[str, Any] = {"steps": 0}

        def factor(self) -> float:
            self.seen["steps"] += 1
            return 1.0

    cell = Counting()
    layer = wd.Recurrent(cell)
    with pytest.warns(RuntimeWarning, match="a step changes seen of the cell"):
        layer(torch.randn(50, 2, 3))
    assert (layer.backend, cell.seen["steps"]) == ("eager", 50)


def test_what_cannot_be_watched_is_refused_with_its_reason() -> None:
    cell = reading(lambda c: 1.0 if c.a else 2.0, a=iter([1]))
    with pytest.warns(RuntimeWarning, match="attribute a of the cell may change unseen"):
        wd.Recurrent(cell)(torch.randn(3, 2, 3))


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda c: sys.modules["os"].curdir == "." and 1.0, "by sys.modules"),
        (lambda c: _cached(), "a function with a cache"),
        (lambda c: 1.0 if open else 2.0, "by open"),
    ],
)
def test_what_code_does_not_tell_is_refused_with_its_reason(read: Callable[[Any], Any], reason: str) -> None:
    SETTINGS.factor = 0.5  # type: ignore[attr-defined]
    with pytest.warns(RuntimeWarning, match=reason):
        wd.Recurrent(reading(read))(torch.randn(3, 2, 3))


def test_global_hooks_run_at_every_step() -> None:
    calls: list[str] = []
    layer, x = wd.Recurrent(nn.GRUCell(3, 4)), torch.randn(5, 2, 3)
    for _ in range(3):
        layer(x)

    def hook(module: nn.Module, *given: Any) -> None:
        if isinstance(module, nn.GRUCell):
            calls.append("step")

    with torch.nn.modules.module.register_module_forward_hook(hook):
        layer(x)
        assert layer.backend == "eager"
    layer(x)
    assert (len(calls), layer.backend) == (5, "llvm")


def test_what_ran_last_is_said() -> None:
    class Drawing(BaseCell):
        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            h = self.unit(x, h)
            return torch.bernoulli(torch.sigmoid(h)) if self.training else h

    layer, x = wd.Recurrent(Drawing()).eval(), torch.randn(5, 2, 3)
    layer(x)
    assert layer.backend == "llvm"
    with pytest.warns(RuntimeWarning, match="draws random numbers"):
        layer.train()(x)
    assert "draws random numbers" in str(layer.fallback_reason)
    layer.eval()(x)
    assert layer.fallback_reason is None
    with pytest.warns(RuntimeWarning, match="float32 or in float64"), pytest.raises(RuntimeError):
        layer(x.double())
    layer(x)
    assert layer.fallback_reason is None


def test_a_number_that_changes_becomes_an_argument() -> None:
    cell = reading(lambda c: c.a * 2.0, a=0.5)
    layer, loop, x = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager"), torch.randn(5, 2, 3)
    for number in range(20):
        cell.a = 0.03125 * number
        torch.testing.assert_close(_runs(layer, x), _runs(loop, x))
        assert layer.backend == "llvm"


def test_programs_of_other_attributes_are_bounded_with_one_warning() -> None:
    cell = reading(lambda c: 0.0625 * len(c.a), a="")
    layer, loop, x = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager"), torch.randn(5, 2, 3)
    for number in range(12):
        cell.a = number * "x"
        if number == 8:
            with pytest.warns(RuntimeWarning, match="a had more than 8 values"):
                layer(x)
        torch.testing.assert_close(layer(x), loop(x))


def test_an_attribute_that_is_not_read_does_not_matter() -> None:
    cell = reading(lambda c: 1.0)
    layer, x, h = wd.Recurrent(cell), torch.randn(5, 2, 3), torch.zeros(2, 4)
    with torch.no_grad():
        for number in range(4):
            cell.last_loss = number * 0.5
            layer(x, h)
        path = layer._paths.sequence_path
        cell.last_loss = 7.0
        layer(x, h)
    assert path is not None
    assert layer._paths.sequence_path is path


@pytest.mark.parametrize("step", [False, True])
def test_a_compiled_layer_is_freed(step: bool) -> None:
    layer, x = wd.Recurrent(nn.GRUCell(3, 4)), torch.randn(5, 2, 3)
    with torch.no_grad():
        for _ in range(3):
            layer.step(x[0]) if step else layer(x)
    kept = weakref.ref(layer.cell)
    del layer
    gc.collect()
    assert kept() is None


def test_cleared_caches_compile_anew() -> None:
    layer, x = wd.Recurrent(nn.GRUCell(3, 4)), torch.randn(5, 2, 3)
    expected = layer(x)
    wd.clear_caches()
    torch.testing.assert_close(layer(x), expected)
