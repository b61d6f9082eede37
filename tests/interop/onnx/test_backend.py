"""The onnx package's own tests of backends, for its recurrent operators."""

import copy

import pytest
import torch
from onnx import numpy_helper
from onnx.backend.base import Backend, BackendRep
from onnx.backend.test.runner import Runner

import wolfdog as wd
from onnx_files import GATES
from onnx_runtime import outputs_as_onnx


class Ours(BackendRep):
    """A model of one recurrent node, whose weights may be handed in."""

    def __init__(self, whole):
        self.whole = whole

    def run(self, inputs, **_):
        whole = copy.deepcopy(self.whole)
        given = dict(zip([value.name for value in whole.graph.input], inputs, strict=True))
        [node] = whole.graph.node
        for place, name in enumerate(node.input):
            if name and place > 0:
                whole.graph.initializer.append(numpy_helper.from_array(given[name], name))
        [layer] = wd.from_onnx(whole)
        found = dict(
            zip(node.output, outputs_as_onnx(layer, torch.tensor(given[node.input[0]])), strict=False)
        )
        return [found[value.name].detach().numpy() for value in whole.graph.output]


class WolfdogBackend(Backend):
    """wolfdog as a backend, in the form in which the onnx package tests backends."""

    @classmethod
    def prepare(cls, model, device="CPU", **_):
        return Ours(model)


def backend_tests():
    """The onnx package's node tests of the three operators."""
    from onnx.backend.test.case.node import _NodeTestCases, gru, lstm, rnn

    assert len({gru, lstm, rnn}) == 3  # importing them makes the cases
    found = [case for case in _NodeTestCases if any(n.op_type in GATES for n in case.model.graph.node)]
    return sorted({case.name: case for case in found}.values(), key=lambda case: case.name)


@pytest.mark.parametrize("case", backend_tests(), ids=lambda case: case.name)
def test_the_onnx_packages_own_tests(case):
    prepared = WolfdogBackend.prepare(case.model)
    for inputs, expected in case.data_sets:
        Runner.assert_similar_outputs(expected, prepared.run(inputs), case.rtol, case.atol)


def test_none_of_them_is_left_out():
    names = [case.name for case in backend_tests()]
    assert len(names) == 18
    for op in ("gru", "lstm", "rnn"):
        assert {f"test_{op}_{what}" for what in ("bidirectional", "reverse", "defaults")} <= {
            name.replace("simple_rnn", "rnn") for name in names
        }


def test_a_wrong_answer_is_seen():
    case = backend_tests()[0]
    [(inputs, expected)] = case.data_sets
    found = WolfdogBackend.prepare(case.model).run(inputs)
    with pytest.raises(AssertionError):
        Runner.assert_similar_outputs(expected, [1.01 * array for array in found], case.rtol, case.atol)
