"""Activation functions of ONNX's recurrent operators."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ONNXError


@dataclass(frozen=True)
class Definition:
    """Definition of an activation function.

    Attributes:
        function: The function of x, alpha and beta.
        alpha: Default of alpha; None for a function without alpha, NaN if a file must give it.
        beta: Default of beta, likewise.
    """

    function: Callable[[Tensor, float, float], Tensor]
    alpha: float | None = None
    beta: float | None = None


_REQUIRED = float("nan")
"""Marker of a constant without a default in ONNX."""


def _threshold(x: Tensor, alpha: float, _: float) -> Tensor:
    return torch.where(x >= alpha, x, 0.0)


ACTIVATIONS: Mapping[str, Definition] = {
    "Relu": Definition(lambda x, a, b: torch.relu(x)),
    "Tanh": Definition(lambda x, a, b: torch.tanh(x)),
    "Sigmoid": Definition(lambda x, a, b: torch.sigmoid(x)),
    "Affine": Definition(lambda x, a, b: a * x + b, _REQUIRED, _REQUIRED),
    "LeakyRelu": Definition(lambda x, a, b: torch.where(x >= 0, x, a * x), 0.01),
    "ThresholdedRelu": Definition(_threshold, 1.0),
    "ScaledTanh": Definition(lambda x, a, b: a * torch.tanh(b * x), _REQUIRED, _REQUIRED),
    "HardSigmoid": Definition(lambda x, a, b: (a * x + b).clamp(0.0, 1.0), 0.2, 0.5),
    "Elu": Definition(lambda x, a, b: torch.where(x >= 0, x, a * torch.expm1(x.clamp(max=0.0))), 1.0),
    "Softsign": Definition(lambda x, a, b: x / (1 + x.abs())),
    "Softplus": Definition(lambda x, a, b: F.softplus(x)),
}
"""Activation functions by ONNX's names."""

_NAMES = {name.lower(): name for name in ACTIVATIONS}


@dataclass(frozen=True)
class Activation:
    """Activation function with its constants.

    Attributes:
        name: A key of `ACTIVATIONS`.
        alpha: First constant.
        beta: Second constant.

    Examples:
        >>> import torch
        >>> Activation("HardSigmoid", 0.2, 0.5)(torch.tensor([-9.0, 0.0, 1.0]))
        tensor([0.0000, 0.5000, 0.7000])
    """

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        return ACTIVATIONS[self.name].function(x, self.alpha, self.beta)


DEFAULT_ACTIVATIONS: Mapping[str, tuple[Activation, ...]] = {
    "LSTM": (Activation("Sigmoid"), Activation("Tanh"), Activation("Tanh")),
    "GRU": (Activation("Sigmoid"), Activation("Tanh")),
    "RNN": (Activation("Tanh"),),
}
"""Default activations of the operators."""


def parse_activations(
    names: list[str], alphas: list[float], betas: list[float], where: str
) -> tuple[Activation, ...]:
    """Activations by name, each with the next of the constants that it has; missing constants get ONNX's defaults.

    Args:
        names: Names in any case.
        alphas: Values of alpha, in order, for the functions that have it.
        betas: Values of beta, likewise.
        where: Prefix of error messages.

    Raises:
        ONNXError: A name is unknown, constants are left over, or one without a default is missing.
    """
    remaining = {"alpha": list(alphas), "beta": list(betas)}
    made = []
    for name in names:
        known = _NAMES.get(name.lower())
        if known is None:
            raise ONNXError(f"{where}: unknown activation {name!r}; expected one of {', '.join(ACTIVATIONS)}")
        constants = {}
        for which in ("alpha", "beta"):
            default = getattr(ACTIVATIONS[known], which)
            if default is not None:
                constants[which] = remaining[which].pop(0) if remaining[which] else default
                if constants[which] != constants[which]:
                    raise ONNXError(f"{where}: activation {known} needs a number in activation_{which}")
        made.append(Activation(known, **constants))
    for which, rest in remaining.items():
        if rest:
            raise ONNXError(
                f"{where}: activation_{which} has {len(rest)} more numbers than {', '.join(names)} use"
            )
    return tuple(made)
