"""What changes between two calls, whatever it is and however it is changed, is seen: the eager loop says the same."""

import builtins
import gc
import os
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from operator import attrgetter
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd

SCALES = {"global": 1.0}
SETTINGS = ModuleType("settings")


def _scaled(factor: float = 0.5, *, by: float = 1.0) -> float:
    return factor * by * getattr(_scaled, "more", 1.0)


class _Gain(nn.Module):
    gain = 0.5

    def forward(self) -> float:
        return self.gain


GAIN = _Gain()


class _Options:
    factor = 1.0

    def __init__(self) -> None:
        self.scale = [1.0]

    def read(self) -> float:
        return self.factor


class _Plain:
    def read(self) -> float:
        return 0.5


class _Renamed(_Plain): ...


OPTIONS = _Renamed()


class _Meta(type):
    gain = 0.5


class _Classy(metaclass=_Meta): ...


@dataclass
class _Data:
    factor: float = 0.5


FACT, GET, LAZY = "fact", attrgetter("factor"), ModuleType("lazy")
LAZY.made = {"factor": 0.5}  # type: ignore[attr-defined]
LAZY.__getattr__ = lambda name: LAZY.made[name]  # type: ignore[method-assign]


def _factor_of(module: Any) -> float:
    return module.factor  # type: ignore[no-any-return]


@cache
def _cached() -> float:
    return SETTINGS.factor  # type: ignore[no-any-return]


def _shared_by_all(cell: Any) -> float:
    return SHARED_BY_ALL  # type: ignore[name-defined, no-any-return]  # noqa: F821


def _later(cell: Any) -> float:
    try:
        return LATER  # type: ignore[name-defined, no-any-return]
    except NameError:
        return 0.5


class _Descriptor:
    value = 0.5

    def __get__(self, of: Any, kind: type | None = None) -> float:
        return self.value


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


def _options_factor(cell: Any) -> None:
    _Options.factor = 3.0


def _with_class_method() -> nn.Module:
    kind = type("Cell", (_Base,), {"factor": classmethod(lambda cls: cls.a), "a": 0.5})
    cell: nn.Module = kind()
    return cell


def _fused(kind: Any, cell: nn.Module) -> None:
    for parameter in cell.parameters():
        parameter.grad = torch.ones_like(parameter)
    kind(cell.parameters(), lr=0.5, fused=True).step()


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
    "a class attribute by a class method": (
        lambda: _with_class_method(), lambda c: setattr(type(c), "a", 3.0),
    ),
    "a class attribute by the class's name": (lambda: _cell(lambda c: _Options.factor), _options_factor),
    "a class of an object": (lambda: _cell(lambda c: c.a.factor, a=_Options()), _options_factor),
    "a method of an object's class": (
        lambda: _cell(lambda c: c.a.read(), a=_Options()), lambda c: setattr(_Options, "read", lambda self: 3.0),
    ),
    "another class of an object": (
        lambda: _cell(lambda c: c.a.factor, a=_Options()),
        lambda c: setattr(c.a, "__class__", type("Other", (_Options,), {"factor": 3.0})),
    ),
    "another class of the cell": (
        lambda: _cell(lambda c: 0.5),
        lambda c: setattr(c, "__class__", type("Other", (type(c),), {"factor": lambda self: 3.0})),
    ),
    "another class of a part": (
        lambda: _cell(lambda c: c.part(), part=_Gain()),
        lambda c: setattr(c.part, "__class__", type("Other", (_Gain,), {"forward": lambda self: 3.0})),
    ),
    "the call of the class": (
        lambda: _cell(lambda c: 0.5),
        lambda c: setattr(type(c), "__call__", lambda self, *given: nn.Module.__call__(self, *given) * 3),
    ),
    "a descriptor": (
        lambda: _cell(lambda c: c.b * 1.0), lambda c: setattr(_Base.__dict__["b"], "value", 3.0),
    ),
    "a name that the class lacks": (
        lambda: _cell(lambda c: getattr(c, "later", 0.5)), lambda c: setattr(type(c), "later", 3.0),
    ),
    "a default of a function": (lambda: _cell(lambda c: _scaled()), lambda c: setattr(_scaled, "__defaults__", (3.0,))),
    "a named default": (lambda: _cell(lambda c: _scaled()), lambda c: setattr(_scaled, "__kwdefaults__", {"by": 3.0})),
    "an attribute of a function": (lambda: _cell(lambda c: _scaled()), lambda c: setattr(_scaled, "more", 3.0)),
    "the code of a function": (
        lambda: _cell(lambda c: _scaled()),
        lambda c: setattr(_scaled, "__code__", (lambda factor=0.5, *, by=1.0: 3.0).__code__),
    ),
    "an attribute of a module of Python": (
        lambda: _cell(lambda c: SETTINGS.factor), lambda c: setattr(SETTINGS, "factor", 3.0),
    ),
    **{
        f"an attribute of a module of Python {how}": (partial(_cell, read), lambda c: setattr(SETTINGS, "factor", 3.0))
        for how, read in {
            "by getattr": lambda c: getattr(SETTINGS, "factor"),  # noqa: B009
            "by getattr and parts of a name": lambda c: getattr(SETTINGS, FACT + "or"),
            "by vars": lambda c: vars(SETTINGS)["factor"],
            "by its dictionary": lambda c: SETTINGS.__dict__["factor"],
            "by an object that gets it": lambda c: GET(SETTINGS),
            "within a function that is given the module": lambda c: _factor_of(SETTINGS),
        }.items()
    },
    "an attribute that a module of Python lacks": (
        lambda: _cell(lambda c: 3.0 if hasattr(SETTINGS, "later") else 0.5), lambda c: setattr(SETTINGS, "later", 1),
    ),
    "an attribute that a module of Python makes": (
        lambda: _cell(lambda c: LAZY.factor), lambda c: LAZY.made.update(factor=3.0),  # type: ignore[attr-defined]
    ),
    "a class attribute by vars": (lambda: _cell(lambda c: vars(_Options)["factor"]), _options_factor),
    "an attribute of a class of a class": (
        lambda: _cell(lambda c: _Classy.gain), lambda c: setattr(_Meta, "gain", 3.0),
    ),
    "a global that was not there": (lambda: _cell(_later), lambda c: globals().update(LATER=3.0)),
    "a name of Python itself": (
        lambda: _cell(_shared_by_all), lambda c: setattr(builtins, "SHARED_BY_ALL", 3.0),
    ),
    "the name of the class": (
        lambda: _cell(lambda c: 0.5 if type(c).__name__ == "Cell" else 3.0),
        lambda c: setattr(type(c), "__name__", "Other"),
    ),
    "the name of an object's class": (
        lambda: _cell(lambda c: 0.5 if type(OPTIONS).__qualname__ == "_Renamed" else 3.0),
        lambda c: setattr(_Renamed, "__qualname__", "Other"),
    ),
    "the bases of an object's class": (
        lambda: _cell(lambda c: OPTIONS.read()),
        lambda c: setattr(_Renamed, "__bases__", (type("Base", (_Plain,), {"read": lambda self: 3.0}),)),
    ),
    "an attribute of a dataclass": (
        lambda: _cell(lambda c: c.a.factor, a=_Data()), lambda c: setattr(c.a, "factor", 3.0),
    ),
    "the environment by getenv": (
        lambda: _cell(lambda c: float(os.getenv("FACTOR_OF_A_TEST", "0.5"))),
        lambda c: os.environ.update(FACTOR_OF_A_TEST="3"),
    ),
    "the environment": (
        lambda: _cell(lambda c: float(os.environ.get("FACTOR_OF_A_TEST", "0.5"))),
        lambda c: os.environ.update(FACTOR_OF_A_TEST="3"),
    ),
    "an attribute of a module elsewhere": (lambda: _cell(lambda c: GAIN()), lambda c: setattr(GAIN, "gain", 3.0)),
    "a hook of a module elsewhere": (
        lambda: _cell(lambda c: GAIN()), lambda c: GAIN.register_forward_hook(lambda module, given, out: 3.0),
    ),
    "an attribute of a tensor": (
        lambda: _cell(lambda c: getattr(c.unit.weight_hh, "factor", 0.5)),
        lambda c: setattr(c.unit.weight_hh, "factor", 3.0),
    ),
    "a namespace": (
        lambda: _cell(lambda c: c.a.b, a=SimpleNamespace(b=0.5)), lambda c: setattr(c.a, "b", 3.0),
    ),
    "weights by a swap": (
        lambda: _cell(lambda c: 1.0),
        lambda c: torch.utils.swap_tensors(c.unit.weight_hh, nn.Parameter(torch.randn(12, 4))),
    ),
    "weights by load_state_dict": (
        lambda: _cell(lambda c: 1.0),
        lambda c: c.load_state_dict({key: 2 * value for key, value in c.state_dict().items()}, assign=True),
    ),
    "weights by DLPack": (lambda: _cell(lambda c: 1.0), lambda c: torch.from_dlpack(c.unit.weight_hh.detach()).mul_(3)),
    "weights by a vector": (
        lambda: _cell(lambda c: 1.0),
        lambda c: nn.utils.vector_to_parameters(torch.randn(sum(p.numel() for p in c.parameters())), c.parameters()),
    ),
    **{
        f"weights by a fused {name}": (lambda: _cell(lambda c: 1.0), partial(_fused, getattr(torch.optim, name)))
        for name in ("Adam", "SGD", "Adagrad")
    },
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
@pytest.mark.filterwarnings("ignore:.*outside of the cell has hooks:RuntimeWarning")
def test_a_change_is_seen(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _Base.a, _Base.b, SCALES["global"] = 1.0, _Descriptor(), 1.0  # type: ignore[attr-defined]
    monkeypatch.setattr(SETTINGS, "factor", 0.5, raising=False)
    monkeypatch.setattr(_Options, "factor", 0.5)
    monkeypatch.setattr(_Options, "read", _Options.read)
    monkeypatch.setitem(globals(), "GAIN", _Gain())
    function = FunctionType(_scaled.__code__, globals(), "_scaled", (0.5,))
    function.__kwdefaults__ = {"by": 1.0}
    monkeypatch.setitem(globals(), "_scaled", function)
    monkeypatch.delenv("FACTOR_OF_A_TEST", raising=False)
    monkeypatch.setattr(builtins, "SHARED_BY_ALL", 0.5, raising=False)
    monkeypatch.setattr(_Meta, "gain", 0.5)
    _Renamed.__bases__, _Renamed.__qualname__ = (_Plain,), "_Renamed"
    monkeypatch.setitem(LAZY.made, "factor", 0.5)  # type: ignore[attr-defined]
    globals().pop("LATER", None)
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
        wd.Recurrent(_cell(read))(torch.randn(3, 2, 3))


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
