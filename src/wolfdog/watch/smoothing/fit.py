"""Training of a memory on verified labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wolfdog.errors import InputError
from wolfdog.watch.distributed import SINGLE, Processes
from wolfdog.watch.predictions import Predictions

from .any_class import AnyClass
from .any_class_network import AnyClassNetwork
from .class_head import ClassHead
from .method import Integers, Stream
from .temperature import fit_temperature
from .trained import HeadInputs, Heads, TrainedMemory, check_labels, head_inputs

Example = tuple[HeadInputs, Tensor]
"""A deployment's inputs, and its labels [N], -100 where unknown."""


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """Options of the training on labels.

    Attributes:
        epochs: Passes over the deployments.
        folds: Number of parts of the deployments. One head is trained for each part, which is held out and decides the
            epoch that is kept.
        width: Units of the heads.
        dropout: Dropout of the heads.
        rate: Learning rate, which falls to zero.
        batch: Deployments in a step.
        seed: Seed of weights, order and parts.
    """

    epochs: int = 40
    folds: int = 8
    width: int = 64
    dropout: float = 0.4
    rate: float = 3e-3
    batch: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.width, self.batch) < 1 or self.folds < 2:
            raise InputError("fitting needs at least 1 epoch, a width and batch of 1, and 2 folds.")


class _Fold(NamedTuple):
    """Head that was trained without one part of the deployments, and the log probabilities on that part."""

    weights: dict[str, Tensor]
    untrained: Tensor
    trained: Tensor


def fit_memory(
    table: Predictions,
    labels: Integers,
    *,
    network: AnyClassNetwork | None = None,
    options: Fitting | None = None,
    progress: Callable[[str, int, float, float], None] | None = None,
    processes: Processes = SINGLE,
) -> TrainedMemory:
    """Memory trained on verified labels, for the classes and the classifier of these predictions.

    The any-class memory below is not changed. Heads on its output are trained, each without one part of the
    deployments, and each keeps the epoch with the least log loss on that part. If these heads are not better than the
    untrained memory in log loss, and at least as accurate, on held-out deployments, the untrained memory is returned.
    The temperature is fitted on the same predictions.

    Args:
        table: Predictions of two deployments or more with labels; a deployment is never divided.
        labels: Positions of the right classes [N]; -1 if unknown.
        network: The any-class network; None for the pretrained one.
        options: Options of the training.
        progress: Called after each head with the form ("causal" or "ahead"), the number of the fold, and the log loss
            on its part before and after.
        processes: Processes that call this with the same arguments: each trains its share of the heads.

    Returns:
        The memory.

    Raises:
        InputError: Fewer than two deployments have labels, or the labels do not fit the table.
    """
    options = Fitting() if options is None else options
    y = check_labels(table, labels)
    streams = [(Stream(table.take(rows)), y[rows]) for _, rows in table.stream_rows() if (y[rows] >= 0).any()]
    if len(streams) < 2:
        raise InputError(
            f"training needs labels in at least 2 deployments, got {len(streams)}: one is held out to decide when to "
            f"stop."
        )
    forms = []
    for ahead in (False, True):
        memory = AnyClass(network=network)
        examples = [
            (
                head_inputs(stream, memory.of_stream(stream, ahead=ahead)),
                torch.from_numpy(np.where(known >= 0, known, -100)),
            )
            for stream, known in streams
        ]
        forms.append(_fit_heads(examples, len(table.classes), ahead, options, progress, processes))
    unseen = tuple(name for number, name in enumerate(table.classes) if not (y == number).any())
    return TrainedMemory(
        classes=table.classes, causal_heads=forms[0], ahead_heads=forms[1], network=network, unseen=unseen
    )


def _fit_heads(
    examples: list[Example],
    classes: int,
    ahead: bool,
    options: Fitting,
    progress: Callable[[str, int, float, float], None] | None,
    processes: Processes,
) -> Heads:
    order = np.random.default_rng(options.seed).permutation(len(examples))
    parts = [part for part in np.array_split(order, min(options.folds, len(examples))) if len(part)]

    def fit_fold(number: int) -> _Fold:
        held = [examples[i] for i in parts[number]]
        rest = [examples[i] for i in order if i not in set(parts[number].tolist())]
        torch.manual_seed(options.seed + number)
        head = ClassHead(classes, width=options.width, ahead=ahead, dropout=options.dropout)
        untrained = torch.cat([inputs.rows[:, classes:] for inputs, _ in held]).log_softmax(-1)
        _train(head, rest, held, options)
        log_q = _predict(head, held)
        if progress is not None:
            y = torch.cat([known for _, known in held])
            progress("ahead" if ahead else "causal", number, _loss(untrained, y), _loss(log_q, y))
        return _Fold(head.state_dict(), untrained, log_q)

    own = range(len(parts))[processes.share(len(parts))]
    folds = [fold for of_one in processes.gather(lambda: list(map(fit_fold, own))) for fold in of_one]
    y = torch.cat([examples[i][1] for part in parts for i in part])
    old = torch.cat([fold.untrained for fold in folds])
    new = torch.cat([fold.trained for fold in folds])
    if _loss(new, y) >= _loss(old, y) or _right(new, y) < _right(old, y):
        return Heads((), 1.0)
    heads = []
    for fold in folds:
        head = ClassHead(classes, width=options.width, ahead=ahead, dropout=options.dropout)
        head.load_state_dict(fold.weights)
        heads.append(head.eval())
    return Heads(tuple(heads), fit_temperature(new, y))


def _train(head: ClassHead, examples: list[Example], held: list[Example], options: Fitting) -> None:
    """Train in place, and keep the weights of the epoch with the least log loss on what was held out."""
    optimiser = torch.optim.AdamW(head.parameters(), lr=options.rate, weight_decay=1e-2)
    rng = np.random.default_rng(options.seed)
    y_held = torch.cat([known for _, known in held])
    best = _loss(_predict(head, held), y_held)
    kept = {name: value.clone() for name, value in head.state_dict().items()}
    for epoch in range(options.epochs):
        head.train()
        for group in optimiser.param_groups:
            group["lr"] = options.rate * (1 - epoch / options.epochs)
        order = rng.permutation(len(examples))
        for start in range(0, len(examples), options.batch):
            chosen = [examples[i] for i in order[start : start + options.batch]]
            loss = nn.functional.cross_entropy(
                _run(head, [inputs for inputs, _ in chosen]), torch.cat([y for _, y in chosen])
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimiser.step()
        now = _loss(_predict(head, held), y_held)
        if now < best:
            best, kept = now, {name: value.clone() for name, value in head.state_dict().items()}
    head.load_state_dict(kept)
    head.eval()


def _run(head: ClassHead, inputs: list[HeadInputs]) -> Tensor:
    """[N, K] log probabilities of the rows of several deployments, one after the other."""
    lengths = torch.tensor([len(one.frames) for one in inputs])
    x = nn.utils.rnn.pad_sequence([one.frames for one in inputs])
    y = head.states(x, lengths)
    of_rows = torch.cat([y[one.frame, number] for number, one in enumerate(inputs)])
    return head.read(torch.cat([one.rows for one in inputs]), of_rows)


@torch.no_grad()
def _predict(head: ClassHead, examples: list[Example]) -> Tensor:
    head.eval()
    return _run(head, [inputs for inputs, _ in examples])


def _loss(log_q: Tensor, y: Tensor) -> float:
    return float(nn.functional.nll_loss(log_q, y))


def _right(log_q: Tensor, y: Tensor) -> float:
    return float((log_q.argmax(-1) == y)[y >= 0].float().mean())
