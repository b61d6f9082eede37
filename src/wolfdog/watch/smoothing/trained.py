"""Memory trained on verified labels: the any-class memory with heads for one list of classes."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wolfdog.errors import InputError
from wolfdog.watch.predictions import Predictions

from .any_class import AnyClass
from .any_class_network import AnyClassNetwork
from .class_head import ClassHead, head_input
from .method import Floats, Integers, Method, Stream


class Heads(NamedTuple):
    """Heads whose log probabilities are averaged, and the temperature of the average.

    Attributes:
        heads: The heads; without any, the any-class memory is not changed.
        temperature: The temperature.
    """

    heads: tuple[ClassHead, ...]
    temperature: float


@dataclass(frozen=True, kw_only=True)
class TrainedMemory(Method):
    """Memory trained on verified labels: the any-class memory, then the mean of several heads.

    `fit_memory` makes it.

    Attributes:
        classes: Names of the classes that the heads were trained for.
        causal_heads: Heads of the causal form.
        ahead_heads: Heads of the form that looks ahead.
        network: The any-class network below; None for the pretrained one.
        unseen: Classes without a label in the training; they keep the classifier's probability.
    """

    name = "trained-memory"
    classes: tuple[str, ...]
    causal_heads: Heads = field(repr=False)
    ahead_heads: Heads = field(repr=False)
    network: AnyClassNetwork | None = field(default=None, repr=False)
    unseen: tuple[str, ...] = ()

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        if stream.table.classes != self.classes:
            raise InputError(
                f"this memory was trained for the classes {', '.join(self.classes)}; the predictions have "
                f"{', '.join(stream.table.classes)}."
            )
        memory = AnyClass(network=self.network).of_stream(stream, ahead=ahead)
        heads = self.ahead_heads if ahead else self.causal_heads
        if not heads.heads:
            return memory
        inputs = head_inputs(stream, memory)
        with torch.no_grad():
            log_q = torch.stack([_apply(head, inputs) for head in heads.heads]).mean(0)
        context = np.asarray((log_q / heads.temperature).softmax(-1).double().numpy())
        return _without(context, stream.p, np.isin(self.classes, self.unseen))


def _without(context: Floats, classifier: Floats, unseen: NDArray[np.bool_]) -> Floats:
    """Probabilities [N, K] in which unseen classes [K] have the classifier's, and the others share the rest."""
    if not unseen.any():
        return context
    kept = np.where(unseen, classifier, 0.0)
    seen = np.where(unseen, 0.0, context)
    return kept + seen * (1 - kept.sum(1, keepdims=True)) / seen.sum(1, keepdims=True).clip(1e-30)


class HeadInputs(NamedTuple):
    """Inputs of a head for one deployment.

    Attributes:
        frames: Inputs of its frames [F, 2 K].
        rows: Inputs of its rows [N, 2 K].
        frame: Number of each row's frame [N].
    """

    frames: Tensor
    rows: Tensor
    frame: Tensor


def head_inputs(stream: Stream, memory: Floats) -> HeadInputs:
    """Inputs of a head from the classifier's and the any-class memory's probabilities [N, K]."""

    def log(p: Floats) -> Tensor:
        return torch.from_numpy(np.log(p.clip(1e-30)).astype(np.float32))

    return HeadInputs(
        head_input(log(stream.of_frames), log(stream.mean_of_frames(memory))),
        head_input(log(stream.p), log(memory)),
        torch.from_numpy(stream.frame),
    )


def _apply(head: ClassHead, inputs: HeadInputs) -> Tensor:
    """[N, K] log probabilities of one deployment."""
    y = head.states(inputs.frames.unsqueeze(1))[:, 0]
    return head.read(inputs.rows, y[inputs.frame])


def check_labels(table: Predictions, labels: Integers) -> Integers:
    """Labels [N] of a table as whole numbers, -1 where unknown.

    Raises:
        InputError: Their number or one of them does not fit the table.
    """
    y = np.asarray(labels)
    if y.shape != (len(table),):
        raise InputError(f"labels must be one for each of {len(table)} rows, got the shape {list(y.shape)}.")
    if len(y) and (y.dtype.kind not in "iu" or y.min() < -1 or y.max() >= len(table.classes)):
        raise InputError(
            f"labels must be positions of {len(table.classes)} classes, or -1 where unknown; got {y.dtype} from "
            f"{y.min()} to {y.max()}."
        )
    return y.astype(np.int64)
