"""Folder of a model trained on a pretrained classifier's features: its head, its memory, and their classifier."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checkpoint import load_checkpoint, save_checkpoint
from ...errors import CheckpointError, InputError
from ..classifiers.classifier import Classifier
from ..classifiers.efficientnet_lite import VARIANTS, EfficientNetLite
from ..classifiers.efficientnet_lite_classifier import classifier_of, pretrained_network
from ..classifiers.linear_head import HeadClassifier, LinearHead
from ..classifiers.preprocessing import Crop
from ..classifiers.registry import load_classifier
from ..classifiers.torch_classifier import weights_digest
from ..model.config import WatcherConfig
from ..model.context import Context
from ..smoothing import AnyClass, Method, NoSmoothing
from ..smoothing.class_head import ClassHead
from ..smoothing.trained import Heads, TrainedMemory
from ..training.context_method import ContextMethod

FILE = "classifier.safetensors"
KIND = "wolfdog trained classifier"
_FORMS = ("causal", "ahead")


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """Linear head and memory, trained for one classifier.

    Attributes:
        classifier: Name of the classifier that gives the features.
        identity: Text that identifies that classifier.
        crop: Conversion of frames that are not square.
        fps: Frames per second of the training.
        head: Head on the features.
        memory: Memory over the head's predictions.
        network: Fine-tuned network that gives the features; None for the published one.
    """

    classifier: str
    identity: str
    crop: Crop
    fps: float
    head: LinearHead
    memory: Method = field(default_factory=AnyClass, kw_only=True)
    network: EfficientNetLite | None = field(default=None, kw_only=True)

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write classifier.safetensors into a folder, atomically.

        Args:
            folder: The folder.

        Returns:
            Path of the file.

        Raises:
            CheckpointError: The file cannot be written.
            InputError: The memory is of a kind that cannot be saved.
        """
        tensors: dict[str, Tensor] = {
            "head.weight": torch.from_numpy(self.head.weight),
            "head.bias": torch.from_numpy(self.head.bias),
        }
        notes: dict[str, Any] = {
            "classifier": self.classifier,
            "identity": self.identity,
            "crop": self.crop,
            "fps": self.fps,
            "classes": list(self.head.classes),
            "memory": self.memory.name,
            "tuned": self.network is not None,
        }
        if self.network is not None:
            tensors |= {f"network.{name}": value for name, value in self.network.state_dict().items()}
        if isinstance(self.memory, TrainedMemory):
            notes["unseen"] = list(self.memory.unseen)
            for form, heads in zip(_FORMS, (self.memory.causal_heads, self.memory.ahead_heads), strict=True):
                notes[form] = {
                    "heads": len(heads.heads),
                    "temperature": heads.temperature,
                    "width": _width(heads.heads[0]) if heads.heads else 0,
                }
                for number, head in enumerate(heads.heads):
                    tensors |= {f"{form}.{number}.{name}": value for name, value in head.state_dict().items()}
        elif isinstance(self.memory, ContextMethod):
            notes["config"] = self.memory.config.as_dict()
            tensors |= {f"context.{name}": value for name, value in self.memory.context.state_dict().items()}
        elif not isinstance(self.memory, AnyClass | NoSmoothing):
            raise InputError(f"a trained model has no memory {self.memory.name!r}.")
        path = Path(folder) / FILE
        save_checkpoint(path, KIND, tensors, notes)
        return path

    def labels(self, *, threads: int = 1) -> Classifier:
        """Classifier with the trained head.

        Args:
            threads: Threads of one call.

        Returns:
            The classifier.

        Raises:
            CheckpointError: The classifier of the features is not the one that the head was trained on.
            InputError: The classifier is unknown.
            MissingPackageError: A package that it needs is not installed.
        """
        features = load_classifier(self.classifier, crop=self.crop, threads=threads)
        if features.identity != self.identity:
            raise CheckpointError(
                f"{self.classifier}: its weights are not those that this model was trained on. Train the model again, "
                "or put the old weights back."
            )
        if self.network is not None:
            network = self.network
            features = classifier_of(
                lambda: network,
                self.classifier,
                digest=weights_digest(network),
                crop=self.crop,
                threads=threads,
            )
        return HeadClassifier(features, self.head, name=f"{self.classifier}+head")


def load_trained_model(folder: str | PathLike[str]) -> TrainedModel:
    """Model that `TrainedModel.save` wrote.

    Args:
        folder: The folder.

    Returns:
        The model.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    path = Path(folder)
    path = path / FILE if path.is_dir() else path
    tensors, notes = load_checkpoint(path, KIND)
    try:
        classes = tuple(str(name) for name in notes["classes"])
        weight, bias = tensors["head.weight"], tensors["head.bias"]
        if (
            weight.dim() != 2
            or bias.shape != weight.shape[:1]
            or len(classes) != len(bias)
            or len(classes) < 2
        ):
            raise InputError(f"a head of {list(weight.shape)} is not one for {len(classes)} classes")
        if not all(bool(value.isfinite().all()) for value in tensors.values()):
            raise InputError("its weights are not all finite")
        if notes["crop"] not in ("squeeze", "centre", "letterbox") or not 0 < float(notes["fps"]) <= 1000:
            raise InputError(f"crop {notes['crop']!r} or fps {notes['fps']!r} cannot be")
        head = LinearHead(classes, weight.float().numpy(), bias.float().numpy())
        return TrainedModel(
            str(notes["classifier"]),
            str(notes["identity"]),
            notes["crop"],
            float(notes["fps"]),
            head,
            memory=_memory(notes, tensors, classes),
            network=_network(notes, tensors),
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: not a sound trained classifier: {error}") from error


def _network(notes: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> EfficientNetLite | None:
    """Fine-tuned network; None for the published one."""
    if not notes["tuned"]:
        return None
    if notes["classifier"] not in VARIANTS:
        raise InputError(f"no network is called {notes['classifier']!r}")
    network = pretrained_network(notes["classifier"])
    network.load_state_dict(_below("network.", tensors))
    return network


def _memory(notes: Mapping[str, Any], tensors: Mapping[str, Tensor], classes: tuple[str, ...]) -> Method:
    name = notes["memory"]
    if name == NoSmoothing.name:
        return NoSmoothing()
    if name == AnyClass.name:
        return AnyClass()
    if name == ContextMethod.name:
        config = WatcherConfig.from_dict(notes["config"])
        if config.classes != classes or config.embedding != len(classes):
            raise InputError("its memory is for other classes")
        context = Context.of(config)
        context.load_state_dict(_below("context.", tensors))
        return ContextMethod(config=config, context=context.eval())
    if name != TrainedMemory.name:
        raise InputError(f"no memory is called {name!r}")
    causal, ahead = (_heads(notes[form], tensors, form, len(classes)) for form in _FORMS)
    unseen = tuple(str(name) for name in notes.get("unseen", ()))
    return TrainedMemory(classes=classes, causal_heads=causal, ahead_heads=ahead, unseen=unseen)


def _heads(notes: Mapping[str, Any], tensors: Mapping[str, Tensor], form: str, classes: int) -> Heads:
    count, width = int(notes["heads"]), int(notes["width"])
    if not (0 <= count <= 100 and 0 <= width <= 4096):
        raise InputError(f"{count} heads of width {width} cannot be")
    heads = []
    for number in range(count):
        head = ClassHead(classes, width=width, ahead=form == "ahead", dropout=0.0)
        head.load_state_dict(_below(f"{form}.{number}.", tensors))
        heads.append(head.eval())
    return Heads(tuple(heads), float(notes["temperature"]))


def _width(head: ClassHead) -> int:
    """Units of each GRU of a head."""
    return head.out.in_features // (1 if head.backwards is None else 2)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
