"""The trace of RNN, LSTM and GRU: the cells' own quantities, for every layer and direction."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

import wolfdog as wd
from tolerances import assert_agree
from torch_nn_cases import CASES, NAMES, LayerCase, packed

GATES = {"LSTM": "ifgo", "GRU": "rzn", "RNN": ""}


def last_layer(activations: dict[str, Any], case: LayerCase) -> Any:
    """The outputs of the layer, from its trace."""
    ending = f"l{case.options.get('num_layers', 1) - 1}"
    names = [f"h_{ending}", f"h_{ending}_reverse"] if case.options.get("bidirectional") else [f"h_{ending}"]
    return [activations[name] for name in names]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_last_hidden_states_are_the_outputs(case: LayerCase) -> None:
    _, layer = case.pair()
    layer.eval()
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    for state in (None, case.state((4 if layer.batch_first else 6,))):
        activations = layer.activations(x, state)
        assert_agree(torch.cat(last_layer(activations, case), -1), layer(x, state)[0].detach())
        assert not any(values.requires_grad for values in activations.values())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named(name: str) -> None:
    case = LayerCase(name, {"num_layers": 2, "bidirectional": True})
    _, layer = case.pair()
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    activations = layer.activations(x)
    for ending in ("l0", "l0_reverse", "l1", "l1_reverse"):
        assert {f"{gate}_{ending}" for gate in [*GATES[name], "h"]} <= set(activations)
    cell = getattr(nn, f"{name}Cell")(3, 4, dtype=torch.float64)
    for ending, turned in (("l0", False), ("l0_reverse", True)):
        cell.load_state_dict({key: layer.get_parameter(f"{key}_{ending}") for key in cell.state_dict()})
        alone = wd.Recurrent(cell).activations(x.flip(0) if turned else x)
        expected = {f"{key}_{ending}": values.flip(0) if turned else values for key, values in alone.items()}
        for key, values in expected.items():
            assert_agree(activations[key], values)


def test_packed_and_unbatched_sequences() -> None:
    case = LayerCase("LSTM", {"num_layers": 2, "bidirectional": True})
    _, layer = case.pair()
    x, state = torch.randn(6, 4, 3, dtype=torch.float64), case.state((4,))
    events = packed(x, batch_first=False)
    activations = layer.activations(events, state)
    assert all(isinstance(values, PackedSequence) for values in activations.values())
    assert_agree(
        torch.cat([h.data for h in last_layer(activations, case)], -1), layer(events, state)[0].data.detach()
    )
    gates, lengths = pad_packed_sequence(activations["i_l1_reverse"])
    for example, length in enumerate(lengths):
        before = tuple(part[:, example] for part in state)
        alone = layer.activations(x[:length, example], before)["i_l1_reverse"]
        assert_agree(gates[:length, example], alone)


def test_it_follows_the_parameters() -> None:
    layer, x = wd.GRU(3, 4), torch.randn(6, 2, 3)
    before = layer.activations(x)["z_l0"]
    layer.bias_ih_l0 = nn.Parameter(layer.bias_ih_l0 + 1)
    after = layer.activations(x)["z_l0"]
    assert (after > before).all()
    assert_agree(layer.activations(x)["h_l0"], layer(x)[0].detach())


def test_what_kernels_do_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = wd.LSTM(3, 4), torch.randn(6, 2, 3)
    by_kernels = layer.activations(x)["i_l0"]
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
    assert_agree(layer.activations(x)["i_l0"], by_kernels)
    half = layer.bfloat16().activations(x.bfloat16())["i_l0"]
    assert_agree(half, by_kernels.bfloat16())


@pytest.mark.parametrize("x", [torch.zeros(5, 2, 7), torch.zeros(3), torch.zeros(5, 2, 3).double(), None])
def test_mistakes_are_those_of_the_call(x: Any) -> None:
    layer = wd.LSTM(3, 4)
    with pytest.raises(Exception) as called:  # noqa: PT011  # whatever the call raises
        layer(x)
    with pytest.raises(type(called.value)) as traced:
        layer.activations(x)
    assert str(traced.value) == str(called.value)
