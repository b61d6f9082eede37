"""Random weights in the form of the published state_dicts, so that networks can be tested without them."""

import torch
from torch import Tensor

from wolfdog.watch.classifiers.efficientnet_lite import FEATURES, Variant, convolutions


def random_state(variant: Variant, seed: int = 0) -> dict[str, Tensor]:
    """Weights whose activations neither vanish nor all reach a bound of ReLU6."""
    made = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, low: float, high: float) -> Tensor:
        return torch.rand(shape, generator=made) * (high - low) + low

    state = {}
    for layer in convolutions(variant):
        fan_in = layer.inputs // layer.groups * layer.kernel**2
        shape = (layer.outputs, layer.inputs // layer.groups, layer.kernel, layer.kernel)
        state[f"{layer.weight}.weight"] = torch.randn(shape, generator=made) * (2 / fan_in) ** 0.5
        state[f"{layer.norm}.weight"] = uniform(layer.outputs, low=0.7, high=1.3)
        state[f"{layer.norm}.bias"] = uniform(layer.outputs, low=0.0, high=0.5)
        state[f"{layer.norm}.running_mean"] = uniform(layer.outputs, low=-0.2, high=0.2)
        state[f"{layer.norm}.running_var"] = uniform(layer.outputs, low=0.5, high=1.5)
    state["_fc.weight"] = torch.randn((1000, FEATURES), generator=made) * FEATURES**-0.5
    state["_fc.bias"] = uniform(1000, low=-0.1, high=0.1)
    return state
