"""Binary files for fuzzing: weights, networks, arrays, tables, pictures and a film, and the calls that read them."""

import numpy as np
import torch

import any_class_networks
import onnx_files
import world_banks
from fuzz_target import Target, reader_of, single, valid, valid_bytes

_ONNX = ["ai.onnx", "input", "output", "MatMul", "Conv", "LSTM", "GRU", "hidden_size", "activations"]
_TENSORS = ["__metadata__", "dtype", "F32", "shape", "data_offsets", "wolfdog", "notes", "kind", "1e999"]
_NUMPY = ["NUMPY", "descr", "fortran_order", "shape", "<f4", "|O", "PK", "classes", "fps"]


def _memories(folder):
    from wolfdog.memory import MemoryBank
    from wolfdog.watch.smoothing.any_class_file import save_network
    from wolfdog.watch.smoothing.class_head import ClassHead
    from wolfdog.watch.smoothing.trained import Heads, TrainedMemory
    from wolfdog.watch.smoothing.trained_file import save_trained
    from wolfdog.watch.world_memory.network import WorldNetwork, WorldNetworkConfig
    from wolfdog.watch.world_memory.network_file import save_world_network

    torch.manual_seed(0)
    network = any_class_networks.network()
    save_network(folder / "any.safetensors", network, {"steps": 1})
    heads = [Heads((ClassHead(2, width=3, ahead=ahead, dropout=0.0),), 1.5) for ahead in (False, True)]
    trained = TrainedMemory(
        classes=("wolf", "dog"), causal_heads=heads[0], ahead_heads=heads[1], network=network
    )
    save_trained(folder / "trained.safetensors", trained)
    world = WorldNetwork(WorldNetworkConfig(classes=("wolf", "dog", "bear"), looks=("c", "c", "b"), width=3))
    save_world_network(folder / "world.safetensors", world)
    bank = MemoryBank(entry_size=3, capacity=4)
    bank.write(torch.ones(3), time=1.0)
    bank.save(folder / "bank.safetensors")
    names = ("any", "trained", "world", "bank")
    return [(folder / f"{name}.safetensors").read_bytes() for name in names] + [_trained_model(folder)]


def _trained_model(folder):
    from wolfdog.watch.classifiers.linear_head import LinearHead
    from wolfdog.watch.labelling.trained_model import TrainedModel

    head = LinearHead(("wolf", "dog"), np.ones((2, 3), np.float32), np.zeros(2, np.float32))
    return TrainedModel("onnx:a.onnx", "identity", "squeeze", 4.0, head).save(folder / "trained").read_bytes()


def _memory_readers():
    from wolfdog.memory import MemoryBank
    from wolfdog.watch.labelling.trained_model import load_trained_model
    from wolfdog.watch.smoothing.any_class_file import load_network
    from wolfdog.watch.smoothing.trained_file import load_trained
    from wolfdog.watch.world_memory.network_file import load_world_network

    calls = (load_network, load_trained, load_world_network, MemoryBank.load, load_trained_model)
    return [lambda folder, call=call: call(folder / "memory.safetensors") for call in calls]


def _bank(folder):
    world_banks.small_bank(2).save(folder / "bank.npz")
    return [(folder / "bank.npz").read_bytes()]


def _load_bank():
    from wolfdog.watch.world_memory.bank import Bank

    return Bank.load


def _from_onnx():
    import wolfdog

    return wolfdog.from_onnx


def _array_labels(folder):
    np.save(folder / "a.npy", np.eye(3, dtype=np.uint8))
    np.save(folder / "b.npy", np.array([0, 2, -1]))
    arrays = [(folder / name).read_bytes() for name in ("a.npy", "b.npy")]
    names = [b'["fox", "dog", "wolf"]', b'{"classes": ["fox", "dog", "wolf"], "fps": 4}']
    return {"a.npy": arrays, "a.json": names}


def _array_readers():
    from wolfdog.labels import read_labels
    from wolfdog.watch.formats import read_results

    return [
        lambda folder: read_labels(folder / "a.npy"),
        lambda folder: read_results(folder / "a.npy").predictions,
    ]


def _media(suffix):
    return [path.read_bytes() for path in valid()["media"] if path.suffix == suffix]


BINARIES = {
    "onnx": single("input.onnx", lambda folder: valid_bytes("onnx"), _ONNX),
    "safetensors": single("input.safetensors", lambda folder: valid_bytes("safetensors"), _TENSORS),
    "array-labels": Target(("a.npy", "a.json"), _array_labels, _array_readers, _NUMPY),
    "predictions": single("input.parquet", lambda folder: valid_bytes("tables", 0), ["wolf"]),
    "memories": Target(
        ("memory.safetensors",), lambda folder: {"memory.safetensors": _memories(folder)}, _memory_readers, _TENSORS
    ),
    "photograph-banks": single("input.npz", _bank, _NUMPY, reader_of(_load_bank, "input.npz")),
    "onnx-layers": single(
        "input.onnx", lambda folder: onnx_files.valid_files(), _ONNX, reader_of(_from_onnx, "input.onnx")
    ),
    "jpeg": single("input.jpg", lambda folder: _media(".jpg"), ["Exif", "II*", "MM"]),
    "tiff": single("input.tif", lambda folder: _media(".tif"), ["II*", "MM"]),
    "mp4": single("input.mp4", lambda folder: _media(".mp4"), ["moov", "trak", "stts", "mdhd", "elst", "mvhd"]),
}  # fmt: skip
"""Parsers by name."""
