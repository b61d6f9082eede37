"""Number formats under autocast: kernels compute in the parameters' format, and results have torch.nn's format."""

import torch


def result_formats(mode: str, projected: bool, ragged: bool, carried: torch.dtype) -> list[torch.dtype]:
    """Formats of the outputs, of h and (for an LSTM) of c, as torch.nn's operators return them under autocast.

    A matrix product has autocast's format; a sum with the previous state, the wider of that format and `carried`.
    oneDNN, which runs an LSTM without projection where all sequences end together, has one format for all results.

    Args:
        mode: The layer's mode, as of torch.nn.RNNBase.
        projected: Whether the layer has a projection.
        ragged: Whether sequences end at different steps.
        carried: Format of the state.

    Returns:
        The formats.
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
