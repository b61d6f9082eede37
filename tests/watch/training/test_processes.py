"""Training in several processes: the weights of one process with the same batch, to rounding."""

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn

from objectives import LESSONS, STEPS, trainer
from process_threads import in_processes
from tolerances import assert_agree, assert_same
from wolfdog.errors import CheckpointError, InputError
from wolfdog.layers.cell.state import tensors
from wolfdog.watch.distributed import SINGLE, Processes
from wolfdog.watch.model.context import Context
from wolfdog.watch.model.encoder import FrameEncoder
from wolfdog.watch.model.registry import MEMORIES, NO_MEMORY
from wolfdog.watch.training.batch_norm import SynchronisedBatchNorm, synchronised_batch_norms

SEEDED = threading.Lock()
"""Of the global random numbers, by which weights begin."""


def started(name, processes):
    """Trainer; frame classifiers compute in float64, since their batch normalisations round otherwise.

    A step draws global random numbers too, so none is made before the weights of all processes have begun.
    """
    with SEEDED:
        one = trainer(name, processes=processes)
    processes.gather(lambda: None)
    if not name.startswith(("footage", "recut")):
        one.objective.module.double()
    return one


def trained(name, processes, **options):
    """Weights by name, and the losses of the steps."""
    one = started(name, processes)
    losses = []
    one.run(lambda made: losses.append(torch.tensor(made.loss)), **options)
    return dict(one.objective.module.state_dict()), losses


def assert_agree_by_name(actual, expected):
    assert actual.keys() == expected.keys()
    for name in expected:
        assert_agree(actual[name], expected[name])


@pytest.mark.parametrize(
    ("name", "size"), [*((name, 2) for name in LESSONS), ("classifier", 4), ("recut-lstm-bank", 3)]
)
def test_processes_make_the_steps_of_one(name, size):
    weights, losses = trained(name, SINGLE)
    found = in_processes(size, lambda processes: trained(name, processes))
    for own_weights, own_losses in found:
        assert_agree_by_name(own_weights, weights)
        assert_agree(tuple(own_losses), tuple(losses))
        for key in weights:
            assert_same(own_weights[key], found[0][0][key])


def test_a_share_alone_is_not_enough():
    """Without the sum of the gradients, the weights differ: the test above can fail."""

    class Deaf(Processes):
        def add_gradients(self, parameters):
            pass

    weights, _ = trained("footage-elman", SINGLE)
    found = in_processes(2, lambda one: trained("footage-elman", Deaf(one.rank, one.size, one.group)))
    with pytest.raises(AssertionError):
        assert_agree_by_name(found[0][0], weights)


@pytest.mark.parametrize("name", ["classifier", "joint-gru"])
def test_a_trained_encoder_is_folded_for_inference(name):
    def run(processes):
        one = started(name, processes)
        one.run()
        encoder = next(part for part in one.objective.module.modules() if isinstance(part, FrameEncoder))
        frames = torch.randint(
            256, (3, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        return encoder.folded()(frames), encoder(frames)

    expected, _ = run(SINGLE)
    for folded, own in in_processes(2, run):
        assert_agree(folded, own)
        assert_agree(folded, expected)


@pytest.mark.parametrize("name", ["classifier", "recut-lstm-bank"])
def test_any_number_of_processes_goes_on_from_a_checkpoint(name, tmp_path):
    class KilledError(Exception):
        pass

    def report(made):
        if made.step == 4:
            raise KilledError

    def killed(processes):
        one = started(name, processes)
        with pytest.raises(KilledError):
            one.run(report, tmp_path / "a", every=3)

    weights, _ = trained(name, SINGLE)
    in_processes(2, killed)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    for size in (1, 3):
        path = tmp_path / f"{size}"
        path.write_bytes((tmp_path / "a").read_bytes())
        found = in_processes(size, lambda one, path=path: trained(name, one, checkpoint=path))
        assert [len(losses) for _, losses in found] == [STEPS - 3] * size
        for own_weights, _ in found:
            assert_agree_by_name(own_weights, weights)


def test_a_damaged_checkpoint_is_said_by_each(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"\x00" * 100)

    def run(processes):
        with pytest.raises(CheckpointError, match=str(path)):
            trained("footage-elman", processes, checkpoint=path)

    in_processes(2, run)


@pytest.mark.parametrize("name", ["classifier", "footage-elman"])
def test_fewer_streams_than_processes_are_refused(name):
    with pytest.raises(InputError, match=r"9 processes cannot share"):
        trained(name, Processes(0, 9))


@pytest.mark.parametrize("memory", [name for name in MEMORIES if name != NO_MEMORY])
def test_states_are_divided_by_streams(memory):
    """Checkpoints hold the states of all streams, one after the other."""
    torch.manual_seed(0)
    context = Context(memory, 3, embedding=4, hidden=4)
    events, times = torch.randn(3, 5, 4), torch.arange(3.0).double()[:, None].expand(3, 5) * 11
    resets = torch.rand(3, 5) < 0.3
    logits, whole = context(events, None, resets, times)
    shares = [Processes(rank, 2).share(5) for rank in range(2)]
    found = [context(events[:, one], None, resets[:, one], times[:, one]) for one in shares]
    assert_agree(torch.cat([own for own, _ in found], 1), logits)
    for part, of_one, of_other in zip(
        *(tensors(state) for state in (whole, found[0][1], found[1][1])), strict=True
    ):
        assert_agree(torch.cat((of_one, of_other)), part)


@pytest.mark.parametrize(
    ("norm", "shape"),
    [
        (nn.BatchNorm2d(3), (5, 3, 4, 2)),
        (nn.BatchNorm1d(3, affine=False), (5, 3)),
        (nn.BatchNorm1d(3, momentum=None), (7, 3)),
        (nn.BatchNorm1d(3, track_running_stats=False), (4, 3, 2)),
    ],
    ids=str,
)
def test_batch_norms_are_of_the_whole_batch(norm, shape):
    rng = np.random.default_rng(0)
    whole = torch.from_numpy(rng.normal(50, 2, shape))
    cotangent = torch.from_numpy(rng.normal(size=shape))
    norm = norm.double().train()
    reference = copy.deepcopy(norm)
    x = whole.clone().requires_grad_()
    expected = [reference(x)]
    (expected[0] * cotangent).sum().backward()

    def run(processes):
        module = nn.Sequential(copy.deepcopy(norm))
        own_norm = module[0]
        part = processes.share(shape[0])
        own = whole[part].clone().requires_grad_()
        with synchronised_batch_norms(module, processes):
            assert isinstance(module[0], SynchronisedBatchNorm)
            y = module(own)
            (y * cotangent[part]).sum().backward()
            processes.add_gradients(list(module.parameters()))
            evaluated = module.eval()(whole)
        assert module[0] is own_norm
        assert not own_norm.training
        return y, own.grad, evaluated, module

    found = in_processes(2, run)
    assert_agree(torch.cat([y for y, *_ in found]), expected[0])
    assert_agree(torch.cat([grad for _, grad, *_ in found]), x.grad)
    for _, _, evaluated, module in found:
        assert_agree_by_name(
            {name: one.grad for name, one in module[0].named_parameters()},
            {name: one.grad for name, one in reference.named_parameters()},
        )
        assert_agree_by_name(dict(module[0].state_dict()), dict(reference.state_dict()))
        assert_agree(evaluated, reference.eval()(whole))
        assert_agree(module(whole), evaluated)


def test_one_process_keeps_its_batch_norms():
    module = nn.Sequential(nn.BatchNorm1d(2))
    with synchronised_batch_norms(module, SINGLE):
        assert type(module[0]) is nn.BatchNorm1d
