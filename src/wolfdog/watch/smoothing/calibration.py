"""Prudence and temperature of an any-class network, fitted on held-out streams."""

import torch
from torch import Tensor

from .any_class_features import lead_of_top
from .any_class_network import AnyClassNetwork
from .batch import Batch, predict
from .temperature import fit_temperature

HARM = 0.04
"""Largest mean loss of accuracy against the classifier on the worst tenth of the streams."""

_PRUDENCE = [step / 10 for step in range(31)]


@torch.no_grad()
def calibrate(network: AnyClassNetwork, held_out: list[Batch]) -> None:
    """Fit prudence, then temperature, of both forms of a network, in place.

    Prudence is the least of 0, 0.1, ..., 3 with which the tenth of the streams that lose most accuracy against the
    classifier lose at most 0.04 on average. The temperature then has the least log loss.
    """
    network.temperature.fill_(1.0)
    network.prudence.fill_(0.0)
    for form in (0, 1):
        found = [_predict(network, batch, ahead=bool(form)) for batch in held_out]
        prudence = next(
            (value for value in _PRUDENCE if _worst_tenth(found, held_out, value) >= -HARM),
            _PRUDENCE[-1],
        )
        network.prudence[form] = prudence
        network.temperature[form] = _temperature(found, held_out, prudence)


def _predict(network: AnyClassNetwork, batch: Batch, *, ahead: bool) -> Tensor:
    """[T, B, D, K] log probabilities."""
    y, _ = network.states(batch.frames)
    if ahead:
        y = torch.cat((y, network.states_ahead(batch.frames_back)[0]), -1)
    return predict(network, batch, y, ahead=ahead)


def _worst_tenth(found: list[Tensor], held_out: list[Batch], prudence: float) -> float:
    """Mean change of accuracy against the classifier, over the tenth of the streams that lose most."""
    changes = []
    for log_q, batch in zip(found, held_out, strict=True):
        label = (log_q + prudence * lead_of_top(batch.log_p)).argmax(-1)
        known = batch.labels >= 0
        right = (label == batch.labels) & known
        before = (batch.log_p.argmax(-1) == batch.labels) & known
        changes.append((right.sum((0, 2)) - before.sum((0, 2))) / known.sum((0, 2)))
    ordered = torch.cat(changes).sort().values
    return float(ordered[: max(len(ordered) // 10, 1)].mean())


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
