"""Prudence and temperature of an any-class network, fitted on held-out streams."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .any_class_features import lead_of_top
from .any_class_network import AnyClassNetwork
from .batch import Batch, predict
from .temperature import fit_temperature

RARE = 0.1
"""Share of a stream's rows below which a class is rare in it."""

_PRUDENCE = [step / 10 for step in range(31)]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Largest harm that a calibrated network may do to the classifier's labels on held-out streams.

    Attributes:
        worst: Mean loss of accuracy on the tenth of the streams that lose most.
        rare: Loss of recall, mean over the rare classes of all streams.
        accurate: Mean loss of accuracy on the streams of which the classifier names 90 % rightly.
    """

    worst: float = 0.025
    rare: float = 0.0
    accurate: float = 0.0


@torch.no_grad()
def calibrate(
    network: AnyClassNetwork,
    held_out: list[Batch],
    bounds: Bounds | None = None,
    *,
    forms: tuple[int, ...] = (0, 1),
) -> None:
    """Fit prudence, then temperature, of the forms of a network, in place.

    Prudence is the least of 0, 0.1, ..., 3 that keeps the bounds. The temperature then has the least log loss.

    Args:
        network: The network.
        held_out: Streams that it was not trained on.
        bounds: Bounds of harm; None for the usual ones.
        forms: Forms that are fitted: 0 for the causal one, 1 for the one that looks ahead.
    """
    bounds = Bounds() if bounds is None else bounds
    for form in forms:
        network.temperature[form] = 1.0
        network.prudence[form] = 0.0
        found = [_predict(network, batch, ahead=bool(form)) for batch in held_out]
        prudence = next(
            (value for value in _PRUDENCE if _keeps(bounds, found, held_out, value)), _PRUDENCE[-1]
        )
        network.prudence[form] = prudence
        network.temperature[form] = _temperature(found, held_out, prudence)


def _predict(network: AnyClassNetwork, batch: Batch, *, ahead: bool) -> Tensor:
    """[T, B, D, K] log probabilities."""
    y, _ = network.states(batch.frames, ahead=ahead)
    if ahead:
        y = torch.cat((y, network.states_ahead(batch.frames_back)[0]), -1)
    return predict(network, batch, y, ahead=ahead)


def _keeps(bounds: Bounds, found: list[Tensor], held_out: list[Batch], prudence: float) -> bool:
    changes, before, rare = [], [], []
    for log_q, batch in zip(found, held_out, strict=True):
        known = batch.labels >= 0
        count = known.sum((0, 2))
        now = ((log_q + prudence * lead_of_top(batch.log_p)).argmax(-1) == batch.labels) & known
        old = (batch.log_p.argmax(-1) == batch.labels) & known
        before.append(old.sum((0, 2)) / count)
        changes.append(now.sum((0, 2)) / count - before[-1])
        rare.append(_rare_changes(batch.labels, now.float() - old.float()))
    change, accuracy = torch.cat(changes), torch.cat(before)
    worst = change.sort().values[: max(len(change) // 10, 1)]
    return (
        _mean(worst) >= -bounds.worst
        and _mean(torch.cat(rare)) >= -bounds.rare
        and _mean(change[accuracy >= 0.9]) >= -bounds.accurate
    )


def _rare_changes(labels: Tensor, change: Tensor) -> Tensor:
    """Change of the recall of each class that is rare in its stream, from changes of rows [T, B, D]."""
    T, B, D = labels.shape
    K = int(labels.max()) + 1
    flat = labels.clamp(min=0).permute(1, 0, 2).reshape(B, T * D)
    known = (labels >= 0).permute(1, 0, 2).reshape(B, T * D).float()
    count = torch.zeros(B, K).scatter_add_(1, flat, known)
    total = torch.zeros(B, K).scatter_add_(1, flat, change.permute(1, 0, 2).reshape(B, T * D) * known)
    rare = (count > 0) & (count < RARE * known.sum(1, keepdim=True))
    return (total / count.clamp(min=1))[rare]


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0


def _temperature(found: list[Tensor], held_out: list[Batch], prudence: float) -> float:
    """Temperature with the least log loss; classes that a batch does not have count as impossible."""
    most = max(log_q.shape[-1] for log_q in found)
    rows, labels = [], []
    for log_q, batch in zip(found, held_out, strict=True):
        known = batch.labels >= 0
        logits = (log_q + prudence * lead_of_top(batch.log_p))[known]
        rows.append(torch.nn.functional.pad(logits, (0, most - logits.shape[-1]), value=-1e9))
        labels.append(batch.labels[known])
    return fit_temperature(torch.cat(rows), torch.cat(labels))
