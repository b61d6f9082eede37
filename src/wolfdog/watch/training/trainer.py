"""Trainer with checkpoints: an interrupted training resumes and gives the same weights."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from reprlib import repr as short
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ...checkpoint import load_checkpoint, save_checkpoint
from ...errors import CheckpointError, InputError
from ..distributed import SINGLE, Processes
from .batch_norm import synchronised_batch_norms

KIND = "wolfdog training state"


@dataclass(frozen=True)
class OptimizerSettings:
    """Length and learning rate of a training.

    Args:
        steps: Optimiser steps in all.
        learning_rate: Of Adam; constant for the first half and then lowered to zero along a cosine.
        clip: Largest norm of the gradient; a larger one is scaled down to it.
        weight_decay: L2 penalty added to the gradients of the weights, peepholes among them; biases, which set the time
            constants of a memory, and scales of a normalisation are exempt. For small training sets.

    Raises:
        InputError: A number is not positive, or the weight decay is below zero.
    """

    steps: int
    learning_rate: float
    clip: float = 1.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (0 < value < math.inf or (name == "weight_decay" and value == 0)):
                raise InputError(f"training plan: {name} must be positive and finite; got {value!r}")

    def rate(self, step: int) -> float:
        """Learning rate of that step, counted from 0."""
        late = max(0.0, 2 * step / self.steps - 1)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * late))


class Objective(Protocol):
    """Training objective: a module, and the data it is trained on."""

    @property
    def module(self) -> nn.Module:
        """Module whose parameters are trained."""

    def loss(self, progress: float) -> Tensor:
        """Loss on the next data; `progress` increases from 0 to 1 over the training."""

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """State beside the weights: tensors, and values for JSON."""

    def load_state_dict(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""


@dataclass(frozen=True)
class Progress:
    """Training step that was made.

    Attributes:
        step: Its number, from 1.
        steps: Number of steps in all.
        loss: Loss before the step.
    """

    step: int
    steps: int
    loss: float


class Trainer:
    """Adam over an objective, with gradient clipping, a learning rate schedule and checkpoints that resume exactly.

    Args:
        objective: Module and data.
        plan: Steps and learning rate.
        identity: Values for JSON that identify the training; a checkpoint with other values is refused.
        processes: Processes of the training. The objective gives the loss of its process's share, and the first process
            alone writes checkpoints, which any number of processes can continue.
    """

    def __init__(
        self,
        objective: Objective,
        plan: OptimizerSettings,
        identity: dict[str, Any],
        processes: Processes = SINGLE,
    ) -> None:
        self.objective = objective
        self.processes = processes
        self.plan = plan
        self.identity = {**identity, "plan": asdict(plan)}
        self.step = 0
        weights, others = _weights_and_others(objective.module)
        self._parameters = (
            weights + others
        )  # in the order of Adam's groups, by which its moments are numbered
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": plan.weight_decay},
            {"params": others},
        ]
        self._adam = torch.optim.Adam(groups, plan.learning_rate)

    def advance(self) -> Progress:
        """Make one step."""
        self.objective.module.train()
        for group in self._adam.param_groups:
            group["lr"] = self.plan.rate(self.step)
        loss = self.objective.loss(self.step / self.plan.steps)
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.add_gradients(self._parameters)
        nn.utils.clip_grad_norm_(self._parameters, self.plan.clip)
        self._adam.step()
        self.step += 1
        return Progress(self.step, self.plan.steps, self.processes.total(loss))

    def run(
        self,
        report: Callable[[Progress], None] | None = None,
        checkpoint: Path | None = None,
        every: int = 100,
    ) -> None:
        """Train to the end of the plan, from `checkpoint` where there is one.

        Args:
            report: Called after each step.
            checkpoint: File of the checkpoints.
            every: Steps between two checkpoints.

        Raises:
            CheckpointError: The checkpoint is damaged or of another training.
            InputError: `every` is below 1.
        """
        if every < 1:
            raise InputError(f"training: a checkpoint is saved every so many steps, 1 or more; got {every!r}")
        if checkpoint is not None and self.processes.from_first(checkpoint.exists):
            self.resume(checkpoint)
        with synchronised_batch_norms(self.objective.module, self.processes):
            while self.step < self.plan.steps:
                made = self.advance()
                if report is not None:
                    report(made)
                if checkpoint is not None and (made.step % every == 0 or made.step == made.steps):
                    self.save(checkpoint)
        self.objective.module.eval()

    def save(self, path: Path) -> None:
        """Write the state of the training to one file, atomically."""
        state_dict, notes = self.objective.state_dict()
        tensors = {f"module.{name}": value for name, value in self.objective.module.state_dict().items()}
        tensors |= {f"carried.{name}": value for name, value in state_dict.items()}
        if not self.processes.first:
            return
        for number, moments in self._adam.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
        save_checkpoint(
            path, KIND, tensors, {"identity": self.identity, "step": self.step, "objective": notes}
        )

    def resume(self, path: Path) -> None:
        """Restore the state that `save` wrote.

        Args:
            path: Checkpoint.

        Raises:
            CheckpointError: The file is damaged or of another training.
        """
        tensors, notes = self.processes.from_first(lambda: load_checkpoint(path, KIND))
        if notes.get("identity") != self.identity:
            raise CheckpointError(
                f"{path}: belongs to another training ({_difference(notes.get('identity'), self.identity)}). "
                "Give the same arguments as then, or another place to write to."
            )
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "carried": {}, "adam": {}}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = value
        try:
            moments: dict[int, dict[str, Tensor]] = {}
            for name, value in parts["adam"].items():
                number, _, moment = name.partition(".")
                moments.setdefault(int(number), {})[moment] = value
            self._check(moments)
            self.objective.module.load_state_dict(parts["module"])
            self._adam.load_state_dict({**self._adam.state_dict(), "state": moments})
            self.objective.load_state_dict(parts["carried"], notes["objective"])
            self.step = int(notes["step"])
            if not 0 < self.step <= self.plan.steps:
                raise ValueError(f"step {self.step} of {self.plan.steps}")
        except (LookupError, RuntimeError, ValueError, TypeError, ArithmeticError) as error:
            raise CheckpointError(f"{path}: does not fit this training: {error}") from error

    def _check(self, moments: dict[int, dict[str, Tensor]]) -> None:
        """Check that these are Adam's moments of the trained parameters, which Adam itself does not check.

        Raises:
            ValueError: They are not.
        """
        for number, of_one in moments.items():
            shape = self._parameters[number].shape
            expected = {"step": torch.Size(), "exp_avg": shape, "exp_avg_sq": shape}
            found = {name: value.shape for name, value in of_one.items()}
            if found != expected:
                raise ValueError(f"the moments of parameter {number} are {found}, not {expected}")


def _weights_and_others(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Parameters that multiply inputs, and the others: biases, and parameters of normalisations."""
    weights: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for part in module.modules():
        normalises = isinstance(part, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm)
        for name, parameter in part.named_parameters(recurse=False):
            (others if normalises or "bias" in name else weights).append(parameter)
    return weights, others


def _difference(theirs: Any, ours: dict[str, Any]) -> str:
    if not isinstance(theirs, dict):
        return "it does not say which"
    was, now = _flat(theirs), _flat(ours)
    changed = [name for name in {**now, **was} if was.get(name) != now.get(name)]
    return "; ".join(f"{name} was {short(was.get(name))}, is {short(now.get(name))}" for name in changed)


def _flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested values by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return flat
