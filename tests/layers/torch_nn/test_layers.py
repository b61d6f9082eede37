"""RNN, LSTM and GRU against torch.nn's: results and gradients, for every form of input and state."""

from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import strategies
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

import wolfdog as wd
from tolerances import assert_agree, assert_same
from torch_nn_cases import CASES, NAMES, LayerCase, flat, gradients, packed

by_case = pytest.mark.parametrize("case", CASES, ids=str)


def both(case: LayerCase, x: Tensor, state: Any, pack: Any = None, train: bool = True) -> None:
    """Results and gradients of torch.nn's layer and of ours are the same."""
    found = []
    for layer in case.pair():
        if not train:
            layer.eval()
        leaf = x.clone().requires_grad_()
        states = [] if state is None else [s.clone().requires_grad_() for s in flat(state)]
        hx = None if state is None else tuple(states) if case.name == "LSTM" else states[0]
        torch.manual_seed(4)  # of dropout
        result = layer(leaf if pack is None else pack(leaf), hx)
        found.append((tuple(flat(result)), gradients(layer, result, leaf, *states), result))
    (expected, expected_gradients, theirs), (actual, actual_gradients, ours) = found
    assert_agree(actual, expected)
    assert_agree(actual_gradients, expected_gradients)
    assert type(ours[0]) is type(theirs[0])
    assert type(ours[1]) is type(theirs[1])
    if pack is not None:
        assert_same_order(ours[0], theirs[0])


def assert_same_order(ours: PackedSequence, theirs: PackedSequence) -> None:
    """Two packed sequences have their sequences in one order."""
    for one, other in zip(ours[1:], theirs[1:], strict=True):
        assert (one is None) is (other is None)
        assert one is None or torch.equal(one, other)


@by_case
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "state"])
def test_tensors(case: LayerCase, given: bool) -> None:
    batch_first = case.options.get("batch_first", False)
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    state = case.state((4 if batch_first else 6,)) if given else None
    both(case, x, state)
    both(case, x.transpose(1, 2).contiguous().transpose(1, 2), state, train=False)


@by_case
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "state"])
def test_without_a_batch(case: LayerCase, given: bool) -> None:
    both(case, torch.randn(6, 3, dtype=torch.float64), case.state(()) if given else None)


@by_case
@pytest.mark.parametrize("in_order", [False, True])
def test_packed_sequences(case: LayerCase, in_order: bool) -> None:
    batch_first = case.options.get("batch_first", False)
    x = (
        torch.randn(4, 6, 3, dtype=torch.float64)
        if batch_first
        else torch.randn(6, 4, 3, dtype=torch.float64)
    )
    for state in (None, case.state((4,))):
        both(case, x, state, lambda leaf: packed(leaf, batch_first, in_order))


@hypothesis.given(
    lengths=strategies.lists(strategies.integers(1, 7), min_size=1, max_size=6),
    name=strategies.sampled_from(NAMES),
)
def test_packed_sequences_of_any_lengths(lengths: list[int], name: str) -> None:
    case = LayerCase(name, {"bidirectional": True})
    x = torch.randn(7, len(lengths), 3, dtype=torch.float64)
    both(
        case,
        x,
        case.state((len(lengths),)),
        lambda leaf: pack_sequence([leaf[:n, b] for b, n in enumerate(lengths)], enforce_sorted=False),
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_results_may_be_written_into(case: LayerCase) -> None:
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    found = []
    for layer in case.pair():
        result = layer.eval()(x)
        for tensor in flat(result):
            tensor.mul_(2).relu_()
        found.append((tuple(flat(result)), gradients(layer, result)))
    assert_agree(*found)


@by_case
@pytest.mark.parametrize("steps", [1, 2, 3])
@torch.no_grad()
def test_results_share_no_memory(case: LayerCase, steps: int) -> None:
    _, layer = case.pair()
    results = flat(layer(torch.randn(steps, steps, 3, dtype=torch.float64)))
    for number in range(len(results)):
        were = [tensor.clone() for tensor in results]
        were[number] = results[number].fill_(7.0)
        assert_same(tuple(results), tuple(were))


@pytest.mark.parametrize("name", NAMES)
def test_kernels_ran(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("torch.nn's own forward ran")

    _, layer = LayerCase(name, {"num_layers": 2, "bidirectional": True}).pair()
    assert (layer.backend, layer.fallback_reason) == ("llvm", None)
    monkeypatch.setattr(getattr(nn, name), "forward", refuse)
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    layer(x)
    layer(packed(x, batch_first=False))
    with pytest.raises(AssertionError, match="own forward ran"):
        layer(x.float())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["tensor", "packed", "packed evenly"])
@pytest.mark.parametrize("x_format", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("h_format", [None, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("proj_size", [0, 2])
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_autocast(
    name: str, form: str, x_format: torch.dtype, h_format: torch.dtype | None, proj_size: int
) -> None:
    options = {"num_layers": 2, "proj_size": proj_size} if name == "LSTM" else {"num_layers": 2}
    case = LayerCase(name, options)
    x = torch.randn(6, 4, 3).to(x_format)
    events = {"tensor": x, "packed": packed(x, False), "packed evenly": pack_padded_sequence(x, [6] * 4)}[
        form
    ]
    state = None if h_format is None else case.state((4,), h_format)
    results = []
    for layer in case.pair(torch.float32):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            results.append(flat(layer(events, state)))
    theirs, ours = results
    assert [t.dtype for t in ours] == [t.dtype for t in theirs]
    assert_agree(tuple(t.bfloat16() for t in ours), tuple(t.bfloat16() for t in theirs))


def test_a_wrong_layer_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.layers.torch_nn import layouts

    monkeypatch.setattr(layouts.Whole, "outputs", lambda self, y, backwards: y)
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    both(LayerCase("GRU"), x, None)
    with pytest.raises(AssertionError):
        both(LayerCase("GRU", {"bidirectional": True}), x, None)


def test_wolfdog_has_them() -> None:
    for name in NAMES:
        assert issubclass(getattr(wd, name), nn.RNNBase)
