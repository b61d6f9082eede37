"""RNN, LSTM and GRU as modules: parameters, first values, errors, and all that PyTorch does with a module."""

import inspect
import io
import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

import wolfdog as wd
from tolerances import assert_agree, assert_same
from torch_nn_cases import CASES, NAMES, LayerCase, flat, gradients, packed

by_case = pytest.mark.parametrize("case", CASES, ids=str)
by_name = pytest.mark.parametrize("name", NAMES)


@by_case
def test_parameters_and_what_is_shown(case: LayerCase) -> None:
    theirs, ours = case.pair()
    expected = dict(theirs.named_parameters())
    found = dict(ours.named_parameters())
    assert list(found) == list(expected)
    assert_same(tuple(found.values()), tuple(expected.values()))
    assert repr(ours) == repr(theirs)
    assert [[p.shape for p in layer] for layer in ours.all_weights] == [
        [p.shape for p in layer] for layer in theirs.all_weights
    ]
    torch.manual_seed(8)
    theirs.reset_parameters()
    torch.manual_seed(8)
    ours.reset_parameters()
    assert_same(tuple(ours.parameters()), tuple(theirs.parameters()))


@by_case
def test_state_dicts_go_both_ways(case: LayerCase) -> None:
    theirs, ours = case.pair()
    ours.reset_parameters()
    theirs.load_state_dict(ours.state_dict())
    assert_same(tuple(theirs.parameters()), tuple(ours.parameters()))
    theirs.reset_parameters()
    ours.load_state_dict(theirs.state_dict())
    assert_same(tuple(ours.parameters()), tuple(theirs.parameters()))
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    assert_agree(tuple(flat(ours.eval()(x))), tuple(flat(theirs.eval()(x))))


@by_name
def test_running_draws_no_random_number(name: str) -> None:
    torch.manual_seed(5)
    layer = getattr(wd, name)(7, 9)
    before = torch.get_rng_state()
    layer(torch.zeros(2, 2, 7))
    assert torch.equal(torch.get_rng_state(), before)


@by_name
def test_arguments_are_torch_nn_s(name: str) -> None:
    documented = getattr(nn, name).__doc__.split("(")[1].split(")")[0].split(",")
    ours = inspect.signature(getattr(wd, name)).parameters
    kinds = (inspect.Parameter.VAR_KEYWORD,)
    shown = [
        key if p.default is p.empty else f"{key}={p.default!r}"
        for key, p in ours.items()
        if p.kind not in kinds
    ]
    assert shown == [argument.strip() for argument in documented]


def complaints(name: str) -> list[Any]:
    """What a user may get wrong: functions of a package."""

    def make(*arguments: Any, **options: Any) -> Any:
        return lambda package: getattr(package, name)(*arguments, **options)

    def call(x: Any, hx: Any = None, **options: Any) -> Any:
        def run(package: Any) -> Any:
            layer = getattr(package, name)(3, 4, **options)
            return layer(x) if hx is None else layer(x, (hx, hx) if name == "LSTM" else hx)

        return run

    x = torch.zeros(5, 2, 3)
    found = [
        make(3, 4, num_layers=-1), make(3, 4, dropout=2), make(3, 4, dropout=True), make(3, 4, dropout="much"),
        make(3, 4, bias=1), make(3, 4, batch_first="yes"), make(3.0, 4), make(3, "4"), make(0, 4), make(3, -4),
        make(3), make(3, 4, unheard_of=1), make(3, 4, proj_size=-1), make(3, 4, proj_size=4),
        call(torch.zeros(3)), call(torch.zeros(1, 5, 2, 3)), call(torch.zeros(5, 2, 7)), call(torch.zeros(0, 2, 3)),
        call(x.double()), call(x.long()), call(x.bfloat16()), call([1.0]), call(None), call(x.to("meta")),
        call(x, torch.zeros(1, 3, 4)), call(x, torch.zeros(2, 2, 4)), call(x, torch.zeros(1, 2, 5)),
        call(x, torch.zeros(2, 4)), call(x[:, 0], torch.zeros(1, 2, 4)), call(x, torch.zeros(1, 2, 4).double()),
        call(packed(torch.zeros(6, 4, 7), False)), call(packed(torch.zeros(6, 4, 3), False), torch.zeros(1, 3, 4)),
        call(packed(torch.zeros(6, 4, 3).double(), False)), call(x, bidirectional=1), call(x, num_layers=True),
    ]  # fmt: skip
    if name == "RNN":
        found += [make(3, 4, nonlinearity="sine"), make(3, 4, 1, "sine"), make(3, 4, nonlinearity=None)]
    if name == "LSTM":
        found += [
            lambda package: package.LSTM(3, 4)(x, torch.zeros(1, 2, 4)),
            lambda p: p.LSTM(3, 4)(x, (x,)),
        ]
    return found


@by_name
@pytest.mark.filterwarnings("ignore")
def test_mistakes_get_torch_nn_s_errors(name: str) -> None:
    for number, wrong in enumerate(complaints(name)):
        raised: list[Exception | None] = []
        for package in (nn, wd):
            try:
                wrong(package)
                raised.append(None)
            except Exception as error:
                raised.append(error)
        theirs, ours = raised
        assert type(ours) is type(theirs), (number, ours, theirs)
        if not isinstance(theirs, TypeError) or "__init__" not in str(theirs):
            assert str(ours) == str(theirs), number


def test_dropout_without_a_layer_to_follow_warns() -> None:
    for package in (nn, wd):
        with pytest.warns(UserWarning, match="non-zero dropout expects num_layers greater than 1") as seen:
            package.LSTM(3, 4, dropout=0.5)
        assert seen[0].filename.endswith(("rnn.py", "layers.py"))


@by_name
def test_parameters_may_come_from_elsewhere(name: str) -> None:
    case = LayerCase(name, {"num_layers": 2, "bidirectional": True})
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    results = []
    for layer in case.pair():
        torch.manual_seed(6)
        parametrizations.weight_norm(layer, "weight_hh_l0")
        parametrizations.orthogonal(layer, "weight_ih_l1_reverse")
        prune.l1_unstructured(layer, "weight_ih_l0", amount=0.3)
        result = layer(x)
        results.append((tuple(flat(result)), gradients(layer, result)))
        with torch.no_grad():
            layer.parametrizations.weight_hh_l0.original0.mul_(2.0)
        results[-1] = (*results[-1], tuple(flat(layer(x))))
    assert_agree(results[1], results[0])
    assert not torch.allclose(results[1][0][0], results[1][2][0])


@by_name
def test_functional_call_and_replaced_parameters(name: str) -> None:
    layers = LayerCase(name).pair()
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    results = []
    for layer in layers:
        doubled = {key: 2 * p.detach() for key, p in layer.named_parameters()}
        found = flat(torch.func.functional_call(layer, doubled, (x,)))
        layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.detach() * 3)
        found += flat(layer(x))
        layer.weight_hh_l0.data = layer.weight_hh_l0.data * 2
        results.append(tuple(found + flat(layer(x))))
    assert_agree(results[1], results[0])


@by_name
@pytest.mark.filterwarnings("ignore")
def test_what_kernels_do_not_run_is_torch_nn_s(name: str) -> None:
    theirs, ours = LayerCase(name, {"num_layers": 2}).pair(torch.float32)
    x = torch.randn(5, 2, 3)
    for change in (nn.Module.bfloat16, nn.Module.half, nn.Module.double, nn.Module.float):
        change(theirs)
        change(ours)
        given = x.to(next(ours.parameters()).dtype)
        rounded = tuple(t.bfloat16() for t in flat(theirs(given)))
        assert_agree(tuple(t.bfloat16() for t in flat(ours(given))), rounded)
    traced = torch.jit.trace(ours, (x,))
    again = torch.randn(5, 2, 3)
    assert_agree(traced(again)[0], ours(again)[0])
    empty = ours.to("meta")
    assert empty(x.to("meta"))[0].shape == (5, 2, 4)
    assert empty.backend == "torch"
    assert "on the CPU" in str(empty.fallback_reason)


@by_name
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_transforms_of_torch_func(name: str) -> None:
    layer = LayerCase(name, {"num_layers": 2, "bidirectional": True}).pair()[1]
    x = torch.randn(3, 5, 2, 3, dtype=torch.float64, requires_grad=True)
    mapped = torch.func.vmap(lambda one: layer(one)[0])(x)
    assert_agree(mapped, torch.stack([layer(one)[0] for one in x]))
    gradient = torch.func.grad(lambda one: layer(one)[0].sum())(x[0])
    assert_agree(gradient, torch.autograd.grad(layer(x[0])[0].sum(), x)[0][0])
    direction = torch.randn_like(x[0])
    _, tangent = torch.func.jvp(lambda one: layer(one)[0].sum(), (x[0],), (direction,))
    assert_agree(tangent, (gradient * direction).sum())


def test_meta_device_and_back() -> None:
    layer = wd.LSTM(3, 4, device="meta")
    layer.to_empty(device="cpu")
    layer.load_state_dict(wd.LSTM(3, 4).state_dict())
    assert layer.backend == "llvm"
    assert layer(torch.zeros(5, 2, 3))[0].isfinite().all()


def test_the_eager_backend_is_torch_nn(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = LayerCase("GRU").pair()
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
    assert (ours.backend, ours.fallback_reason) == ("torch", "the eager backend was asked for")
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    assert_same(tuple(flat(ours(x))), tuple(flat(theirs(x))))


def test_what_cannot_be_compiled_warns_once_and_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.compiler import driver

    def refuse(*arguments: object, **options: object) -> None:
        raise driver.Refusal("not today")

    monkeypatch.setattr(driver, "Compiled", refuse)
    layer = wd.GRU(11, 13)
    x = torch.zeros(2, 2, 11)
    with pytest.warns(
        RuntimeWarning, match="GRU runs by PyTorch's own operators, not as a kernel: not today"
    ):
        layer(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert layer(x)[0].shape == (2, 2, 13)
    assert layer.fallback_reason == "not today"


@pytest.mark.parametrize("make", [lambda: wd.LSTM(3, 61), lambda: wd.Recurrent(wd.cells.GRUCell(3, 7))])
def test_a_first_call_in_inference_mode_compiles(make: Any) -> None:
    layer, x = make(), torch.randn(2, 2, 3)
    with torch.inference_mode():
        y, _ = layer(x)
    assert layer.backend == "llvm"
    again, _ = layer(x)
    again.sum().backward()
    assert_agree(y.clone(), again.detach())


@pytest.mark.parametrize("make", [lambda: wd.LSTM(3, 67), lambda: wd.Recurrent(wd.cells.GRUCell(3, 7))])
def test_a_first_call_under_checkpoint(make: Any) -> None:
    layer, x = make(), torch.randn(2, 2, 3)
    checkpoint(lambda x: layer(x)[0], x, use_reentrant=False).sum().backward()
    found = [parameter.grad for parameter in layer.parameters()]
    expected = torch.autograd.grad(layer(x)[0].sum(), list(layer.parameters()))
    assert_agree(tuple(found), tuple(expected))


def test_weights_of_torch_nn_load_from_a_file() -> None:
    theirs, file = nn.GRU(3, 4, 2), io.BytesIO()
    torch.save(theirs.state_dict(), file)
    file.seek(0)
    ours = wd.GRU(3, 4, 2)
    ours.load_state_dict(torch.load(file, weights_only=True), strict=True)
    x = torch.randn(5, 2, 3)
    assert_agree(ours(x)[0], theirs(x)[0])


def test_data_that_is_negated_lazily_is_read_right() -> None:
    layer = wd.RNN(3, 4)
    x = torch.randn(5, 2, 3, dtype=torch.complex64).conj().imag
    assert x.is_neg()
    assert_agree(layer(x)[0], layer(x.clone().resolve_neg())[0])
