"""What changes between two calls, whatever it is and however it is changed, is seen: the eager loop says the same."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd

SCALES = {"global": 1.0}


class _Options:
    factor = 1.0

    def __init__(self) -> None:
        self.scale = [1.0]


class _Base(nn.Module):
    input_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.unit = nn.GRUCell(3, 4)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.unit(x, h) * self.factor()

    def factor(self) -> Any:
        raise NotImplementedError


def _cell(read: Callable[[Any], Any], **attributes: Any) -> nn.Module:
    """A cell whose step multiplies with what `read` makes of its attributes."""
    kind = type("Cell", (_Base,), {"factor": read})
    cell: nn.Module = kind()
    for name, value in attributes.items():
        setattr(cell, name, value)
    return cell


def _set(name: str, value: Any) -> Callable[[Any], None]:
    return lambda cell: setattr(cell, name, value)


def _in_place(cell: Any) -> None:
    cell.a *= 0


def _class_attribute(cell: Any) -> None:
    type(cell).a = 3.0


def _method(cell: Any) -> None:
    type(cell).factor = lambda self: 3.0


def _shadow(cell: Any) -> None:
    cell.factor = lambda: 3.0


CHANGES: dict[str, tuple[Callable[[], nn.Module], Callable[[Any], Any]]] = {
    "a NumPy number": (lambda: _cell(lambda c: float(c.a), a=np.float32(0.5)), _set("a", np.float32(2))),
    "an array": (lambda: _cell(lambda c: torch.as_tensor(c.a), a=np.ones(4, "f")), _set("a", np.zeros(4, "f"))),
    "an array in place": (lambda: _cell(lambda c: float(c.a.sum()), a=np.ones(4, "f")), _in_place),
    "a list in a list": (lambda: _cell(lambda c: c.a[0][0], a=[[0.5]]), lambda c: c.a[0].__setitem__(0, 2.0)),
    "a dict": (lambda: _cell(lambda c: c.a["x"], a={"x": 0.5}), lambda c: c.a.update(x=2.0)),
    "a whole number for a truth": (lambda: _cell(lambda c: 2.0 if c.a is True else 3.0, a=1), _set("a", True)),
    "an object": (lambda: _cell(lambda c: c.a.scale[0], a=_Options()), lambda c: c.a.scale.__setitem__(0, 2.0)),
    "a class attribute": (lambda: _cell(lambda c: c.a * 1.0), _class_attribute),
    "a method of the class": (lambda: _cell(lambda c: 0.5), _method),
    "a method of the cell": (lambda: _cell(lambda c: 0.5), _shadow),
    "a global": (lambda: _cell(lambda c: SCALES["global"]), lambda c: SCALES.update({"global": 2.0})),
    "a buffer that was None": (
        lambda: _cell(lambda c: 1.0 if c.a is None else c.a, a=None), _set("a", torch.full((4,), 2.0)),
    ),
    "weights by NumPy": (lambda: _cell(lambda c: 1.0), lambda c: c.unit.weight_hh.detach().numpy().fill(0.5)),
    "weights by .data": (lambda: _cell(lambda c: 1.0), lambda c: c.unit.weight_hh.data.mul_(3)),
}  # fmt: skip


def _runs(layer: wd.Recurrent, x: Tensor) -> list[Tensor]:
    with torch.no_grad():
        sequence = layer(x)[0]
        return [sequence, layer.step(x[0], torch.ones(2, 4))[0]]


@pytest.fixture(autouse=True)
def _no_warning_is_remembered() -> None:
    wd.clear_caches()


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen(what: str) -> None:
    torch.manual_seed(0)
    _Base.a = 1.0  # type: ignore[attr-defined]
    SCALES["global"] = 1.0
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
    class Counting(_Base):
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
    cell = _cell(lambda c: 1.0 if c.a else 2.0, a=iter([1]))
    with pytest.warns(RuntimeWarning, match="attribute a of the cell may change unseen"):
        wd.Recurrent(cell)(torch.randn(3, 2, 3))


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
    class Drawing(_Base):
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
    cell = _cell(lambda c: c.a * 2.0, a=0.5)
    layer, loop, x = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager"), torch.randn(5, 2, 3)
    for number in range(20):
        cell.a = 0.03125 * number
        torch.testing.assert_close(_runs(layer, x), _runs(loop, x))
        assert layer.backend == "llvm"


def test_programs_of_other_attributes_are_bounded_with_one_warning() -> None:
    cell = _cell(lambda c: 0.0625 * len(c.a), a="")
    layer, loop, x = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager"), torch.randn(5, 2, 3)
    for number in range(12):
        cell.a = number * "x"
        if number == 8:
            with pytest.warns(RuntimeWarning, match="a had more than 8 values"):
                layer(x)
        torch.testing.assert_close(layer(x), loop(x))


def test_an_attribute_that_is_not_read_does_not_matter() -> None:
    cell = _cell(lambda c: 1.0)
    layer, x, h = wd.Recurrent(cell), torch.randn(5, 2, 3), torch.zeros(2, 4)
    with torch.no_grad():
        for number in range(4):
            cell.last_loss = number * 0.5
            layer(x, h)
        path = layer._sequence_path
        cell.last_loss = 7.0
        layer(x, h)
    assert path is not None
    assert layer._sequence_path is path


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
