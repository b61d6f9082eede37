"""Who runs the same work: each peer makes a `Run` of a `Case`, or says why it does not."""

from .case import Case as Case
from .case import Run as Run
from .compiled_steps import compiled_layer, compiled_step
from .jax_scans import jax_scan
from .loops import eager_loop, own_lstm, wolfdog
from .onnx_sessions import onnx_session
from .torch_layers import torch_layer

PEERS = {
    "wolfdog": wolfdog,
    "eager loop": eager_loop,
    "torch.nn": torch_layer,
    "torch.compile": compiled_step,
    "torch.compile, torch.nn": compiled_layer,
    "onnxruntime": onnx_session,
    "jax.lax.scan": jax_scan,
}
"""By name; wolfdog and the loop, whose numbers are the right ones, are always there."""

__all__ = ["PEERS", "Case", "Run", "own_lstm"]
