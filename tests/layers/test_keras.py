"""The numbers that Keras publishes for its SimpleRNN, LSTM and GRU, from our layers and cells.

Keras' own tests (keras/src/layers/rnn/*_test.py, version 3) give these outputs for events 0, 1, 2, ... and constant
weights: 0.01 for events, 0.02 for the state, 0.03 for biases. Its LSTM starts the forget bias at 1; its GRU has two
biases where the reset gate comes after the product, and one where it comes before.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd

W_X, W_H, BIAS = 0.01, 0.02, 0.03


def counted(*shape: int) -> Tensor:
    """0, 1, 2, ... [B, T, I]."""
    return torch.arange(float(torch.Size(shape).numel())).view(shape)


def as_keras(module: nn.Module, biases: int, forget_bias: float = BIAS) -> nn.Module:
    """Constant weights; `biases` of the two are Keras', the rest are zero."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            value = W_X if "weight_ih" in name else W_H
            if "bias" in name:
                value = BIAS if biases == 2 or (biases == 1 and "bias_ih" in name) else 0.0
            parameter.fill_(value)
            if "bias_ih" in name and forget_bias != BIAS:
                units = parameter.shape[0] // 4
                parameter[units : 2 * units] = forget_bias
    return module


def check(actual: Tensor, expected: list[Any]) -> None:
    """Rows [B, H], or one number for all units of a row."""
    wanted = torch.tensor(expected)
    wanted = wanted[:, None].expand_as(actual) if wanted.dim() == 1 else wanted
    torch.testing.assert_close(actual, wanted, rtol=1e-5, atol=1e-5)


def layers(kind: str, units: int, features: int, **options: Any) -> list[Any]:
    """Our layer of a kind, and Recurrent over our cell: functions of events [B, T, I] and state to last outputs."""
    cells = {"RNN": wd.cells.ElmanCell, "LSTM": wd.cells.LSTMCell, "GRU": wd.cells.GRUCell}
    biases = {"RNN": 1, "LSTM": 1, "GRU": 2}[kind] if options.get("bias", True) else 0
    forget = 1.0 if kind == "LSTM" and biases and options.pop("forget", True) else BIAS
    layer = as_keras(getattr(wd, kind)(features, units, batch_first=True, **options), biases, forget)
    cell = wd.Recurrent(as_keras(cells[kind](features, units, **options), biases, forget), batch_first=True)

    def last_of_layer(x: Tensor, state: Any = None) -> Tensor:
        if state is not None:
            state = tuple(s[None] for s in state) if kind == "LSTM" else state[None]
        return layer(x, state)[0][:, -1]

    return [last_of_layer, lambda x, state=None: cell(x, state)[0][:, -1]]


def test_simple_rnn() -> None:
    for run in layers("RNN", 4, 4):
        check(run(counted(2, 3, 4)), [0.405432, 0.73605347])
        check(run(counted(2, 3, 4).flip(1)), [0.11144729, 0.5528889])
        check(run(torch.cat([counted(2, 3, 4)] * 2, 1)), [0.40559256, 0.7361247])
    for run in layers("RNN", 4, 3):
        check(run(counted(2, 4, 3), counted(2, 4)), [0.33621645, 0.6262637])
        check(run(counted(2, 4, 3).flip(1), counted(2, 4)), [0.07344437, 0.43043602])


def test_lstm() -> None:
    x = counted(3, 6, 4)
    for run in layers("LSTM", 3, 4):
        check(run(x), [0.6288687, 0.86899155, 0.9460773])
        check(run(x.flip(1)), [0.35622165, 0.74789524, 0.8872726])
    for run in layers("LSTM", 3, 4, forget=False):
        check(run(x), [0.57019705, 0.8661914, 0.9459622])
    for run in layers("LSTM", 3, 4, bias=False):
        check(run(x), [0.54986924, 0.86226785, 0.9443936])
    for run in layers("LSTM", 4, 4):
        check(run(torch.cat([counted(2, 3, 4)] * 2, 1)), [0.3124785, 0.6863672])
    state = (counted(2, 2), counted(2, 2))
    for run in layers("LSTM", 2, 3):
        check(run(counted(2, 4, 3), state), [[0.20574439, 0.3558822], [0.64930826, 0.66276]])
        check(run(counted(2, 4, 3).flip(1), state), [[0.13281618, 0.2790356], [0.5839337, 0.5992567]])


def test_gru_with_the_reset_gate_after_the_product() -> None:
    x = counted(3, 6, 4)
    for run in layers("GRU", 3, 4):
        check(run(x), [0.5217289, 0.6371659, 0.39384964])
        check(run(x.flip(1)), [0.24406259, 0.611516, 0.3928808])
    for run in layers("GRU", 3, 4, bias=False):
        check(run(x), [0.49988455, 0.64701194, 0.4103359])
    for run in layers("GRU", 4, 4):
        check(run(torch.cat([counted(2, 3, 4)] * 2, 1)), [0.29542392, 0.5885018])
    for run in layers("GRU", 2, 3):
        check(run(counted(2, 4, 3), counted(2, 2)), [[0.23774096, 0.33508456], [0.83659905, 1.0227708]])
        check(
            run(counted(2, 4, 3).flip(1), counted(2, 2)), [[0.13486053, 0.23261218], [0.78257304, 0.9691353]]
        )


def test_gru_with_the_reset_gate_before_the_product() -> None:
    cell = as_keras(wd.cells.GRUCell(4, 3, reset_after=False), biases=1)
    y, _ = wd.Recurrent(cell, batch_first=True)(counted(3, 6, 4))
    check(y[:, -1], [0.51447755, 0.6426879, 0.40208298])


def test_masked_lstm_is_lengths() -> None:
    layer = as_keras(wd.LSTM(3, 2, batch_first=True), 1, 1.0)
    packed = nn.utils.rnn.pack_padded_sequence(counted(2, 4, 3), torch.tensor([3, 2]), batch_first=True)
    y, _ = nn.utils.rnn.pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=4)
    check(y[0], [0.01588910, 0.05552048, 0.11755939, 0.0])
    check(y[1], [0.14185596, 0.28556206, 0.0, 0.0])


def test_a_wrong_number_is_seen() -> None:
    with pytest.raises(AssertionError):
        check(torch.tensor([[0.405432], [0.736]]), [0.405432, 0.73605347])
