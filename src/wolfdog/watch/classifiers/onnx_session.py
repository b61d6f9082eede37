"""ONNX Runtime sessions on the CPU with a chosen number of threads."""

from pathlib import Path
from typing import Any

from wolfdog.errors import ONNXError

from .packages import optional_package


def open_session(model: Path | bytes, name: str, *, threads: int = 1) -> Any:
    """Inference session of a model, on the CPU.

    Args:
        model: A file, or the bytes of one.
        name: Name of the model in messages.
        threads: Threads of one call. Idle ones sleep: spinning ones would take the cores from the decoder.

    Returns:
        The session.

    Raises:
        MissingPackageError: ONNX Runtime is not installed.
        ONNXError: The file cannot be read, is no model, or has operators that ONNX Runtime cannot run.
    """
    onnxruntime = optional_package("onnxruntime", f"running {name}", extra="watch")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = (
        3  # errors alone: they come as exceptions too, warnings are of no use to a user
    )
    if isinstance(model, Path) and not model.is_file():
        raise ONNXError(f"{model}: no such file. Give the path of an ONNX file.")
    try:
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # on the CPU again, after a message of its own on standard output
        )
        for one in (*session.get_inputs(), *session.get_outputs()):
            _ = one.name, one.type, one.shape  # names that are no text cannot be read
        return session
    except Exception as error:  # ONNX Runtime's exceptions have no common class but this one
        reason = str(error).split("\n", 1)[0]
        raise ONNXError(f"{name}: ONNX Runtime cannot load it ({reason}). Export it again.") from error


def metadata_of(session: Any, name: str) -> dict[str, str]:
    """Metadata of a model.

    Args:
        session: Its session.
        name: Name of the model in messages.

    Returns:
        Texts by key.

    Raises:
        ONNXError: They are no text.
    """
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except ValueError as error:
        raise ONNXError(f"{name}: its metadata is not text in UTF-8. Export it again.") from error
