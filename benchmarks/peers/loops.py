"""wolfdog, and the loop over steps that it answers to."""

from torch import nn

from cells import layer_of

from .case import Case, Run, of_module


def wolfdog(case: Case) -> Run | str:
    """The compiled layer."""
    layer = layer_of(case.name, case.cell)
    layer(case.x[:1])
    if layer.backend == "eager":
        return str(layer.fallback_reason)
    return of_module(case, case.cell, lambda x: layer(x, lengths=case.lengths, resets=case.resets)[0])


def eager_loop(case: Case) -> Run | str:
    """The same cell, step by step in PyTorch."""
    layer = layer_of(case.name, case.cell, backend="eager")
    return of_module(case, case.cell, lambda x: layer(x, lengths=case.lengths, resets=case.resets)[0])


def own_lstm(case: Case) -> Run | str:
    """wolfdog's LSTM on the same events: the measure of time per operation."""
    size = case.x.shape[2]
    return wolfdog(Case("LSTM", nn.LSTMCell(size, size), case.x, case.training, case.lengths, case.resets))
