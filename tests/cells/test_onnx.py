"""The units that ONNX defines, against its reference operators over a sequence of several steps."""

import numpy as np
import pytest
import torch
from onnx import ModelProto, helper
from onnx.reference import ReferenceEvaluator

import wolfdog as wd
from cases import scrambled
from tolerances import assert_agree

T, B, E, H = 5, 2, 3, 4  # steps, batch, event size, hidden size


def blocks(parameter: torch.Tensor, order: tuple[int, ...]) -> np.ndarray:
    """The gates' blocks of a packed parameter in ONNX's order, with its dimension of directions in front."""
    parts = parameter.detach().chunk(max(order) + 1)
    return torch.cat([parts[k] for k in order])[None].numpy()


def run_reference(op: str, x: torch.Tensor, **inputs_and_attributes: object) -> list[torch.Tensor]:
    """The outputs of one ONNX operator: arrays are its inputs by name, the rest its attributes."""
    arrays = {k: v for k, v in inputs_and_attributes.items() if isinstance(v, np.ndarray)}
    attributes = {k: v for k, v in inputs_and_attributes.items() if not isinstance(v, np.ndarray)}
    model, arrays = one_operator(op, x, arrays, attributes)
    return [torch.from_numpy(np.array(out)) for out in ReferenceEvaluator(model).run(None, arrays)]


def one_operator(
    op: str, x: torch.Tensor, arrays: dict[str, np.ndarray], attributes: dict[str, object]
) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """A model of one operator, and its inputs."""
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
    used = order[: max(order.index(name) for name in arrays) + 1]
    names = [name if name == "X" or name in arrays else "" for name in used]
    results = ["Y", "Y_h", "Y_c"] if op == "LSTM" else ["Y", "Y_h"]
    arrays = arrays | {"X": x.numpy()}
    kind = helper.np_dtype_to_tensor_dtype(arrays["X"].dtype)
    node = helper.make_node(op, names, results, hidden_size=H, **attributes)
    graph = helper.make_graph(
        [node],
        "one_operator",
        [helper.make_tensor_value_info(name, kind, None) for name in arrays],
        [helper.make_tensor_value_info(name, kind, None) for name in results],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), arrays


def weights(cell: wd.cells.Cell, order: tuple[int, ...]) -> dict[str, np.ndarray]:
    """W, R and B of an ONNX operator from packed parameters."""
    bias = np.concatenate([blocks(cell.bias_ih, order), blocks(cell.bias_hh, order)], axis=1)
    return {"W": blocks(cell.weight_ih, order), "R": blocks(cell.weight_hh, order), "B": bias}


def outputs_and_last(
    cell: wd.cells.Cell, x: torch.Tensor, state: object
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """The cell step by step: outputs as ONNX's Y [T, 1, B, H], last memories as its Y_h, Y_c [1, B, H]."""
    outputs = []
    for event in x:
        state = cell(event, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    last = state if isinstance(state, tuple) else (state,)
    return torch.stack(outputs)[:, None].detach(), tuple(part[None].detach() for part in last)


@pytest.mark.parametrize(
    ("cell", "peepholes"),
    [
        (wd.cells.LSTMCell(E, H, dtype=torch.float64), False),
        (wd.cells.PeepholeLSTMCell(E, H, peephole="diagonal", dtype=torch.float64), True),
    ],
    ids=["lstm", "peephole_diagonal"],
)
def test_lstm_operator(cell: wd.cells.Cell, peepholes: bool) -> None:
    scrambled(cell)
    x = torch.randn(T, B, E, dtype=torch.float64)
    h, c = torch.randn(2, B, H, dtype=torch.float64)
    # Ours lie i, f, g, o and (i, f, o); ONNX's i, o, f, c and (i, o, f).
    inputs = weights(cell, (0, 3, 1, 2)) | {"initial_h": h[None].numpy(), "initial_c": c[None].numpy()}
    if peepholes:
        inputs["P"] = blocks(cell.weight_ch, (0, 2, 1))
    y, y_h, y_c = run_reference("LSTM", x, **inputs)
    assert_agree(outputs_and_last(cell, x, (h, c)), (y, (y_h, y_c)))


def run_onnxruntime(
    cell: wd.cells.Cell,
    x: torch.Tensor,
    state: tuple[torch.Tensor, ...],
    order: tuple[int, ...],
    **attributes: object,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """ONNX Runtime's LSTM, which knows the attributes that the reference operators leave out."""
    onnxruntime = pytest.importorskip("onnxruntime")
    h, c = (part[None].numpy() for part in state)
    arrays = weights(cell, order) | {"initial_h": h, "initial_c": c}
    model, arrays = one_operator("LSTM", x, arrays, attributes)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    y, y_h, y_c = (torch.from_numpy(out) for out in session.run(None, arrays))
    return y, (y_h, y_c)


def test_lstm_operator_that_clips_its_gates() -> None:
    cell = scrambled(wd.cells.LSTMCell(E, H, clip_gates=0.5))
    x, state = torch.randn(T, B, E), tuple(torch.randn(2, B, H))
    expected = run_onnxruntime(cell, x, state, (0, 3, 1, 2), clip=0.5)
    assert_agree(outputs_and_last(cell, x, state), expected)
    cell.clip_gates = None
    with pytest.raises(AssertionError):
        assert_agree(outputs_and_last(cell, x, state), expected)


def test_lstm_operator_with_a_coupled_forget_gate() -> None:
    cell = scrambled(wd.cells.CoupledLSTMCell(E, H))
    x, state = torch.randn(T, B, E), tuple(torch.randn(2, B, H))
    # Ours lie i, g, o; ONNX's i, o, f, c, of which f is not read: the blocks of o stand in for it.
    expected = run_onnxruntime(cell, x, state, (0, 2, 2, 1), input_forget=1)
    assert_agree(outputs_and_last(cell, x, state), expected)


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_operator(reset_after: bool) -> None:
    cell = scrambled(wd.cells.GRUCell(E, H, reset_after=reset_after, dtype=torch.float64))
    x, h = torch.randn(T, B, E, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    # Ours lie r, z, n; ONNX's z, r, h.
    inputs = weights(cell, (1, 0, 2)) | {"initial_h": h[None].numpy()}
    y, y_h = run_reference("GRU", x, linear_before_reset=int(reset_after), **inputs)
    assert_agree(outputs_and_last(cell, x, h), (y, (y_h,)))


def test_rnn_operator() -> None:
    cell = scrambled(wd.cells.ElmanCell(E, H, dtype=torch.float64))
    x, h = torch.randn(T, B, E, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    y, y_h = run_reference("RNN", x, **weights(cell, (0,)), initial_h=h[None].numpy())
    assert_agree(outputs_and_last(cell, x, h), (y, (y_h,)))


def test_the_two_reset_forms_differ() -> None:
    after = scrambled(wd.cells.GRUCell(E, H, dtype=torch.float64))
    before = scrambled(wd.cells.GRUCell(E, H, reset_after=False, dtype=torch.float64))
    x, h = torch.randn(B, E, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    with pytest.raises(AssertionError):
        assert_agree(before(x, h), after(x, h))
