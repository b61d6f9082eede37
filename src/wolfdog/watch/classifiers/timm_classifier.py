"""Classifiers of timm (PyTorch Image Models).

timm downloads a network's weights from its hub on first use, and keeps them.
"""

from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from wolfdog.errors import CheckpointError, InputError

from .classifier import Classifier
from .imagenet import imagenet_classes
from .packages import optional_package
from .preprocessing import Crop, Preprocessing
from .torch_classifier import TorchClassifier, weights_digest


class _Network(nn.Module):
    """Features and logits of uint8 images, with the normalisation that the network was trained with."""

    def __init__(self, model: Any, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.model = model
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(mean) * 255)
        self.register_buffer("deviation", torch.tensor(deviation) * 255)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = (images.float() - self.mean) / self.deviation
        maps = self.model.forward_features(x.permute(0, 3, 1, 2))
        return self.model.forward_head(maps, pre_logits=True).flatten(1), self.model.forward_head(maps)


def timm_classifier(
    name: str,
    *,
    crop: Crop = "squeeze",
    part: float = 1.0,
    threads: int | None = None,
    batch_size: int = 16,
) -> Classifier:
    """Pretrained network of timm, such as "mobilenetv3_large_100.ra_in1k".

    Its input size, normalisation and class names are those of timm's own configuration.

    Args:
        name: Name of a network that timm has pretrained weights for.
        crop: See `Preprocessing`.
        part: See `Preprocessing`.
        threads: Threads of one call; None keeps PyTorch's setting.
        batch_size: Images in one call.

    Returns:
        The classifier.

    Raises:
        MissingPackageError: The package timm is not installed, or cannot be loaded (it needs torchvision).
        InputError: timm has no such network.
        CheckpointError: Its weights cannot be downloaded or loaded.
    """
    timm = optional_package("timm", f"the classifier timm:{name}", extra="timm")
    if not timm.is_model(name):
        near = ", ".join(get_close_matches(name, timm.list_models("*", pretrained=True), 5))
        raise InputError(f"timm has no network called {name!r}." + (f" It has {near}." if near else ""))
    try:
        model = timm.create_model(name, pretrained=True).eval()
    except Exception as error:  # whatever a download or a file of weights leads to
        raise CheckpointError(
            f"timm:{name}: its weights cannot be had ({error}). They are downloaded once, which takes a network."
        ) from error
    settings = timm.data.resolve_model_data_config(model)
    channels, height, width = settings["input_size"]
    if channels != 3:
        raise InputError(f"timm:{name} reads {channels} channels, where frames have 3.")
    network = _Network(model, settings["mean"], settings["std"]).eval()
    with torch.inference_mode():
        features, logits = network(torch.zeros(1, height, width, 3, dtype=torch.uint8))
    return TorchClassifier(
        f"timm:{name}",
        network,
        identity=f"timm {name} {weights_digest(network)}",
        preprocessing=Preprocessing(height, width, crop, part),
        classes=_classes(model, logits.shape[1]),
        feature_size=features.shape[1],
        threads=threads,
        batch_size=batch_size,
    )


def _classes(model: Any, n: int) -> tuple[str, ...]:
    """timm's names of the classes, ImageNet's where there are 1,000, or else numbers."""
    names = (getattr(model, "pretrained_cfg", None) or {}).get("label_names")
    if names and len(names) == n and len(set(names)) == n:
        return tuple(map(str, names))
    return imagenet_classes() if n == 1000 else tuple(f"class {i}" for i in range(n))
