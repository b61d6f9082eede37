"""torch.compile of one step, called in a loop, for a cell of one's own; and of torch.nn.LSTM."""

import shutil

import torch
from torch import Tensor

from cells import COMPILED, IN_TORCH

from .case import Case, Run, of_module
from .torch_layers import layer_like


def compiled_step(case: Case) -> Run | str:
    """Inductor's step for this shape; it is compiled at the first call, which no time counts."""
    if case.name in IN_TORCH:
        return "a peer of the cells that torch.nn has no layer for"
    steps, batch, size = case.x.shape
    if (steps, batch, size) not in COMPILED or not case.whole:
        return "a step takes 5 to 20 s to compile: at two of the shapes only"
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        return "no C++ compiler is here"
    torch._dynamo.reset()
    step = torch.compile(case.cell, dynamic=False)

    with torch.no_grad():
        after = case.cell(case.x[0])
    zeros = tuple(map(torch.zeros_like, after)) if isinstance(after, tuple) else torch.zeros_like(after)

    def forward(x: Tensor) -> Tensor:
        outputs, state = [], zeros
        for event in x.unbind(0):
            state = step(event, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs)

    return of_module(case, case.cell, forward)


def compiled_layer(case: Case) -> Run | str:
    """torch.nn.LSTM within a graph of torch.compile, in inference."""
    if case.name != "LSTM" or case.training or not case.whole:
        return (
            "the graph has torch.nn.LSTM's own operator in inference alone; it unrolls every step of others"
        )
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        return "no C++ compiler is here"
    layer = layer_like(case.name, case.cell, case.x.shape[2])
    torch._dynamo.reset()
    with torch._dynamo.config.patch(allow_rnn=True):  # a graph break around it otherwise
        compiled = torch.compile(lambda x: layer(x)[0], dynamic=False)
        compiled(case.x)
    return of_module(case, layer, compiled)
