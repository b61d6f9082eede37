"""The activation functions that ONNX's recurrent operators can be told to use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ONNXError


@dataclass(frozen=True)
class Kind:
    """One row: the function of x, alpha and beta, and the values of those two where the file gives none.

    None for a constant that the function does not have, NaN for one that it has no value for.
    """

    function: Callable[[Tensor, float, float], Tensor]
    alpha: float | None = None
    beta: float | None = None


_UNSAID = float("nan")
"""ONNX refers to the operators of the same names for missing constants, and has none for two of them."""


def _threshold(x: Tensor, alpha: float, _: float) -> Tensor:
    return torch.where(x >= alpha, x, 0.0)


KINDS: Mapping[str, Kind] = {
    "Relu": Kind(lambda x, a, b: torch.relu(x)),
    "Tanh": Kind(lambda x, a, b: torch.tanh(x)),
    "Sigmoid": Kind(lambda x, a, b: torch.sigmoid(x)),
    "Affine": Kind(lambda x, a, b: a * x + b, _UNSAID, _UNSAID),
    "LeakyRelu": Kind(lambda x, a, b: torch.where(x >= 0, x, a * x), 0.01),
    "ThresholdedRelu": Kind(_threshold, 1.0),
    "ScaledTanh": Kind(lambda x, a, b: a * torch.tanh(b * x), _UNSAID, _UNSAID),
    "HardSigmoid": Kind(lambda x, a, b: (a * x + b).clamp(0.0, 1.0), 0.2, 0.5),
    "Elu": Kind(lambda x, a, b: torch.where(x >= 0, x, a * torch.expm1(x.clamp(max=0.0))), 1.0),
    "Softsign": Kind(lambda x, a, b: x / (1 + x.abs())),
    "Softplus": Kind(lambda x, a, b: F.softplus(x)),
}
"""Every activation function, by ONNX's name."""

_NAMES = {name.lower(): name for name in KINDS}


@dataclass(frozen=True)
class Activation:
    """One of `KINDS` with its constants.

    >>> import torch
    >>> Activation("HardSigmoid", 0.2, 0.5)(torch.tensor([-9.0, 0.0, 1.0]))
    tensor([0.0000, 0.5000, 0.7000])
    """

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        return KINDS[self.name].function(x, self.alpha, self.beta)


USUAL: Mapping[str, tuple[Activation, ...]] = {
    "LSTM": (Activation("Sigmoid"), Activation("Tanh"), Activation("Tanh")),
    "GRU": (Activation("Sigmoid"), Activation("Tanh")),
    "RNN": (Activation("Tanh"),),
}
"""The activations of operators that are told none."""


def activations_of(
    names: list[str], alphas: list[float], betas: list[float], where: str
) -> tuple[Activation, ...]:
    """Activations by name, each with the next of the constants that it has; missing ones are ONNX's own.

    Raises ONNXError for a name that is none, for constants that are left over, and for one that is missing and has no
    default.
    """
    left = {"alpha": list(alphas), "beta": list(betas)}
    made = []
    for name in names:
        known = _NAMES.get(name.lower())
        if known is None:
            raise ONNXError(f"{where}: activation {name!r} is none of {', '.join(KINDS)}")
        constants = {}
        for which in ("alpha", "beta"):
            usual = getattr(KINDS[known], which)
            if usual is not None:
                constants[which] = left[which].pop(0) if left[which] else usual
                if constants[which] != constants[which]:
                    raise ONNXError(f"{where}: activation {known} needs a number in activation_{which}")
        made.append(Activation(known, **constants))
    for which, rest in left.items():
        if rest:
            raise ONNXError(
                f"{where}: activation_{which} has {len(rest)} numbers more than {', '.join(names)} take"
            )
    return tuple(made)
