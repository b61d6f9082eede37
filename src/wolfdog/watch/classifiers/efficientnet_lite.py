"""EfficientNet-Lite networks, with batch normalisation folded into the convolutions.

Mingxing Tan, Quoc V. Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019
(https://arxiv.org/abs/1905.11946), in the form of the TPU repository's `efficientnet/lite`: no squeeze and excitation,
ReLU6 in place of swish, and a stem and a head that do not grow with the network.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wolfdog.errors import CheckpointError

EPSILON = 1e-3
"""Added to the variance by batch normalisation."""
FEATURES = 1280
# Of each stage of lite0: repeats, kernel, stride, expansion, channels in, channels out.
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


@dataclass(frozen=True, slots=True)
class Variant:
    """Scaling of a network of the family: factors of channels and of repeats, and its input size in pixels."""

    name: str
    width: float
    depth: float
    size: int


VARIANTS = {
    v.name: v
    for v in (
        Variant("efficientnet-lite0", 1.0, 1.0, 224),
        Variant("efficientnet-lite1", 1.0, 1.1, 240),
        Variant("efficientnet-lite2", 1.1, 1.2, 260),
    )
}


@dataclass(frozen=True, slots=True)
class Convolution:
    """Convolution with batch normalisation, and the names of both in a state_dict.

    Padding is TensorFlow's "SAME": an odd pixel of it goes to the right and to the bottom.

    Attributes:
        weight: Name of the weight.
        norm: Name of the batch normalisation.
        inputs: Number of input channels.
        outputs: Number of output channels.
        kernel: Height and width of the kernel.
        stride: Stride.
        groups: Number of groups of channels.
        relu6: Whether ReLU6 follows.
        begins_block: Whether the next `ends_block` adds its input.
        ends_block: Whether the input of the last `begins_block` is added to its output.
    """

    weight: str
    norm: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    groups: int = 1
    relu6: bool = True
    begins_block: bool = False
    ends_block: bool = False

    def padding(self, size: int) -> tuple[int, int]:
        """Padding before and after an axis of `size` pixels."""
        out = -(-size // self.stride)
        total = max((out - 1) * self.stride + self.kernel - size, 0)
        return total // 2, total - total // 2


def convolutions(variant: Variant) -> list[Convolution]:
    """Convolutions of a network in their order, from the stem to the head.

    Args:
        variant: Scaling of the network.

    Returns:
        The convolutions.

    Examples:
        >>> layers = convolutions(VARIANTS["efficientnet-lite0"])
        >>> len(layers), layers[0].outputs, layers[-1].outputs
        (49, 32, 1280)
    """
    layers = [Convolution("_conv_stem", "_bn0", 3, 32, 3, stride=2)]
    block = 0
    for i, (repeats, kernel, stride, expansion, inputs, outputs) in enumerate(_STAGES):
        into = 32 if i == 0 else _channels(inputs, variant.width)
        out = _channels(outputs, variant.width)
        n = repeats if i in (0, len(_STAGES) - 1) else math.ceil(repeats * variant.depth)
        for k in range(n):
            layers += _block(f"_blocks.{block}.", into if k == 0 else out, out, expansion, kernel,
                             stride if k == 0 else 1)  # fmt: skip
            block += 1
    layers.append(Convolution("_conv_head", "_bn1", layers[-1].outputs, FEATURES, 1))
    return layers


def _block(
    name: str, inputs: int, outputs: int, expansion: int, kernel: int, stride: int
) -> list[Convolution]:
    """Inverted residual block: expansion, one filter per channel, projection."""
    middle, adds = inputs * expansion, stride == 1 and inputs == outputs
    layers = []
    if expansion != 1:
        layers.append(Convolution(f"{name}_expand_conv", f"{name}_bn0", inputs, middle, 1))
    layers.append(
        Convolution(f"{name}_depthwise_conv", f"{name}_bn1", middle, middle, kernel, stride, groups=middle)
    )
    layers.append(
        Convolution(f"{name}_project_conv", f"{name}_bn2", middle, outputs, 1, relu6=False, ends_block=adds)
    )
    first = layers[0]
    layers[0] = Convolution(
        first.weight, first.norm, first.inputs, first.outputs, first.kernel, first.stride, first.groups,
        first.relu6, begins_block=adds,
    )  # fmt: skip
    return layers


def _channels(channels: int, width: float) -> int:
    """Channels scaled and rounded to a multiple of 8, never down by more than a tenth."""
    if width == 1:
        return channels
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite for inference, from images to features and logits.

        fold   W' = W g / sqrt(v + eps),  b' = beta - m g / sqrt(v + eps)
        each   y = min(max(W' * x + b', 0), 6)      without the bounds for projections
        f      the mean of the head over all pixels
        z      = W_fc f + b_fc

    Args:
        variant: Scaling of the network, a member of `VARIANTS`.
        state: Weights, with the names of the published state_dicts.

    Raises:
        CheckpointError: `state` lacks a tensor, or has one of another shape, as that of another network.
    """

    def __init__(self, variant: Variant, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.variant = variant
        self.convolutions = convolutions(variant)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for layer in self.convolutions:
            weight, bias = folded(layer, state, variant.name)
            self.weights.append(nn.Parameter(weight.to(memory_format=torch.channels_last), False))
            self.biases.append(nn.Parameter(bias, False))
        self.fc_weight = nn.Parameter(_tensor(state, "_fc.weight", (1000, FEATURES), variant.name), False)
        self.fc_bias = nn.Parameter(_tensor(state, "_fc.bias", (1000,), variant.name), False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, 1280] and logits [N, 1000] of uint8 RGB images [N, H, W, 3]."""
        x = (
            images.permute(0, 3, 1, 2).float() - 127
        ) / 128  # channels last in memory, as convolutions like it
        kept = x
        for layer, weight, bias in zip(self.convolutions, self.weights, self.biases, strict=True):
            if layer.begins_block:
                kept = x
            (top, bottom), (left, right) = layer.padding(x.shape[2]), layer.padding(x.shape[3])
            if (top, left) == (bottom, right):
                x = F.conv2d(x, weight, bias, layer.stride, (top, left), groups=layer.groups)
            else:
                padded = F.pad(x, (left, right, top, bottom))
                x = F.conv2d(padded, weight, bias, layer.stride, groups=layer.groups)
            if layer.relu6:
                x = F.relu6(x, inplace=True)
            if layer.ends_block:
                x = x + kept
        features = x.mean((2, 3))
        return features, F.linear(features, self.fc_weight, self.fc_bias)


def folded(layer: Convolution, state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with its batch normalisation folded into it, computed in float64."""
    shape = (layer.outputs, layer.inputs // layer.groups, layer.kernel, layer.kernel)
    weight = _tensor(state, f"{layer.weight}.weight", shape, name)
    scale, shift, mean, variance = (
        _tensor(state, f"{layer.norm}.{part}", (layer.outputs,), name).double()
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / torch.sqrt(variance + EPSILON)
    return (weight.double() * factor[:, None, None, None]).float(), (shift - mean * factor).float()


def _tensor(state: Mapping[str, Tensor], key: str, shape: tuple[int, ...], name: str) -> Tensor:
    tensor = state.get(key)
    if not isinstance(tensor, Tensor) or tuple(tensor.shape) != shape:
        got = list(tensor.shape) if isinstance(tensor, Tensor) else "nothing"
        raise CheckpointError(
            f"These weights are not {name}'s: {key!r} must have the shape {list(shape)}, got {got}."
        )
    return tensor.float()
