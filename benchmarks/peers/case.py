"""What is to be run, and what a peer makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Case:
    """A cell over events [T, B, I], forwards or forwards and backwards.

    `lengths` [B] are for ragged examples; `resets` [T, B] are true where an example starts anew in mid-sequence.
    """

    name: str
    cell: nn.Module
    x: Tensor
    training: bool
    lengths: Tensor | None = None
    resets: Tensor | None = None

    @property
    def whole(self) -> bool:
        """Whether all examples have all steps, from the first state on."""
        return self.lengths is None and self.resets is None


@dataclass(frozen=True)
class Run:
    """A call to be timed, and what of its result is compared.

    In inference that is the output; in training the gradients of the events and of the cell's parameters, in their
    order.
    """

    call: Callable[[], Any]
    read: Callable[[Any], list[Tensor]]


def of_module(case: Case, module: nn.Module, forward: Callable[[Tensor], Tensor]) -> Run:
    """The run of a PyTorch module whose parameters are the cell's, in their order."""
    if not case.training:
        return Run(lambda: forward(case.x), lambda y: [y])
    parameters = list(module.parameters())

    def trained() -> Tensor:
        for parameter in parameters:
            parameter.grad = None
        x = case.x.detach().requires_grad_()
        forward(x).sum().backward()
        return x

    def read(x: Tensor) -> list[Tensor]:
        return [torch.zeros_like(t) if t.grad is None else t.grad.clone() for t in (x, *parameters)]

    return Run(trained, read)
