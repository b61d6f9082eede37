"""Broken and hostile files: one clear error each, no crash, no hang, no memory that the file does not need."""

import os
import random
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import wolfdog as wd
from onnx_files import model, mutated, of_nodes, valid_files, weights
from wolfdog.errors import ONNXError
from wolfdog.interop.onnx.read.wire import ALLOWANCE, check_wire

MUTATIONS, SECONDS = 600, 5.0  # of this process alone, however busy the machine is


def refused(whole, *words, path=None):
    """Fails unless reading ends in one error, of one line, that says these words."""
    if path is not None:
        path.write_bytes(whole if isinstance(whole, bytes) else whole.SerializeToString())
    with pytest.raises(ONNXError) as caught:
        wd.from_onnx(whole if path is None else path)
    told = str(caught.value)
    assert len(told) < 700
    assert "\n" not in told
    for word in (*words, *([str(path)] if path is not None else [])):
        assert word in told


def test_random_mutations_are_read_or_refused(tmp_path):
    rng, files, path = random.Random(0), valid_files(), tmp_path / "mutated.onnx"
    read = told = 0
    for data in files:
        path.write_bytes(data)
        assert wd.from_onnx(path)
    tracemalloc.start()
    try:
        for number in range(MUTATIONS):
            data = mutated(files[number % len(files)], rng)
            path.write_bytes(data)
            tracemalloc.reset_peak()
            held, started = tracemalloc.get_traced_memory()[0], time.process_time()
            try:
                wd.from_onnx(path)
                read += 1
            except ONNXError as error:
                told += str(error).startswith(f"{path}: ")
            assert time.process_time() - started < SECONDS
            assert tracemalloc.get_traced_memory()[1] - held < 200_000
    finally:
        tracemalloc.stop()
    assert read + told == MUTATIONS
    assert min(read, told) > MUTATIONS // 10


def changed(op="LSTM", **stored):
    """A model with some tensors in the place of its own; None takes one away."""
    tensors = {name: array for name, array in (weights(op) | stored).items() if array is not None}
    return model(op, tensors, hidden_size=4)


def test_wrong_ranks_and_sizes():
    w = weights("LSTM")
    refused(changed(W=w["W"][0]), "W must be [directions, 4 * hidden_size, input_size]", "[16, 2]")
    refused(changed(R=w["R"][0]), "R must be [directions, 4 * hidden_size, hidden_size]", "[16, 4]")
    refused(changed(R=w["R"][:, :, :3]), "hidden_size is 4", "[1, 16, 3]")
    refused(changed(B=w["B"][:, :31]), "B must be [1, 32]", "[1, 31]")
    refused(changed(P=w["P"].reshape(3, 4)), "P must be [1, 12]")
    refused(changed(W=w["W"][:, :, :0]), "its shape [1, 16, 0] has no numbers in it")
    refused(changed(W=np.float32(1.0)), "W must be")
    refused(changed(B=w["B"].astype(np.float64)), "one floating point format", "float32, float64")
    refused(changed(initial_h=np.zeros((2, 3, 4), np.float32)), "initial_h must be [1, batch, 4]")
    refused(changed(sequence_lens=np.zeros((1, 3), np.int32)), "sequence_lens must be [batch]")
    refused(changed(sequence_lens=np.array([-1], np.int32)), "negative lengths")
    refused(changed(W=np.full_like(w["W"], np.nan)), "'W'", "not finite")


def test_sizes_that_the_data_do_not_have():
    for dims, words in (
        ([1, 16, -2], ["negative size"]),
        ([2**40, 2**40, 2**40], ["bytes; got 128"]),
        ([2**62] * 9, ["9 axes"]),
        ([1, 16, 3], ["needs 192 bytes; got 128"]),
        ([0, 2**62, 2**62], ["no numbers in it"]),
    ):
        whole = changed()
        tensor = next(t for t in whole.graph.initializer if t.name == "W")
        del tensor.dims[:]
        tensor.dims.extend(dims)
        refused(whole, "tensor 'W'", *words)
    whole = changed()
    whole.graph.initializer[0].data_type = 250
    refused(whole, "holds 250; expected one of FLOAT")
    for negative in (-4, 0, 2**40):
        whole = changed()
        whole.graph.node[0].attribute[0].i = negative
        refused(whole, "hidden_size is", "R [1, 16, 4] is for 4")


def test_attributes_that_onnx_does_not_have():
    def said(**attributes):
        return model("LSTM", weights("LSTM"), **attributes)

    refused(said(direction="sideways"), "direction must be forward, reverse or bidirectional")
    refused(said(direction="bidirectional"), "W must be [2, 16, 2]")
    refused(said(layout=2), "layout must be 0 or 1")
    refused(said(clip=-1.0), "clip must be a positive number")
    refused(said(clip=float("nan")), "clip must be a positive number")
    refused(said(activations=["Tanh"]), "expected 3 activations; got 1")
    refused(
        said(activations=["Sigmoid", "Tanh", "Cosh"]), "unknown activation 'Cosh'; expected one of Relu, Tanh"
    )
    refused(said(activations=["Sigmoid", "Affine", "Tanh"]), "Affine needs a number in activation_alpha")
    refused(said(activation_alpha=[1.0]), "activation_alpha has 1 more numbers")
    refused(said(activation_alpha=[1.0] * 10_000), "activation_alpha has 10,000 entries; expected at most 6")
    refused(said(activations=["Tanh"] * 10_000), "activations has 10,000 entries; expected at most 6")
    refused(said(hidden_size="4"), "hidden_size must be of type INT")
    refused(said(linear_before_reset=1), "unknown attribute 'linear_before_reset'")
    refused(said(name_of_attribute="x" * 5000), "unknown attribute")


def test_missing_inputs_and_cycles():
    stored = weights("RNN")
    refused(
        model("RNN", {name: array for name, array in stored.items() if name != "R"}), "its input R is missing"
    )
    handed_in = model("RNN", {"R": stored["R"]}, ("W",))
    refused(handed_in, "its weights W ('W') are not stored in the file")
    lost = helper.make_node("RNN", ["X", "nowhere", "R"], ["Y"])
    refused(of_nodes([lost], stored), "reads 'nowhere'", "missing, or part of a cycle")
    cycle = [
        helper.make_node("RNN", ["back", "W", "R"], ["Y"]),
        helper.make_node("Identity", ["Y"], ["back"]),
    ]
    refused(of_nodes(cycle, stored), "reads 'back'", "part of a cycle")
    itself = [helper.make_node("RNN", ["Y", "W", "R"], ["Y"])]
    refused(of_nodes(itself, stored), "part of a cycle")
    twice = [helper.make_node("RNN", ["X", "W", "R"], ["Y"]) for _ in range(2)]
    refused(of_nodes(twice, stored), "'Y' is defined twice")
    many = [helper.make_node("RNN", ["X", "W", "R", *[""] * 4], ["Y"])]
    refused(of_nodes(many, stored), "has 7 inputs; expected at most 6")
    refused(of_nodes([helper.make_node("Relu", ["X"], ["Y"])], {}), "no node RNN, LSTM or GRU", "it has Relu")
    old = changed()
    old.opset_import[0].version = 6
    refused(old, "version 7 or later; got version 6")
    refused(onnx.ModelProto(), "no graph")


@pytest.mark.parametrize("old", [b"node", b"RNN", b"W", b"Y_h"])
def test_names_that_are_not_text(old, tmp_path):
    data = model("RNN", weights("RNN"), hidden_size=4).SerializeToString()
    refused(data.replace(old, b"\xff" * len(old)), path=tmp_path / "names.onnx")
    beside = external("weights.bin").SerializeToString()
    refused(beside.replace(b"weights.bin", b"\xff" * 11), "is not text", path=tmp_path / "names.onnx")


def test_files_that_are_none(tmp_path):
    data = valid_files()[0]
    for part in (0, 1, 10, len(data) // 2, len(data) - 1):
        refused(data[:part], path=tmp_path / "cut.onnx")
    refused(b"\x00" * 100, path=tmp_path / "zeros.onnx")
    refused(b"PK\x03\x04" + bytes(range(256)) * 9, path=tmp_path / "zip.onnx")
    with pytest.raises(ONNXError, match="cannot be read"):
        wd.from_onnx(tmp_path / "nowhere.onnx")
    with pytest.raises(ONNXError, match="is not a file"):
        wd.from_onnx(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.onnx")
        with pytest.raises(ONNXError, match="is not a file"):
            wd.from_onnx(tmp_path / "pipe.onnx")


def external(location, offset="0", length="128"):
    """A model whose W is kept in another file."""
    whole = changed()
    tensor = next(t for t in whole.graph.initializer if t.name == "W")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=value)
    return whole


def test_weights_in_a_file_beside(tmp_path):
    (tmp_path / "folder").mkdir()
    path, inside = tmp_path / "folder" / "model.onnx", tmp_path / "folder" / "weights.bin"
    inside.write_bytes(b"12345678" + weights("LSTM")["W"].tobytes())
    path.write_bytes(external("weights.bin", "8").SerializeToString())
    [layer] = wd.from_onnx(path)
    [expected] = wd.from_onnx(changed())
    assert bool((layer.forwards.cell.weight_ih == expected.forwards.cell.weight_ih).all())
    refused(external("weights.bin"), "pass the model's path")
    for offset, length, words in (
        ("9", "128", "has 136 bytes; expected 128 from byte 9"),
        ("-1", "128", "from byte -1"),
        ("0", "1000000000000", "needs 128 bytes"),
        ("x", "128", "must be whole numbers"),
        ("9" * 5000, "128", "must be whole numbers"),
    ):
        refused(external("weights.bin", offset, length), words, path=path)


def test_weights_outside_the_folder_are_not_read(tmp_path):
    folder = tmp_path / "folder"
    (folder / "deeper").mkdir(parents=True)
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(200))
    path = folder / "model.onnx"
    for location in ("../secret.bin", "deeper/../../secret.bin", str(secret), "/etc/passwd", ".."):
        refused(external(location), "outside the model's folder; not read", path=path)
    (folder / "link.bin").symlink_to(secret)
    (folder / "deeper" / "up").symlink_to(tmp_path)
    for location in ("link.bin", "deeper/up/secret.bin"):
        refused(external(location), "outside the model's folder; not read", path=path)
    for location in ("nowhere.bin", "deeper", "", "a\0b", "x" * 5000):
        refused(external(location), path=path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.bin")
        refused(external("pipe.bin"), "is not a file", path=path)


def varint(number):
    """A whole number as protocol buffers have it."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


@pytest.mark.parametrize("kind", ["nodes", "inputs", "attributes", "tensors", "numbers"])
def test_small_files_that_would_grow(kind, tmp_path):
    many = 800_000
    body = {
        "nodes": field(1, b"") * many,
        "inputs": field(1, field(1, b"") * many),
        "attributes": field(1, field(5, b"") * many),
        "tensors": field(5, b"") * many,
        "numbers": field(5, field(7, b"\0" * 5 * many)),
    }[kind]
    started = time.process_time()
    refused(field(7, body), "more memory than twice its size", path=tmp_path / "grows.onnx")
    assert time.process_time() - started < SECONDS


def test_messages_within_messages(tmp_path):
    body = b""
    for _ in range(300):
        body = field(1, field(5, field(6, body)))  # a graph's node's attribute's graph
    refused(field(7, body), "nested more than 64 deep", path=tmp_path / "deep.onnx")


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_large_tensors_are_read_where_they_lie(dtype, tmp_path):
    stored = weights("LSTM", units=48, inputs=70, seed=3, dtype=dtype or np.float32)
    path, whole = tmp_path / "large.onnx", model("LSTM", stored, hidden_size=48)
    for tensor in whole.graph.initializer if dtype else ():  # as numbers in a row
        array = numpy_helper.to_array(tensor).ravel()
        tensor.ClearField("raw_data")
        (tensor.float_data if dtype is np.float32 else tensor.double_data).extend(array.tolist())
    path.write_bytes(whole.SerializeToString())
    tracemalloc.start()
    try:
        [layer] = wd.from_onnx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    [expected] = wd.from_onnx(whole)
    for name, parameter in expected.named_parameters():
        assert bool((dict(layer.named_parameters())[name] == parameter).all()), name
    assert peak < 2 * path.stat().st_size + 100_000


GROWTH = """
import sys
import wolfdog as wd
from wolfdog.interop import from_onnx
import onnx
def peak():  # of this program alone: what getrusage says begins at what the parent had
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
before = peak()
layers = from_onnx(sys.argv[1])
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell memory elsewhere")
@pytest.mark.slow
def test_a_large_file_takes_twice_its_size_in_memory(tmp_path):
    stored = {name: np.ones((1, 4096, 1024), np.float32) for name in ("W", "R")}
    path = tmp_path / "large.onnx"
    path.write_bytes(model("LSTM", stored, hidden_size=1024).SerializeToString())
    ran = subprocess.run([sys.executable, "-c", GROWTH, path], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 2 * path.stat().st_size + 12 * 2**20  # 32 MiB


def test_large_files_are_not_taken_for_hostile():
    descriptor = onnx.ModelProto.DESCRIPTOR
    node = helper.make_node("Add", ["left_operand", "right_operand"], ["the_sum"], name="one_of_many")
    graph = helper.make_graph([node] * 20_000, "large", [], [])
    check_wire(helper.make_model(graph).SerializeToString(), descriptor)
    assert ALLOWANCE < 2**27


def test_shared_weights_are_not_copied_without_end():
    stored = {"W": np.zeros((1, 512, 512), np.float32), "R": np.zeros((1, 512, 512), np.float32)}
    nodes = [helper.make_node("RNN", ["X", "W", "R"], [f"Y{number}"]) for number in range(100)]
    refused(of_nodes(nodes, stored), "share", "too much memory")
    assert len(wd.from_onnx(of_nodes(nodes[:3], stored))) == 3


def test_so_many_nodes_are_not_made_layers():
    nodes = [helper.make_node("RNN", ["X", "W", "R"], [f"Y{number}"]) for number in range(5000)]
    refused(of_nodes(nodes, weights("RNN")), "so many recurrent nodes (5,000)", "too much memory")
    assert len(wd.from_onnx(of_nodes(nodes[:200], weights("RNN")))) == 200


def test_the_first_layer_of_a_process_is_read_at_once(tmp_path):
    """PyTorch's compiler, which some operations import on first use, takes 77 MiB and a second."""
    (tmp_path / "lstm.onnx").write_bytes(model("LSTM", weights("LSTM")).SerializeToString())
    program = "import sys, wolfdog; wolfdog.from_onnx(sys.argv[1]); assert 'torch._dynamo' not in sys.modules"
    subprocess.run([sys.executable, "-c", program, tmp_path / "lstm.onnx"], check=True)
