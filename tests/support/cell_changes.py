"""Cells, each of which reads something in its step, and changes of it between two calls."""

import abc
import builtins
import enum
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

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


def _shared_by_all(cell: Any) -> float:
    return SHARED_BY_ALL  # type: ignore[name-defined, no-any-return]  # noqa: F821


def _later(cell: Any) -> float:
    try:
        return LATER  # type: ignore[name-defined, no-any-return]
    except NameError:
        return 0.5


class Level(enum.Enum):
    """An enumeration, of which a private value changes."""

    HALF = 0.5


ABSTRACT: Any = abc.ABCMeta("Abstract", (), {})
"""A class with which others are registered."""


class _Descriptor:
    value = 0.5

    def __get__(self, of: Any, kind: type | None = None) -> float:
        return self.value


class BaseCell(nn.Module):
    """A step of a GRU, times a factor that the step reads somewhere."""

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


def reading(read: Callable[[Any], Any], **attributes: Any) -> nn.Module:
    """A cell whose step multiplies with what `read` makes of its attributes."""
    kind = type("Cell", (BaseCell,), {"factor": read})
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
    kind = type("Cell", (BaseCell,), {"factor": classmethod(lambda cls: cls.a), "a": 0.5})
    cell: nn.Module = kind()
    return cell


def _fused(kind: Any, cell: nn.Module) -> None:
    for parameter in cell.parameters():
        parameter.grad = torch.ones_like(parameter)
    kind(cell.parameters(), lr=0.5, fused=True).step()


CHANGES: dict[str, tuple[Callable[[], nn.Module], Callable[[Any], Any]]] = {
    "a NumPy number": (lambda: reading(lambda c: float(c.a), a=np.float32(0.5)), _set("a", np.float32(2))),
    "an array": (lambda: reading(lambda c: torch.as_tensor(c.a), a=np.ones(4, "f")), _set("a", np.zeros(4, "f"))),
    "an array in place": (lambda: reading(lambda c: float(c.a.sum()), a=np.ones(4, "f")), _in_place),
    "a list in a list": (lambda: reading(lambda c: c.a[0][0], a=[[0.5]]), lambda c: c.a[0].__setitem__(0, 2.0)),
    "a dict": (lambda: reading(lambda c: c.a["x"], a={"x": 0.5}), lambda c: c.a.update(x=2.0)),
    "a whole number for a truth": (lambda: reading(lambda c: 2.0 if c.a is True else 3.0, a=1), _set("a", True)),
    "an object": (lambda: reading(lambda c: c.a.scale[0], a=_Options()), lambda c: c.a.scale.__setitem__(0, 2.0)),
    "a class attribute": (lambda: reading(lambda c: c.a * 1.0), _class_attribute),
    "a method of the class": (lambda: reading(lambda c: 0.5), _method),
    "a method of the cell": (lambda: reading(lambda c: 0.5), _shadow),
    "a global": (lambda: reading(lambda c: SCALES["global"]), lambda c: SCALES.update({"global": 2.0})),
    "a buffer that was None": (
        lambda: reading(lambda c: 1.0 if c.a is None else c.a, a=None), _set("a", torch.full((4,), 2.0)),
    ),
    "a class attribute by a class method": (
        lambda: _with_class_method(), lambda c: setattr(type(c), "a", 3.0),
    ),
    "a class attribute by the class's name": (lambda: reading(lambda c: _Options.factor), _options_factor),
    "a class of an object": (lambda: reading(lambda c: c.a.factor, a=_Options()), _options_factor),
    "a method of an object's class": (
        lambda: reading(lambda c: c.a.read(), a=_Options()), lambda c: setattr(_Options, "read", lambda self: 3.0),
    ),
    "another class of an object": (
        lambda: reading(lambda c: c.a.factor, a=_Options()),
        lambda c: setattr(c.a, "__class__", type("Other", (_Options,), {"factor": 3.0})),
    ),
    "another class of the cell": (
        lambda: reading(lambda c: 0.5),
        lambda c: setattr(c, "__class__", type("Other", (type(c),), {"factor": lambda self: 3.0})),
    ),
    "another class of a part": (
        lambda: reading(lambda c: c.part(), part=_Gain()),
        lambda c: setattr(c.part, "__class__", type("Other", (_Gain,), {"forward": lambda self: 3.0})),
    ),
    "the call of the class": (
        lambda: reading(lambda c: 0.5),
        lambda c: setattr(type(c), "__call__", lambda self, *given: nn.Module.__call__(self, *given) * 3),
    ),
    "a descriptor": (
        lambda: reading(lambda c: c.b * 1.0), lambda c: setattr(BaseCell.__dict__["b"], "value", 3.0),
    ),
    "a name that the class lacks": (
        lambda: reading(lambda c: getattr(c, "later", 0.5)), lambda c: setattr(type(c), "later", 3.0),
    ),
    "a default of a function": (
        lambda: reading(lambda c: _scaled()), lambda c: setattr(_scaled, "__defaults__", (3.0,)),
    ),
    "a named default": (
        lambda: reading(lambda c: _scaled()), lambda c: setattr(_scaled, "__kwdefaults__", {"by": 3.0}),
    ),
    "an attribute of a function": (lambda: reading(lambda c: _scaled()), lambda c: setattr(_scaled, "more", 3.0)),
    "the code of a function": (
        lambda: reading(lambda c: _scaled()),
        lambda c: setattr(_scaled, "__code__", (lambda factor=0.5, *, by=1.0: 3.0).__code__),
    ),
    "an attribute of a module of Python": (
        lambda: reading(lambda c: SETTINGS.factor), lambda c: setattr(SETTINGS, "factor", 3.0),
    ),
    **{
        f"an attribute of a module of Python {how}": (
            partial(reading, read), lambda c: setattr(SETTINGS, "factor", 3.0),
        )
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
        lambda: reading(lambda c: 3.0 if hasattr(SETTINGS, "later") else 0.5), lambda c: setattr(SETTINGS, "later", 1),
    ),
    "an attribute that a module of Python makes": (
        lambda: reading(lambda c: LAZY.factor), lambda c: LAZY.made.update(factor=3.0),  # type: ignore[attr-defined]
    ),
    "a class attribute by vars": (lambda: reading(lambda c: vars(_Options)["factor"]), _options_factor),
    "an attribute of a class of a class": (
        lambda: reading(lambda c: _Classy.gain), lambda c: setattr(_Meta, "gain", 3.0),
    ),
    "a global that was not there": (lambda: reading(_later), lambda c: globals().update(LATER=3.0)),
    "a name of Python itself": (
        lambda: reading(_shared_by_all), lambda c: setattr(builtins, "SHARED_BY_ALL", 3.0),
    ),
    "the name of the class": (
        lambda: reading(lambda c: 0.5 if type(c).__name__ == "Cell" else 3.0),
        lambda c: setattr(type(c), "__name__", "Other"),
    ),
    "the name of an object's class": (
        lambda: reading(lambda c: 0.5 if type(OPTIONS).__qualname__ == "_Renamed" else 3.0),
        lambda c: setattr(_Renamed, "__qualname__", "Other"),
    ),
    "the bases of an object's class": (
        lambda: reading(lambda c: OPTIONS.read()),
        lambda c: setattr(_Renamed, "__bases__", (type("Base", (_Plain,), {"read": lambda self: 3.0}),)),
    ),
    "an attribute of a dataclass": (
        lambda: reading(lambda c: c.a.factor, a=_Data()), lambda c: setattr(c.a, "factor", 3.0),
    ),
    "the environment by getenv": (
        lambda: reading(lambda c: float(os.getenv("FACTOR_OF_A_TEST", "0.5"))),
        lambda c: os.environ.update(FACTOR_OF_A_TEST="3"),
    ),
    "the environment": (
        lambda: reading(lambda c: float(os.environ.get("FACTOR_OF_A_TEST", "0.5"))),
        lambda c: os.environ.update(FACTOR_OF_A_TEST="3"),
    ),
    "an attribute of a module elsewhere": (lambda: reading(lambda c: GAIN()), lambda c: setattr(GAIN, "gain", 3.0)),
    "a hook of a module elsewhere": (
        lambda: reading(lambda c: GAIN()), lambda c: GAIN.register_forward_hook(lambda module, given, out: 3.0),
    ),
    "an attribute of a tensor": (
        lambda: reading(lambda c: getattr(c.unit.weight_hh, "factor", 0.5)),
        lambda c: setattr(c.unit.weight_hh, "factor", 3.0),
    ),
    "a namespace": (
        lambda: reading(lambda c: c.a.b, a=SimpleNamespace(b=0.5)), lambda c: setattr(c.a, "b", 3.0),
    ),
    "the value of a member of an enumeration": (
        lambda: reading(lambda c: Level.HALF.value), lambda c: setattr(Level.HALF, "_value_", 3.0),
    ),
    "a member of an enumeration in a list": (
        lambda: reading(lambda c: c.a[0].value, a=[Level.HALF]),
        lambda c: setattr(Level.HALF, "_value_", 3.0),
    ),
    "a class that is registered with an abstract one": (
        lambda: reading(lambda c: 3.0 if isinstance(OPTIONS, ABSTRACT) else 0.5),
        lambda c: ABSTRACT.register(_Renamed),
    ),
    "the order of a dictionary": (
        lambda: reading(lambda c: next(iter(c.a.values())), a=OrderedDict(a=0.5, b=3.0)),
        lambda c: c.a.move_to_end("a"),
    ),
    "weights by a swap": (
        lambda: reading(lambda c: 1.0),
        lambda c: torch.utils.swap_tensors(c.unit.weight_hh, nn.Parameter(torch.randn(12, 4))),
    ),
    "weights by load_state_dict": (
        lambda: reading(lambda c: 1.0),
        lambda c: c.load_state_dict({key: 2 * value for key, value in c.state_dict().items()}, assign=True),
    ),
    "weights by DLPack": (
        lambda: reading(lambda c: 1.0), lambda c: torch.from_dlpack(c.unit.weight_hh.detach()).mul_(3),
    ),
    "weights by a vector": (
        lambda: reading(lambda c: 1.0),
        lambda c: nn.utils.vector_to_parameters(torch.randn(sum(p.numel() for p in c.parameters())), c.parameters()),
    ),
    **{
        f"weights by a fused {name}": (lambda: reading(lambda c: 1.0), partial(_fused, getattr(torch.optim, name)))
        for name in ("Adam", "SGD", "Adagrad")
    },
    "weights by NumPy": (lambda: reading(lambda c: 1.0), lambda c: c.unit.weight_hh.detach().numpy().fill(0.5)),
    "weights by .data": (lambda: reading(lambda c: 1.0), lambda c: c.unit.weight_hh.data.mul_(3)),
}  # fmt: skip


def fresh_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that the changes change, as it is before."""
    BaseCell.a, BaseCell.b, SCALES["global"] = 1.0, _Descriptor(), 1.0  # type: ignore[attr-defined]
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
    vars(SETTINGS).pop("later", None)
    monkeypatch.setattr(Level.HALF, "_value_", 0.5)
    monkeypatch.setitem(globals(), "ABSTRACT", abc.ABCMeta("Abstract", (), {}))
