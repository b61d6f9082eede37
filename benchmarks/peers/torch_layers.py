"""torch.nn's own layers."""

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .case import Case, Run, of_module

LAYERS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "Elman": nn.RNN}


def layer_like(name: str, cell: nn.Module, size: int) -> nn.RNNBase:
    """torch.nn's layer with a cell's parameters."""
    layer: nn.RNNBase = LAYERS[name](size, size)
    layer.load_state_dict({f"{key}_l0": value for key, value in cell.state_dict().items()})
    return layer


def torch_layer(case: Case) -> Run | str:
    """torch.nn.LSTM, GRU or RNN; ragged examples as a packed sequence, packed and unpacked."""
    if case.name not in LAYERS:
        return "torch.nn has no such layer"
    if case.resets is not None:
        return "torch.nn's layers have no resets in mid-sequence"
    layer = layer_like(case.name, case.cell, case.x.shape[2])

    def packed(x: Tensor) -> Tensor:
        y, _ = layer(pack_padded_sequence(x, case.lengths, enforce_sorted=False))
        return pad_packed_sequence(y, total_length=len(x))[0]

    return of_module(case, layer, (lambda x: layer(x)[0]) if case.lengths is None else packed)
