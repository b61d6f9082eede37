"""Batch normalisation over the batches of all processes of a training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..distributed import Processes


class SynchronisedBatchNorm(_BatchNorm):
    """Batch normalisation whose mean and variance are of the batches of all processes.

        n = sum_r n_r,    mean = sum_r n_r mean_r / n,    var = sum_r n_r (var_r + mean_r^2) / n - mean^2

    with the means and variances of each process r. PyTorch's `SyncBatchNorm` does so on accelerators alone. In
    evaluation it is the batch normalisation that it was made of, whose weights and statistics it shares.

    Args:
        norm: Batch normalisation of a module.
        processes: Processes of the training.
    """

    def __init__(self, norm: _BatchNorm, processes: Processes) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self._parameters, self._buffers = norm._parameters, norm._buffers
        self.processes = processes
        self.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 - PyTorch's name
        pass

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's name
        if not self.training:
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        variances, means = torch.var_mean(input, axes, correction=0)
        own = input.numel() // input.shape[1]
        first = means.double()
        second = variances.double() + first.square()
        sums = torch.cat((own * first, own * second, first.new_tensor([own])))
        sums = _sum(sums, self.processes)
        count = sums[-1].item()
        mean, square = (sums[:-1] / count).chunk(2)
        variance = (square - mean.square()).clamp(min=0)
        self._keep(mean.detach(), variance.detach(), count)
        scale = (variance + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        shape = [-1 if axis == 1 else 1 for axis in range(input.dim())]
        return torch.addcmul(shift.to(input.dtype).view(shape), input, scale.to(input.dtype).view(shape))

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor, count: float) -> None:
        """Update the statistics for inference, as PyTorch does: of the variance, the unbiased estimate."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        unbiased = variance * (count / max(count - 1, 1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)


@contextmanager
def synchronised_batch_norms(module: nn.Module, processes: Processes) -> Iterator[None]:
    """Context in which each batch normalisation within a module is one over all processes; the same with a single one.

    Args:
        module: Changed in place until the end of the context; its parameters, and their names and order, stay the same.
        processes: Processes of the training.
    """
    norms = [
        (part, name, child)
        for part in (module.modules() if processes.group is not None else ())
        for name, child in part.named_children()
        if isinstance(child, _BatchNorm)
    ]
    for part, name, norm in norms:
        setattr(part, name, SynchronisedBatchNorm(norm, processes))
    try:
        yield
    finally:
        for part, name, norm in norms:
            norm.train(getattr(part, name).training)
            setattr(part, name, norm)


class _Sum(torch.autograd.Function):
    """Sum over the processes; since each adds its loss to the whole, so is the gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, processes: Processes) -> Tensor:
        whole = values.contiguous().clone()
        processes.add(whole)
        ctx.processes = processes
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole = gradients[0].contiguous().clone()
        ctx.processes.add(whole)
        return whole, None


def _sum(values: Tensor, processes: Processes) -> Tensor:
    """Sum of values over the processes, through which gradients flow.

    Args:
        values: Of this process.
        processes: The processes.

    Returns:
        The sum, the same in each process.
    """
    whole: Tensor = _Sum.apply(values, processes)  # type: ignore[no-untyped-call]
    return whole
