"""A call that is made again takes the fewest checks: it gives what a fresh layer gives, whatever has changed."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrizations, prune

import wolfdog as wd
from tolerances import assert_agree, assert_same
from torch_nn_cases import CASES, NAMES, LayerCase, flat, gradients
from wolfdog.layers.torch_nn.base import OnKernels
from wolfdog.layers.torch_nn.fast_path import LayerPath

X = torch.randn(6, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def again(layer: OnKernels, x: Tensor = X, hx: Any = None) -> OnKernels:
    """The layer, ready to run a call like this one again."""
    for _ in range(2):
        layer(x, hx)
    assert layer._path is not None
    return layer


def fresh(layer: OnKernels) -> OnKernels:
    """The same layer, which has not run yet."""
    other = copy.deepcopy(layer)
    assert other._path is None
    return other


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "state"])
def test_the_same_results_and_gradients(case: LayerCase, given: bool) -> None:
    _, layer = case.pair()
    batch = X.shape[0 if layer.batch_first else 1]
    hx = case.state((batch,)) if given else None
    again(layer, X, hx)
    found = []
    for one in (layer, fresh(layer)):
        torch.manual_seed(4)  # of dropout
        result = one(X, hx)
        found.append((tuple(flat(result)), gradients(one, result)))
    assert_same(*found)


@pytest.mark.parametrize("name", NAMES)
def test_it_ran(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = again(getattr(wd, name)(3, 4, dtype=torch.float64))
    expected = tuple(flat(layer(X)))
    monkeypatch.setattr(OnKernels, "_run", None)
    assert_same(tuple(flat(layer(X))), expected)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)  # other numbers in the same tensors
    changed = tuple(flat(layer(X)))
    monkeypatch.undo()
    assert_same(changed, tuple(flat(fresh(layer)(X))))


def _set(name: str, value: Any) -> Callable[[nn.Module], object]:
    return lambda layer: setattr(layer, name, value)


CHANGES: dict[str, Callable[[Any], object]] = {
    "another parameter": _set("weight_hh_l0", nn.Parameter(torch.ones(16, 4, dtype=torch.float64))),
    "other data": lambda layer: layer.weight_hh_l0.data.mul_(3),
    "data elsewhere": lambda layer: setattr(
        layer.weight_hh_l0, "data", torch.ones(16, 4, dtype=torch.float64)
    ),
    "data laid out otherwise": lambda layer: setattr(
        layer.weight_hh_l0, "data", torch.arange(64.0, dtype=torch.float64).view(4, 16).t() / 64
    ),
    "no gradient": lambda layer: layer.requires_grad_(False),
    "batch_first": _set("batch_first", True),
    "parametrized": lambda layer: parametrizations.weight_norm(layer, "weight_hh_l0"),
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight_ih_l0", 0.5),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_changes_is_seen(change: str) -> None:
    layer = again(wd.LSTM(3, 4, dtype=torch.float64))
    before = tuple(flat(layer(X)))
    CHANGES[change](layer)
    results = [tuple(flat(layer(X)))]
    layer.__dict__["_path"] = None
    results.append(tuple(flat(layer(X))))
    assert_same(*results)
    assert [t.requires_grad for t in results[0]] == [t.requires_grad for t in results[1]]
    if change not in ("no gradient", "parametrized"):
        assert results[0][0].shape != before[0].shape or not torch.equal(results[0][0], before[0])


@pytest.mark.parametrize("name", NAMES)
def test_mistakes_and_odd_calls_are_as_ever(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    h = torch.zeros(1, 4, 4, dtype=torch.float64)
    right = (h, h) if name == "LSTM" else h
    for given in (None, right):
        layer = again(getattr(wd, name)(3, 4, dtype=torch.float64), X, given)
        own = getattr(nn, name)(3, 4, dtype=torch.float64)
        own.load_state_dict(layer.state_dict())
        for x, hx in ((X[0, 0], None), (X.float(), None), (X[..., :2], None), (X, h[:, :2]), (X, (h, h, h)),
                      (None, None), (X, 3), (X, (h, None))):  # fmt: skip
            raised = []
            for one in (own, layer):
                with pytest.raises(Exception) as error:  # noqa: PT011  # whichever torch.nn raises
                    one(x, hx)
                raised.append((type(error.value), str(error.value)))
            assert raised[0] == raised[1]
        for x, hx in ((X[:2], None), (X[:, 0], None), (X.transpose(0, 1), None), (X, right), (X, None)):
            if hx is None or x is X:
                assert_agree(tuple(flat(layer(x, hx))), tuple(flat(own(x, hx))))
        twice = {key: 2 * value for key, value in layer.state_dict().items()}
        assert_agree(
            tuple(flat(functional_call(layer, twice, (X,)))), tuple(flat(functional_call(own, twice, (X,))))
        )
        mapped = torch.func.vmap(lambda x, layer=layer: flat(layer(x))[0])(X.unsqueeze(0))
        assert_agree(mapped[0], flat(own(X))[0])
        monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
        assert_same(tuple(flat(layer(X))), tuple(flat(own(X))))
        monkeypatch.delenv("WOLFDOG_BACKEND")


def test_autocast_is_seen() -> None:
    layer, x = wd.GRU(3, 4), X.float()
    again(layer, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert_same(layer(x), fresh(layer)(x))


def test_copies_and_pickles_are_without_it() -> None:
    layer = again(wd.GRU(3, 4, dtype=torch.float64))
    for other in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other._path is None
        assert_same(other(X), layer(X))


def test_a_wrong_call_made_again_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = again(wd.GRU(3, 4, dtype=torch.float64))
    monkeypatch.setattr(LayerPath, "__call__", lambda self, *given: (X, [X]))
    with pytest.raises(AssertionError):
        assert_same(tuple(flat(layer(X))), tuple(flat(fresh(layer)(X))))
