"""First and second derivatives of every unit against finite differences."""

import pytest
import torch
from torch.func import functional_call

from cases import CELLS, CellCase, random_state, scrambled


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_gradients(case: CellCase) -> None:
    cell = scrambled(case.make(2, 3, dtype=torch.float64), seed=3)
    names = [name for name, _ in cell.named_parameters()]
    state = random_state(cell, 2)
    memories = state if isinstance(state, tuple) else (state,)

    def step(event: torch.Tensor, *rest: torch.Tensor) -> tuple[torch.Tensor, ...]:
        before = rest[: len(memories)]
        parameters = dict(zip(names, rest[len(memories) :], strict=True))
        given = before if isinstance(state, tuple) else before[0]
        after = functional_call(cell, parameters, (event, given))
        return after if isinstance(after, tuple) else (after,)

    inputs = [torch.randn(2, 2, dtype=torch.float64), *memories, *(p.detach() for p in cell.parameters())]
    inputs = [tensor.clone().requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(step, inputs)
    assert torch.autograd.gradgradcheck(step, inputs)
