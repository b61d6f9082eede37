"""Weights in pieces that nodes cut and join, as exporters leave them that fold no constants."""

import numpy as np
import pytest
import torch
from onnx import helper

import wolfdog as wd
from onnx_files import model, of_nodes, weights
from onnx_runtime import session
from tolerances import assert_agree
from wolfdog.errors import ONNXError
from wolfdog.interop.onnx.read.constant_folding import MAX_DEPTH, MAX_NODES

H = 4


def whole(name, *numbers, listed=False):
    """A node that makes a constant of whole numbers."""
    if listed:
        return helper.make_node("Constant", [], [name], value_ints=numbers)
    return helper.make_node(
        "Constant", [], [name], value=helper.make_tensor(name, 7, [len(numbers)], numbers)
    )


def pieces():
    """An LSTM whose weights lie as PyTorch has them, gates i, f, g, o, and the nodes that put them in ONNX's order."""
    w = weights("LSTM", seed=5)
    stored, nodes = {}, [whole("axis", 0), whole("rows", -1, 2 * H, listed=True)]
    for place, name in enumerate("io"):
        nodes += [whole(f"from_{name}", place * H), whole(f"to_{name}", (place + 1) * H, listed=True)]
    nodes += [whole("from_fc", 2 * H), whole("to_fc", 2**63 - 1)]
    for name in "WR":
        i, o, f, c = np.split(w[name][0], 4)
        stored[f"torch_{name}"] = np.concatenate(
            [i, f, c, o]
        ).T.copy()  # a matrix to be multiplied from the right
        nodes += [
            helper.make_node("Transpose", [f"torch_{name}"], [f"{name}_rows"], perm=[1, 0]),
            helper.make_node("Slice", [f"{name}_rows", "from_i", "to_i", "axis"], [f"{name}_i"]),
            helper.make_node("Slice", [f"{name}_rows", "from_fc", "to_fc"], [f"{name}_gates_o"]),
            helper.make_node("Slice", [f"{name}_gates_o", "from_o", "to_fc", "axis"], [f"{name}_o"]),
            helper.make_node("Slice", [f"{name}_rows", "from_o", "end"], [f"{name}_fc"]),
            helper.make_node("Concat", [f"{name}_i", f"{name}_o", f"{name}_fc"], [f"{name}_onnx"], axis=0),
            helper.make_node("Unsqueeze", [f"{name}_onnx", "axis"], [name]),
        ]
    nodes.insert(0, whole("end", 3 * H))
    stored["flat_B"] = w["B"].ravel()
    nodes += [whole("shape", 1, -1, 1), helper.make_node("Reshape", ["flat_B", "shape"], ["tall_B"])]
    nodes += [whole("last", 2), helper.make_node("Squeeze", ["tall_B", "last"], ["B"])]
    nodes.append(helper.make_node("LSTM", ["X", "W", "R", "B"], ["Y"], hidden_size=H))
    return of_nodes(nodes, stored), {name: w[name] for name in "WRB"}


def test_pieces_are_put_together():
    made, expected = pieces()
    [layer], [plain] = wd.from_onnx(made), wd.from_onnx(model("LSTM", expected, hidden_size=H))
    for name, parameter in plain.named_parameters():
        assert torch.equal(dict(layer.named_parameters())[name], parameter), name
    x = np.random.default_rng(0).normal(size=(5, 3, 2)).astype(np.float32)
    [theirs] = session(made).run(None, {"X": x})
    assert_agree(layer(torch.tensor(x))[0].detach(), torch.tensor(theirs[:, 0]))


def test_attributes_of_older_operators():
    w = weights("RNN")
    nodes = [
        helper.make_node("Unsqueeze", ["flat_W"], ["W"], axes=[0]),
        helper.make_node("Slice", ["both_R"], ["R"], starts=[0], ends=[1], axes=[0]),
        helper.make_node("RNN", ["X", "W", "R"], ["Y"]),
    ]
    stored = {"flat_W": w["W"][0], "both_R": np.concatenate([w["R"], 2 * w["R"]])}
    older = of_nodes(nodes, stored)
    older.opset_import[0].version = 9
    [layer] = wd.from_onnx(older)
    assert torch.equal(layer.forwards.cell.weight_hh, torch.tensor(w["R"][0]))
    assert torch.equal(layer.forwards.cell.weight_ih, torch.tensor(w["W"][0]))


def test_a_slice_backwards():
    w = weights("RNN")
    nodes = [
        whole("start", -1), whole("end", -(2**63)), whole("axis", 1), whole("step", -1),
        helper.make_node("Slice", ["turned", "start", "end", "axis", "step"], ["W"]),
        helper.make_node("RNN", ["X", "W", "R"], ["Y"]),
    ]  # fmt: skip
    [layer] = wd.from_onnx(of_nodes(nodes, {"turned": w["W"][:, ::-1].copy(), "R": w["R"]}))
    assert torch.equal(layer.forwards.cell.weight_ih, torch.tensor(w["W"][0]))


def told(nodes, stored, words):
    nodes = [*nodes, helper.make_node("RNN", ["X", "W", "R"], ["Y"])]
    with pytest.raises(ONNXError, match=words):
        wd.from_onnx(of_nodes(nodes, stored))


def test_what_cannot_be_computed_is_told():
    w = weights("RNN")
    stored = {"half": w["W"], "double": w["W"].astype(np.float64), "R": w["R"]}
    told([helper.make_node("Concat", ["half", "double"], ["W"], axis=0)], stored, "have different formats")
    told([helper.make_node("Concat", ["half", "half"], ["W"], axis=9)], stored, "cannot be computed: axis 9")
    told([helper.make_node("Transpose", ["half"], ["W"], perm=[0, 0, 1])], stored, "repeated axis")
    told([helper.make_node("Reshape", ["half", "half"], ["W"])], stored, "at most 8 whole numbers")
    told([helper.make_node("Slice", ["half"], ["W"])], stored, "starts or ends are missing")
    told(
        [whole("n", 2), helper.make_node("Unsqueeze", ["half", "n", "n"], ["W"])],
        stored,
        "cannot be computed",
    )
    told([helper.make_node("Squeeze", [""], ["W"])], stored, "cannot be computed")
    told(
        [helper.make_node("Concat", ["half", "X"], ["W"], axis=0)],
        stored,
        "not stored in the file, but are inputs",
    )
    told([helper.make_node("Add", ["half", "half"], ["W"])], stored, "computed by other")
    nan = helper.make_node("Constant", [], ["W"], value_floats=[float("nan")])
    told([nan], stored, "not finite")


def test_what_would_grow_without_end_is_not_computed():
    w = weights("RNN")
    doubled = [
        helper.make_node("Concat", [f"w{n}", f"w{n}"], [f"w{n + 1}"], axis=0) for n in range(MAX_DEPTH - 1)
    ]
    doubled.append(helper.make_node("Concat", [f"w{MAX_DEPTH - 1}"] * 200, ["W"], axis=0))
    told(doubled, {"w0": w["W"], "R": w["R"]}, "copy so much data that it would need too much memory")
    deep = [
        helper.make_node("Transpose", [f"w{n}"], [f"w{n + 1}"], perm=[0, 1, 2]) for n in range(MAX_DEPTH + 3)
    ]
    deep.append(helper.make_node("Transpose", [f"w{MAX_DEPTH + 3}"], ["W"], perm=[0, 1, 2]))
    told(deep, {"w0": w["W"], "R": w["R"]}, "computed by other")
    wide = [helper.make_node("Transpose", ["w"], [f"t{n}"], perm=[0, 1, 2]) for n in range(MAX_NODES // 4)]
    wide.append(helper.make_node("Concat", [f"t{n}" for n in range(MAX_NODES // 4)], ["W"], axis=0))
    wide += [helper.make_node("RNN", ["X", "W", "R"], [f"Y{n}"]) for n in range(5)]
    told(wide, {"w": w["W"], "R": w["R"]}, "W must be|computed by other")
