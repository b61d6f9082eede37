"""Pretraining of the any-class memory, and the fit of its prudence and temperature."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from any_class_networks import context, network, random_table
from wolfdog.watch.smoothing import AnyClass, pretraining
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig, AnyClassNetwork
from wolfdog.watch.smoothing.batch import Batch
from wolfdog.watch.smoothing.calibration import Bounds, _keeps, _predict, calibrate
from wolfdog.watch.smoothing.pretraining import Pretraining, _harm, batches, loss_of, pretrain


def test_pretraining_learns_and_repeats() -> None:
    options = Pretraining(steps=40, ahead_steps=10, rows=64, frames=24, classes=(4, 4), rate=0.01)
    config = AnyClassConfig(width=8)
    made, again = (pretrain(options, config) for _ in range(2))
    for one, other in zip(made.state_dict().values(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    batch = next(batches(Pretraining(rows=512, frames=24, classes=(4, 4), seed=9, guard=0)))
    fresh = AnyClassNetwork(config)
    for ahead in (False, True):
        with torch.no_grad():
            after = loss_of(made, batch, options, ahead=ahead)
            before = loss_of(fresh, batch, options, ahead=ahead)
        assert after < before - 0.1


def test_without_steps_the_looking_ahead_form_stays_as_it_is() -> None:
    start = network(width=4)
    options = Pretraining(steps=2, ahead_steps=0, rows=16, frames=8, classes=(3, 3))
    made = pretrain(options, start=start)
    pairs = list(zip(start.causal_parameters(), made.causal_parameters(), strict=True))
    assert not any(torch.equal(before, after) for before, after in pairs[:4])
    table = random_table(3, 9)
    np.testing.assert_array_equal(
        context(AnyClass(network=made), table, True), context(AnyClass(network=start), table, True)
    )


def test_without_steps_the_causal_form_stays_as_it_is() -> None:
    start = network(width=4)
    options = Pretraining(steps=0, ahead_steps=2, rows=16, frames=8, classes=(3, 3))
    made = pretrain(options, start=start)
    assert made.config.separate
    for before, after in zip(start.causal_parameters(), made.causal_parameters(), strict=True):
        assert torch.equal(before, after)
    before_cells = [*start.forwards.parameters(), *start.ahead_parameters()]
    for before, after in zip(before_cells, made.ahead_parameters(), strict=True):
        assert before.shape == after.shape
    assert not torch.equal(made.forwards_ahead.cell.h.weight, start.forwards.cell.h.weight)
    table = random_table(3, 9)
    np.testing.assert_array_equal(
        context(AnyClass(network=made), table), context(AnyClass(network=start), table)
    )


def test_each_form_is_calibrated_within_bounds_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(
        pretraining, "calibrate", lambda network, held_out, bounds, forms: found.append((bounds, forms))
    )
    quick = Pretraining(steps=1, ahead_steps=1, rows=16, frames=8, classes=(3, 3))
    made = pretrain(quick, AnyClassConfig(width=4))
    assert found == [(None, (0,)), (pretraining.AHEAD_BOUNDS, (1,))]
    found.clear()
    pretrain(replace(quick, steps=0), start=made)
    assert found == [(pretraining.AHEAD_BOUNDS, (1,))]


def test_prudence_keeps_harm_within_its_bounds() -> None:
    bounds = Bounds(worst=0.1, rare=0.05, accurate=0.02)
    held_out = list(islice(batches(Pretraining(rows=96, frames=24, classes=(4, 4))), 4))
    made = AnyClassNetwork(AnyClassConfig(width=4))
    calibrate(made, held_out, Bounds(worst=0, rare=0, accurate=0))
    assert made.prudence.tolist() == [0, 0]  # an untrained network does no harm
    for readout, states in ((made.causal, 4), (made.ahead, 8)):
        with torch.no_grad():
            for parameter in readout.parameters():
                parameter.zero_()
            readout.own.weight[0, states + 2] = 1  # the feature of the most probable class
            readout.out.weight[0, 0] = -0.6  # which now loses that much
    calibrate(made, held_out, bounds)
    for form in (0, 1):
        prudence = round(float(made.prudence[form]), 1)
        assert 0 < prudence < 3
        with torch.no_grad():
            made.prudence[form], made.temperature[form] = 0, 1
            found = [_predict(made, batch, ahead=bool(form)) for batch in held_out]
        assert _keeps(bounds, found, held_out, prudence)
        assert not _keeps(bounds, found, held_out, prudence - 0.1)


def test_each_bound_of_harm_by_hand() -> None:
    """Ten frames of class 0 and one of class 1, all named rightly; the last is changed."""
    labels = torch.tensor([0] * 10 + [1]).reshape(11, 1, 1)
    log_p = (0.6 * torch.eye(3)[labels] + 0.2).log()
    log_q = log_p.clone()
    log_q[10, 0, 0] = torch.tensor([0.6, 0.2, 0.2]).log()
    nothing = torch.zeros(0)
    batch = Batch(labels, log_p, nothing, nothing, nothing)
    wide = Bounds(worst=1, rare=1, accurate=1)
    assert _keeps(wide, [log_q], [batch], 0.0)
    for name, harm in (("worst", 1 / 11), ("rare", 1.0), ("accurate", 1 / 11)):
        assert _keeps(replace(wide, **{name: harm + 1e-4}), [log_q], [batch], 0.0)
        assert not _keeps(replace(wide, **{name: harm - 1e-4}), [log_q], [batch], 0.0)
    lead = 1 - 0.25
    assert _keeps(Bounds(worst=0, rare=0, accurate=0), [log_q], [batch], float(np.log(3)) / lead + 0.01)


def test_loss_of_harm_by_hand() -> None:
    """Two classes that weigh the same: one frame that stays right, one that is changed, one that was wrong."""
    labels = torch.tensor([0, 0, 1]).reshape(3, 1, 1)
    log_p = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]).log().reshape(3, 1, 1, 2)
    log_q = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]]).log().reshape(3, 1, 1, 2)
    nothing = torch.zeros(0)

    def softplus(margin: float) -> float:
        return 0.3 * float(np.log1p(np.exp(-margin / 0.3)))

    expected = 0.25 * softplus(float(np.log(9))) + 0.5 * softplus(float(np.log(3 / 7)))
    found = _harm(log_q, Batch(labels, log_p, nothing, nothing, nothing))
    torch.testing.assert_close(found, torch.tensor([expected]))
