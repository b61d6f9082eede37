"""Calibration of probabilities on held-back labels, and the threshold below which a person is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from wolfdog.errors import InputError

from ..evaluation.confidence_scores import RiskCurve, risk_curve
from ..predictions import Predictions
from ..smoothing.temperature import fit_temperature

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Form = Literal["none", "temperature", "matrix"]

ERRORS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
"""Shares of wrong labels for which a calibration keeps a threshold."""

CALIBRATED = ", calibrated"
"""Ending of the name of a method whose probabilities are calibrated."""

_LEAST = 1e-7
_FOLDS = 5
_MOST_CLASSES = 40
_FEWEST_ROWS = 20
"""Labelled rows for each class that a matrix needs."""


@dataclass(frozen=True)
class Threshold:
    """Threshold of confidence, measured on held-back labels.

    Attributes:
        error: Largest share of wrong labels that was asked for.
        confidence: Least probability of a label that stands without a person; above 1 where none may stand.
        coverage: Share of the labels that stand.
    """

    error: float
    confidence: float
    coverage: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """Map of context probabilities q to calibrated ones, fitted to held-back labels.

        none:         q
        temperature:  softmax(log q / t)
        matrix:       softmax(W log q + b)

    Sources: Guo et al. (2017), "On calibration of modern neural networks"; Kull et al. (2019), "Beyond temperature
    scaling", for the penalty on the matrix.

    Attributes:
        classes: K names.
        method: Name and options of the smoothing method whose probabilities are calibrated; empty where the file that
            it was fitted to does not say.
        form: The form with the least log loss on deployments that it was not fitted to.
        temperature: T; 1 unless that is the form.
        matrix: [K, K] W; None unless that is the form.
        bias: [K] b; None unless that is the form.
        rows: Number of labels that it was fitted to.
        log_loss: Of each form that was tried, on deployments that it was not fitted to.
        thresholds: For each of `ERRORS`, from the same deployments.
    """

    classes: tuple[str, ...]
    method: str
    form: Form
    temperature: float
    matrix: Floats | None
    bias: Floats | None
    rows: int
    log_loss: Mapping[str, float]
    thresholds: tuple[Threshold, ...]

    def apply(self, table: Predictions) -> Predictions:
        """The table with calibrated context probabilities; rows with an answer of a person stay certain.

        Raises:
            InputError: The classes are others, or the context is of another method, or calibrated already.
        """
        if table.classes != self.classes:
            raise InputError(
                f"this calibration is for the classes {', '.join(self.classes)[:200]}; the predictions have "
                f"{', '.join(table.classes)[:200]}."
            )
        if self.method and table.method.partition(" + ")[0] != self.method:
            raise InputError(
                f"this calibration is for the method {self.method}; the predictions are of {table.method or 'none'}. "
                "Fit a calibration to labels of that method."
            )
        if table.context is None:
            raise InputError("these predictions have no context probabilities: run a smoothing method first.")
        certain = (table.context > 0).sum(1) == 1  # softmax leaves no class at 0
        calibrated = np.where(certain[:, None], table.context, self.probabilities(table.context))
        return table.with_context(calibrated, f"{table.method}{CALIBRATED}")

    def probabilities(self, q: NDArray[np.floating]) -> Floats:
        """[N, K] calibrated probabilities of context probabilities [N, K]."""
        return _calibrated(q, self.temperature, self.matrix, self.bias)

    def threshold(self, error: float) -> Threshold:
        """Threshold with which at most this share of the labels that stand is wrong.

        Raises:
            InputError: It is less than the least error that was measured.
        """
        fine = [one for one in self.thresholds if one.error <= error + 1e-12]
        if not fine:
            raise InputError(
                f"a share of wrong labels of {error:g} is less than this calibration has measured: from "
                f"{self.thresholds[0].error:g} up."
            )
        return fine[-1]


def fit_calibration(table: Predictions, labels: Integers, *, seed: int = 0) -> Calibration:
    """Calibration of a table's context probabilities on held-back labels.

    Each form is fitted to four fifths of the deployments and judged on the rest, in turn; the form with the least log
    loss there is fitted to all. Thresholds are of the probabilities of deployments that were not fitted to. The matrix
    is tried for up to 40 classes, where there are 20 labels or more for each.

    Args:
        table: Predictions with a context, of deployments that nothing was trained on.
        labels: [N] positions of the right classes; -1 where unknown.
        seed: Of the parts.

    Raises:
        InputError: Fewer than two deployments have labels, or there is no context.

    >>> rng = np.random.default_rng(0)
    >>> q = rng.dirichlet([0.2, 0.2], 400)  # far too sure: the labels are drawn from its root
    >>> labels = (rng.random(400) < q[:, 1] ** 0.5 / (q**0.5).sum(1)).astype(int)
    >>> table = Predictions.from_columns(
    ...     ["wolf", "dog"], q, context=q, deployment=np.array([f"{n % 8}" for n in range(400)], object)
    ... )
    >>> found = fit_calibration(table, labels)
    >>> found.form in ("temperature", "matrix")
    True
    """
    if table.context is None:
        raise InputError("these predictions have no context probabilities: run a smoothing method first.")
    if table.method.endswith(CALIBRATED):
        raise InputError("these probabilities are calibrated already: smooth again without a calibration.")
    known = np.flatnonzero(labels >= 0)
    q, y = table.context[known].astype(np.float64), labels[known]
    places = list(dict.fromkeys(table.deployment[known].tolist()))
    if len(places) < 2:
        raise InputError(
            f"calibration needs labels in at least 2 deployments, got {len(places)}: it is judged on deployments that "
            "it was not fitted to."
        )
    order = np.random.default_rng(seed).permutation(len(places))
    part = dict(zip((places[i] for i in order), np.arange(len(places)) % _FOLDS, strict=True))
    fold = np.array([part[place] for place in table.deployment[known].tolist()])
    K = len(table.classes)
    fits: dict[Form, _Fit] = {"none": lambda q, y: (1.0, None, None), "temperature": _fit_temperature}
    if K <= _MOST_CLASSES and len(y) >= _FEWEST_ROWS * K:
        fits["matrix"] = _fit_matrix
    unseen = {form: _cross_fitted(fit, q, y, fold) for form, fit in fits.items()}
    losses = {form: _loss(p, y) for form, p in unseen.items()}
    form = min(losses, key=lambda name: losses[name])
    temperature, matrix, bias = fits[form](q, y)
    p = unseen[form]
    curve = risk_curve(p.max(1), p.argmax(1) == y)
    return Calibration(
        table.classes,
        table.method,
        form,
        temperature,
        matrix,
        bias,
        len(y),
        {name: round(loss, 6) for name, loss in losses.items()},
        tuple(_threshold(curve, error) for error in ERRORS),
    )


_Parameters = tuple[float, Floats | None, Floats | None]
_Fit = Callable[[Floats, Integers], _Parameters]


def _cross_fitted(fit: _Fit, q: Floats, y: Integers, fold: Integers) -> Floats:
    p = np.empty_like(q)
    for number in np.unique(fold):
        rest = fold != number
        p[~rest] = _calibrated(q[~rest], *fit(q[rest], y[rest]))
    return p


def _fit_temperature(q: Floats, y: Integers) -> _Parameters:
    return fit_temperature(torch.from_numpy(_log(q)), torch.from_numpy(y)), None, None


def _fit_matrix(q: Floats, y: Integers, penalty: float = 1e-2) -> _Parameters:
    """Matrix and bias with the least log loss, with a penalty on what is off the diagonal and on the bias."""
    K = q.shape[1]
    x, target = torch.from_numpy(_log(q)), torch.from_numpy(y)
    weight = torch.eye(K, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(K, dtype=torch.float64, requires_grad=True)
    off = 1 - torch.eye(K, dtype=torch.float64)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(x @ weight.T + bias, target)
        loss = loss + penalty * (((off * weight) ** 2).sum() + (bias**2).mean())
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return 1.0, weight.detach().numpy(), bias.detach().numpy()


def _calibrated(
    q: NDArray[np.floating], temperature: float, matrix: Floats | None, bias: Floats | None
) -> Floats:
    logits = _log(q) / temperature
    if matrix is not None and bias is not None:
        logits = logits @ matrix.T + bias
    logits = logits - logits.max(-1, keepdims=True)
    p = np.exp(logits)
    return np.asarray(p / p.sum(-1, keepdims=True))


def _log(q: NDArray[np.floating]) -> Floats:
    return np.log(np.maximum(np.asarray(q, np.float64), _LEAST))


def _loss(p: Floats, y: Integers) -> float:
    return float(-np.log(p[np.arange(len(y)), y].clip(1e-12)).mean())


def _threshold(curve: RiskCurve, error: float) -> Threshold:
    fine: Sequence[int] = np.flatnonzero(curve.risk <= error).tolist()
    if not fine:
        return Threshold(error, 1.01, 0.0)
    return Threshold(error, float(curve.threshold[fine[-1]]), float(curve.coverage[fine[-1]]))
