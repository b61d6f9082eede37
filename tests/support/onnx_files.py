"""Small ONNX models made on the spot, valid ones and broken ones."""

import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def weights(op, ways=1, inputs=2, units=4, scale=0.5, dtype=np.float32, seed=0):
    """Every weight that the operator can have, drawn at random."""
    rng, gates = np.random.default_rng(seed), GATES[op]
    shapes = {
        "W": (ways, gates * units, inputs),
        "R": (ways, gates * units, units),
        "B": (ways, 2 * gates * units),
        **({"P": (ways, 3 * units)} if op == "LSTM" else {}),
    }
    return {name: (scale * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


def model(op, stored, given=(), name="node", **attributes):
    """A model of one node: `stored` are its tensors by ONNX's names, `given` the names that are handed in."""
    present = {"X", *stored, *given}
    names = [entry if entry in present else "" for entry in INPUTS]
    while not names[-1]:
        names.pop()
    results = ["Y", "Y_h", "Y_c"] if op == "LSTM" else ["Y", "Y_h"]
    node = helper.make_node(op, names, results, name=name, **attributes)
    return of_nodes([node], stored, [entry for entry in INPUTS if entry == "X" or entry in given], results)


def of_nodes(nodes, stored, inputs=("X",), outputs=("Y",)):
    """A model of some nodes."""
    kind = helper.np_dtype_to_tensor_dtype(next(iter(stored.values())).dtype) if stored else TensorProto.FLOAT
    infos = [
        helper.make_tensor_value_info(name, TensorProto.INT32 if name == "sequence_lens" else kind, None)
        for name in inputs
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        infos,
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def valid_files():
    """Serialised models that can be read, of different make."""
    lists = onnx.ModelProto()
    lists.CopyFrom(model("GRU", weights("GRU"), hidden_size=4, linear_before_reset=1))
    for tensor in lists.graph.initializer:  # numbers one by one in the place of bytes
        array = numpy_helper.to_array(tensor)
        tensor.ClearField("raw_data")
        tensor.float_data.extend(array.ravel().tolist())
    both = weights("LSTM", ways=2) | {"sequence_lens": np.array([3, 1], np.int32)}
    full = model(
        "LSTM", both, ("initial_h", "initial_c"), direction="bidirectional", clip=2.0, input_forget=1,
        activations=["HardSigmoid", "Elu", "ScaledTanh"] * 2, activation_alpha=[0.3, 0.9, 1.5] * 2,
        activation_beta=[0.4, 0.7] * 2,
    )  # fmt: skip
    plain = model("RNN", weights("RNN"), activations=["Relu"])
    large = model("GRU", weights("GRU", units=20))  # whose R is left where it lies in the file
    return [one.SerializeToString() for one in (full, lists, plain, large)]


def mutated(data, rng: random.Random):
    """The file with something wrong in it: bytes as they lie, or a field of what they mean."""
    return _mutated_bytes(bytearray(data), rng) if rng.random() < 0.5 else _mutated_field(data, rng)


def _mutated_bytes(data, rng):
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(max(len(data), 1))
        span = rng.choice((1, 1, 2, 8, 64))
        match rng.randrange(7):
            case 0 | 1:
                data[place : place + 1] = bytes([rng.randrange(256)])
            case 2:
                data[place : place + 1] = bytes([(data[place] if data else 0) ^ (1 << rng.randrange(8))])
            case 3:
                del data[place : place + span]
            case 4:
                data[place:place] = rng.randbytes(span)
            case 5:
                other = rng.randrange(max(len(data), 1))
                data[place:place] = data[other : other + span]
            case 6:
                if rng.random() < 0.3:
                    del data[place:]
    return bytes(data)


def _mutated_field(data, rng):
    whole = onnx.ModelProto.FromString(data)
    places = []

    def collect(message):
        for field, value in message.ListFields():
            if field.message_type is None:
                places.append((message, field.name))
            else:
                places.append((message, field.name))
                for inner in value if hasattr(value, "append") or hasattr(value, "add") else [value]:
                    collect(inner)

    collect(whole)
    for _ in range(rng.choice((1, 1, 2))):
        message, name = rng.choice(places)
        value = getattr(message, name)
        if hasattr(value, "extend") and len(value):
            _mutate_list(value, rng)
        elif isinstance(value, int | float | str | bytes):
            try:
                setattr(message, name, _other(value, rng))
            except ValueError:  # a number that the field has no room for
                message.ClearField(name)
        else:
            message.ClearField(name)
    return whole.SerializeToString()


def _mutate_list(value, rng):
    at = rng.randrange(len(value))
    match rng.randrange(4):
        case 0:
            del value[at]
        case 1:
            value.extend([value[at]] * rng.choice((1, 1, 5)))
        case 2:
            if isinstance(value[at], int | float | str | bytes):
                try:
                    value[at] = _other(value[at], rng)
                except ValueError:
                    del value[at]
            else:
                value[at].Clear()
        case 3:
            if isinstance(value[at], int):  # all sizes of a tensor
                value[:] = [rng.choice((0, 1, 2, 2**31, 2**62)) for _ in value]


def _other(value, rng):
    if isinstance(value, int):
        return rng.choice((0, 1, 2, 3, -1, -(2**63), 2**63 - 1, 2**31 - 1, 2**40, value + 1))
    if isinstance(value, float):
        return rng.choice((0.0, -1.0, float("nan"), float("inf"), 1e38, value * 2))
    if isinstance(value, str):
        return rng.choice(("", "X", "W", "../R", "LSTM", "GRU", "\0", value + "x", "ä" * 5000))
    return rng.choice(
        (b"", value[:-1], value + value, rng.randbytes(len(value)), b"Relu", b"Elu", b"reverse")
    )
