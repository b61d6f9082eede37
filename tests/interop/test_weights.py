"""Weights from Keras and Flax, against their documented equations in plain NumPy, written in their own layouts."""

import numpy as np
import pytest
import torch

import wolfdog as wd
from tolerances import assert_agree
from wolfdog.errors import InputError, ShapeError

B, T, E, H = 3, 4, 2, 5  # batch, steps, event size, hidden size


def drawn(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape) * 0.5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


X = drawn(B, T, E)


def keras_lstm(kernel, recurrent, bias, activation=np.tanh, recurrent_activation=sigmoid, x=X):
    h, c, ys = np.zeros((B, H)), np.zeros((B, H)), []
    for t in range(T):
        z = x[:, t] @ kernel + h @ recurrent + bias
        z_i, z_f, z_c, z_o = (z[:, gate * H : (gate + 1) * H] for gate in range(4))
        i, f, o = recurrent_activation(z_i), recurrent_activation(z_f), recurrent_activation(z_o)
        c = f * c + i * activation(z_c)
        h = o * activation(c)
        ys.append(h)
    return np.stack(ys, 1), (h, c)


def keras_gru(kernel, recurrent, bias, reset_after, activation=np.tanh, recurrent_activation=sigmoid):
    input_bias, state_bias = bias if reset_after else (bias, np.zeros(3 * H))
    h, ys = np.zeros((B, H)), []
    for t in range(T):
        x_z, x_r, x_h = np.split(X[:, t] @ kernel + input_bias, 3, -1)
        of_state = h @ recurrent + state_bias
        z = recurrent_activation(x_z + of_state[:, :H])
        r = recurrent_activation(x_r + of_state[:, H : 2 * H])
        inner = r * of_state[:, 2 * H :] if reset_after else (r * h) @ recurrent[:, 2 * H :]
        h = z * h + (1 - z) * activation(x_h + inner)
        ys.append(h)
    return np.stack(ys, 1), (h,)


def keras_simple(kernel, recurrent, bias, activation=np.tanh):
    h, ys = np.zeros((B, H)), []
    for t in range(T):
        h = activation(X[:, t] @ kernel + bias + h @ recurrent)
        ys.append(h)
    return np.stack(ys, 1), (h,)


def assert_gives(layer, expected):
    y, last = layer(torch.tensor(X))
    memories = last if isinstance(last, tuple) else (last,)
    outputs, states = expected
    assert_agree(y.detach(), torch.tensor(outputs))
    assert_agree(tuple(m.detach() for m in memories), tuple(map(torch.tensor, states)))


def keras_weights(gates, *bias):
    return [drawn(E, gates * H), drawn(H, gates * H), drawn(*(bias or (gates * H,)))]


def test_keras_lstm():
    weights = keras_weights(4)
    layer = wd.from_keras("LSTM", weights)
    assert type(layer.cell) is wd.cells.LSTMCell
    assert_gives(layer, keras_lstm(*weights))
    assert_gives(wd.from_keras("LSTM", weights[:2]), keras_lstm(*weights[:2], 0))
    hard = wd.from_keras("LSTM", weights, activation="relu", recurrent_activation="hard_sigmoid")
    assert_gives(hard, keras_lstm(*weights, lambda x: np.maximum(x, 0), hard_sigmoid))
    with pytest.raises(AssertionError):
        assert_gives(layer, keras_lstm(*weights, recurrent_activation=hard_sigmoid))


@pytest.mark.parametrize("reset_after", [True, False])
def test_keras_gru(reset_after):
    weights = keras_weights(3, *((2, 3 * H) if reset_after else (3 * H,)))
    layer = wd.from_keras("GRU", weights, reset_after=reset_after)
    assert type(layer.cell) is wd.cells.GRUCell
    assert_gives(layer, keras_gru(*weights, reset_after))
    soft = wd.from_keras("GRU", weights, reset_after=reset_after, activation="softsign")
    assert_gives(soft, keras_gru(*weights, reset_after, lambda x: x / (1 + abs(x))))


def test_keras_simple_rnn():
    weights = keras_weights(1)
    assert_gives(wd.from_keras("SimpleRNN", weights), keras_simple(*weights))
    assert_gives(
        wd.from_keras("SimpleRNN", weights, activation="relu"),
        keras_simple(*weights, lambda x: np.maximum(x, 0)),
    )
    linear = wd.from_keras("SimpleRNN", weights, activation="linear")
    assert_gives(linear, keras_simple(*weights, lambda x: x))


def test_numbers_written_down():
    """One unit, one event: every gate has a weight of its own, so that none can stand in for another."""
    lstm = wd.from_keras("LSTM", [np.array([[1.0, 2.0, 3.0, 4.0]]), np.zeros((1, 4)), np.zeros(4)])
    with torch.no_grad():
        y, (h, c) = lstm(torch.full((1, 1, 1), 0.5, dtype=torch.float64))
    # i = sigmoid(0.5), c = i tanh(1.5), h = sigmoid(2) tanh(c)
    assert float(c) == pytest.approx(0.6224593312 * 0.9051482536, abs=1e-9)
    assert (
        float(h) == float(y) == pytest.approx(0.8807970780 * np.tanh(0.6224593312 * 0.9051482536), abs=1e-9)
    )
    gru = wd.from_keras("GRU", [np.array([[1.0, 2.0, 3.0]]), np.zeros((1, 3)), np.zeros((2, 3))])
    with torch.no_grad():
        y, h = gru(torch.full((1, 1, 1), 0.5, dtype=torch.float64))
    assert (
        float(h) == float(y) == pytest.approx((1 - 0.6224593312) * 0.9051482536, abs=1e-9)
    )  # (1 - z) tanh(1.5)


def constant(gates, *bias):
    """Weights of a layer of 4 features: 0.01 for events, 0.02 for the state, 0.03 for biases."""
    sizes, units = ((4, 3 * gates), (3, 3 * gates), bias or (3 * gates,)), (0.01, 0.02, 0.03)
    return [np.full(size, value, np.float32) for size, value in zip(sizes, units, strict=True)]


def test_numbers_that_keras_publishes():
    """The outputs in keras/src/layers/rnn/*_test.py, version 3, for events 0, 1, 2, ... and constant weights."""
    x = torch.arange(72.0).view(3, 6, 4)
    lstm = constant(4)
    lstm[2][3:6] = 1.0  # the forget gate's bias, as Keras starts it
    published = [
        (wd.from_keras("LSTM", lstm), [0.6288687, 0.86899155, 0.9460773]),
        (wd.from_keras("LSTM", constant(4)[:2]), [0.54986924, 0.86226785, 0.9443936]),
        (wd.from_keras("GRU", constant(3, 2, 9)), [0.5217289, 0.6371659, 0.39384964]),
        (wd.from_keras("GRU", constant(3), reset_after=False), [0.51447755, 0.6426879, 0.40208298]),
    ]
    for layer, expected in published:
        y, _ = layer(x)
        np.testing.assert_allclose(y[:, -1, 0].detach(), expected, rtol=1e-5)


@pytest.mark.parametrize(("mode", "merge"), [("concat", "concat"), ("ave", "mean"), ("mul", "product")])
def test_keras_bidirectional(mode, merge):
    """keras.layers.Bidirectional has the weights of the one direction, then those of the other."""
    forwards, backwards = keras_weights(4), [1.3 * array for array in keras_weights(4)]
    layer = wd.Bidirectional(
        wd.from_keras("LSTM", forwards), wd.from_keras("LSTM", backwards), merge=merge, batch_first=True
    )
    y, (h, c) = keras_lstm(*forwards)
    back, (h_back, c_back) = keras_lstm(*backwards, x=X[:, ::-1])
    back = back[:, ::-1]
    merged = {"concat": np.concatenate([y, back], -1), "ave": (y + back) / 2, "mul": y * back}[mode]
    found, (ahead, behind) = layer(torch.tensor(X))
    assert_agree(found.detach(), torch.tensor(merged.copy()))
    for memory, expected in zip((*ahead, *behind), (h, c, h_back, c_back), strict=True):
        assert_agree(memory.detach(), torch.tensor(expected))


def dense(side, gates, bias):
    rows = E if side == "i" else H
    return {
        f"{side}{gate}": {"kernel": drawn(rows, H) * (1 + 0.3 * number)}
        | ({"bias": drawn(H) * (1 + 0.7 * number)} if bias in (True, gate) else {})
        for number, gate in enumerate(gates)
    }


def apply(part, x):
    return x @ part["kernel"] + part.get("bias", 0)


@pytest.mark.parametrize("cell", ["LSTMCell", "OptimizedLSTMCell"])
def test_flax_lstm(cell):
    p = dense("i", "ifgo", False) | dense("h", "ifgo", True)
    h, c, ys = np.zeros((B, H)), np.zeros((B, H)), []
    for t in range(T):
        i, f, g, o = (apply(p[f"i{gate}"], X[:, t]) + apply(p[f"h{gate}"], h) for gate in "ifgo")
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        ys.append(h)
    assert_gives(wd.from_flax(cell, p), (np.stack(ys, 1), (h, c)))
    p["hi"], p["hf"] = p["hf"], p["hi"]
    with pytest.raises(AssertionError):
        assert_gives(wd.from_flax(cell, p), (np.stack(ys, 1), (h, c)))


def test_flax_gru():
    p = dense("i", "rzn", True) | dense("h", "rzn", "n")
    assert "bias" not in p["hr"]
    h, ys = np.zeros((B, H)), []
    for t in range(T):
        r = sigmoid(apply(p["ir"], X[:, t]) + apply(p["hr"], h))
        z = sigmoid(apply(p["iz"], X[:, t]) + apply(p["hz"], h))
        n = np.tanh(apply(p["in"], X[:, t]) + r * apply(p["hn"], h))
        h = (1 - z) * n + z * h
        ys.append(h)
    assert_gives(wd.from_flax("GRUCell", p), (np.stack(ys, 1), (h,)))


def test_flax_simple():
    p = dense("i", [""], True) | dense("h", [""], False)
    h, ys = np.zeros((B, H)), []
    for t in range(T):
        h = np.tanh(apply(p["i"], X[:, t]) + apply(p["h"], h))
        ys.append(h)
    assert_gives(wd.from_flax("SimpleCell", p), (np.stack(ys, 1), (h,)))


def side_by_side(p, gates):
    """The parameters of a cell of flax.linen as flax.nnx has them, all gates in one kernel."""
    made = {}
    for side in "ih":
        parts = [p[f"{side}{gate}"] for gate in gates]
        made[f"dense_{side}"] = {"kernel": np.concatenate([part["kernel"] for part in parts], 1)}
        if all("bias" in part for part in parts):
            made[f"dense_{side}"]["bias"] = np.concatenate([part["bias"] for part in parts])
    return made


def test_flax_nnx_has_other_names():
    lstm = dense("i", "ifgo", False) | dense("h", "ifgo", True)
    gru = dense("i", "rzn", True) | dense("h", "rzn", False)
    simple = dense("i", [""], True) | dense("h", [""], False)
    keyword = {"if_" if name == "if" else name: part for name, part in lstm.items()}
    for cell, linen, nnx in (
        ("LSTMCell", lstm, keyword),
        ("OptimizedLSTMCell", lstm, side_by_side(lstm, "ifgo")),
        ("GRUCell", gru, side_by_side(gru, "rzn")),
        ("SimpleCell", simple, side_by_side(simple, [""])),
    ):
        expected, found = (wd.from_flax(cell, p).cell.state_dict() for p in (linen, nnx))
        assert expected.keys() == found.keys()
        for name, tensor in expected.items():
            assert torch.equal(tensor, found[name]), (cell, name)


def test_the_weights_are_copied_and_train():
    weights = [array.astype(np.float32) for array in keras_weights(1)]
    layer = wd.from_keras("SimpleRNN", weights)
    with torch.no_grad():
        layer.cell.weight_ih.zero_()
        layer.cell.bias_ih.zero_()
    assert weights[0].any()
    assert weights[2].any()
    layer(torch.ones(B, T, E))[0].sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_mistakes_are_told():
    weights, p = keras_weights(4), dense("i", "ifgo", False) | dense("h", "ifgo", True)
    with pytest.raises(InputError, match="LSTM, GRU, SimpleRNN; got 'lstm'"):
        wd.from_keras("lstm", weights)
    with pytest.raises(InputError, match="unknown activation 'gelu'; expected one of tanh, sigmoid"):
        wd.from_keras("LSTM", weights, activation="gelu")
    with pytest.raises(ShapeError, match="got 1"):
        wd.from_keras("LSTM", weights[:1])
    with pytest.raises(ShapeError, match=r"recurrent_kernel must be \[5, 15\]"):
        wd.from_keras("GRU", weights)
    with pytest.raises(ShapeError, match=r"bias must be \[2, 15\]"):
        wd.from_keras("GRU", keras_weights(3))
    with pytest.raises(ShapeError, match="of int64"):
        wd.from_keras("LSTM", [np.ones((2, 20), int), *weights[1:]])
    with pytest.raises(ShapeError, match=r"one format; got torch\.float32, torch\.float64"):
        wd.from_keras("LSTM", [weights[0].astype(np.float32), *weights[1:]])
    with pytest.raises(InputError, match="SimpleCell; got 'MGUCell'"):
        wd.from_flax("MGUCell", p)
    with pytest.raises(ShapeError, match=r"has the parameters ii, if, .*in flax\.nnx ii, if_, .*; got i$"):
        wd.from_flax("LSTMCell", {"i": p["ii"]})
    with pytest.raises(ShapeError, match=r"in flax\.nnx dense_i, dense_h; got cell$"):
        wd.from_flax("GRUCell", {"cell": {}})
    for wrong in (None, {"i": np.ones(3), "h": np.ones(3)}):
        with pytest.raises(ShapeError, match="a mapping of mappings"):
            wd.from_flax("SimpleCell", wrong)
    with pytest.raises(ShapeError, match=r"dense_h/kernel must be \[5, 20\]"):
        wd.from_flax(
            "OptimizedLSTMCell", {"dense_i": {"kernel": drawn(2, 20)}, "dense_h": {"kernel": drawn(5, 21)}}
        )
    with pytest.raises(ShapeError, match=r"hg/kernel must be \[5, 5\]"):
        wd.from_flax("LSTMCell", p | {"hg": p["ig"]})
    with pytest.raises(ShapeError, match="differ in size"):
        wd.from_flax("LSTMCell", p | {"ig": {"kernel": drawn(3, H)}})
