"""PyTorch's own inputs for these modules, right and wrong, with our layers in the place of torch.nn's."""

import copy
import io
import sys
import types
import unittest
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

import wolfdog as wd
from tolerances import assert_agree
from torch_nn_cases import NAMES, flat


@cache
def common_modules() -> Any:
    """PyTorch's table of module inputs. It asks for the package expecttest, for a base class of tests alone."""
    stand_in = types.ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase  # type: ignore[attr-defined]
    sys.modules.setdefault("expecttest", stand_in)
    import torch.testing._internal.common_modules as found

    return found


def information(name: str) -> Any:
    return next(info for info in common_modules().module_db if info.module_cls is getattr(nn, name))


def samples(
    name: str, dtype: torch.dtype = torch.float64, training: bool = True, requires_grad: bool = False
) -> Iterator[tuple[Any, nn.RNNBase, tuple[Any, ...]]]:
    """Each of PyTorch's samples: itself, a layer of ours, and what to call it with."""
    info = information(name)
    options = {"device": "cpu", "dtype": dtype, "requires_grad": requires_grad, "training": training}
    packs = {"with_packed_sequence": True} if name != "LSTM" else {}
    count = 0
    for sample in info.module_inputs_func(info, **options, **packs):
        made = sample.constructor_input
        layer = getattr(wd, name)(*made.args, **made.kwargs, dtype=dtype).train(training)
        assert not sample.forward_input.kwargs
        yield sample, layer, sample.forward_input.args
        count += 1
    assert count >= 16, count


def leaves(arguments: tuple[Any, ...]) -> list[Tensor]:
    return [tensor for tensor in flat(arguments) if tensor.requires_grad]


def rebuilt(arguments: Any, change: Any) -> Any:
    """The same arguments with each tensor changed."""
    if isinstance(arguments, PackedSequence):
        return PackedSequence(change(arguments.data), *arguments[1:])
    if isinstance(arguments, Tensor):
        return change(arguments)
    return tuple(rebuilt(part, change) for part in arguments)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("dtype", "training"), [(torch.float64, True), (torch.float64, False), (torch.float32, True)]
)
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_forward(name: str, dtype: torch.dtype, training: bool) -> None:
    for sample, layer, arguments in samples(name, dtype, training):
        result = layer(*arguments)
        assert {tensor.dtype for tensor in flat(result)} == {dtype}
        theirs = getattr(nn, name)(*sample.constructor_input.args, **sample.constructor_input.kwargs).to(
            dtype
        )
        theirs.load_state_dict(layer.state_dict())
        assert_agree(tuple(flat(result)), tuple(flat(theirs(*arguments))))
        if not isinstance(arguments[0], PackedSequence):
            expected = sample.reference_fn(layer, *arguments)
            assert_agree(tuple(flat(result)), tuple(flat(expected)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "twice",
    [pytest.param(False, id="grad"), pytest.param(True, id="gradgrad", marks=pytest.mark.slow)],
)
def test_gradients(name: str, twice: bool) -> None:
    """Of every sample, one by one and many at once; second ones of every fifth, since all take half a minute."""
    check = torch.autograd.gradgradcheck if twice else torch.autograd.gradcheck
    for number, (_, layer, arguments) in enumerate(samples(name, requires_grad=True)):
        if twice and number % 5:
            continue
        layer.train(number % 2 == 0)
        inputs = leaves(arguments)
        parameters = dict(layer.named_parameters())

        def run(
            *tensors: Tensor, arguments: Any = arguments, layer: Any = layer, names: Any = parameters
        ) -> Any:
            new = iter(tensors)
            given = rebuilt(arguments, lambda old: next(new) if old.requires_grad else old)
            return tuple(flat(torch.func.functional_call(layer, dict(zip(names, new, strict=True)), given)))

        assert check(run, (*inputs, *parameters.values()), fast_mode=True, check_batched_grad=True)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_that_are_not_contiguous(name: str) -> None:
    def apart(tensor: Tensor) -> Tensor:
        wide = torch.stack((tensor, torch.full_like(tensor, torch.nan)), -1)
        found = wide[..., 0].detach().requires_grad_()
        assert found.numel() == 1 or not found.is_contiguous()
        return found

    for _, layer, arguments in samples(name, requires_grad=True):
        found = []
        for change in (apart, lambda tensor: tensor.detach().clone().requires_grad_()):
            given = rebuilt(arguments, lambda old, change=change: change(old) if old.requires_grad else old)
            result = tuple(flat(layer(*given)))
            total = sum((tensor**2).sum() for tensor in result)
            found.append((result, torch.autograd.grad(total, [*leaves(given), *layer.parameters()])))
        assert_agree(*found)


@pytest.mark.parametrize("name", NAMES)
def test_results_and_gradients_lie_in_memory_as_torch_nn_s(name: str) -> None:
    for sample, layer, arguments in samples(name, requires_grad=True):
        made = sample.constructor_input
        found = []
        for one in (layer, getattr(nn, name)(*made.args, **made.kwargs).double()):
            result = flat(one(*arguments))
            total = sum(tensor.sum() for tensor in result)
            gradients = torch.autograd.grad(total, [*leaves(arguments), *one.parameters()])
            found.append([tensor.is_contiguous() for tensor in (*result, *gradients)])
        assert found[0] == found[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_made_on_a_device_in_a_format(name: str, device: str) -> None:
    for sample, _, _ in samples(name):
        made = sample.constructor_input
        factory = {"device": device, "dtype": torch.float32}
        layer = getattr(wd, name)(*made.args, **made.kwargs, **factory)
        with torch.device(device):
            other = getattr(wd, name)(*made.args, **made.kwargs)
        expected = getattr(nn, name)(*made.args, **made.kwargs, **factory)
        assert repr(layer) == repr(expected)
        for own, theirs in ((layer, expected), (other, expected)):
            kinds = [[(p.device, p.dtype, p.shape) for p in one.parameters()] for one in (own, theirs)]
            assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", NAMES)
def test_pickles_and_copies(name: str) -> None:
    for _, layer, arguments in samples(name):
        expected = flat(layer(*arguments))
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        loaded = torch.load(file, weights_only=False)
        assert (type(loaded), repr(loaded)) == (getattr(wd, name), repr(layer))
        for other in (copy.deepcopy(layer), loaded):
            with torch.no_grad():
                for own, copied in zip(layer.parameters(), other.parameters(), strict=True):
                    assert own is not copied
            assert_agree(tuple(flat(other(*arguments))), tuple(expected))


@pytest.mark.parametrize("name", NAMES)
def test_mistakes(name: str) -> None:
    info, kinds = information(name), common_modules().ModuleErrorEnum
    found = info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
    )
    assert len(found) >= 10
    for sample in found:
        given = sample.module_error_input
        made = given.constructor_input
        if sample.error_on is kinds.CONSTRUCTION_ERROR:
            with pytest.raises(sample.error_type, match=sample.error_regex):
                getattr(wd, name)(*made.args, **made.kwargs)
        else:
            layer = getattr(wd, name)(*made.args, **made.kwargs)
            with pytest.raises(sample.error_type, match=sample.error_regex):
                layer(*given.forward_input.args)
