"""Formats under autocast: kernels compute in the parameters' format, and results come in torch.nn's."""

import torch


def result_formats(mode: str, projected: bool, ragged: bool, carried: torch.dtype) -> list[torch.dtype]:
    """The formats of the outputs, of h and (for an LSTM) of c, as torch.nn's operators leave them under autocast.

    A product of matrices comes in autocast's format; sums with the state before, in the wider of that and `carried`,
    the state's own. oneDNN, which runs an LSTM without projection where no sequence ends before the others, has one
    format for all.
    """
    reduced = torch.get_autocast_dtype("cpu")
    sums = torch.promote_types(reduced, carried)
    if mode == "GRU":
        return [sums, sums]
    if mode != "LSTM":
        return [reduced, reduced]
    if projected:
        return [reduced, reduced, sums]
    return [sums, sums, sums] if ragged else [reduced, reduced, reduced]
