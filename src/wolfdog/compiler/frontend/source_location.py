"""Source location of a cell's running line."""

import sys
from pathlib import Path
from types import FrameType

import torch

_TORCH = str(Path(torch.__file__).parent)
_OWN = (str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "layers" / "execution"))


def where() -> str:
    """Running line of the cell, as "file.py:12, in forward"; frames of PyTorch and of the runners do not count."""
    frame: FrameType | None = sys._getframe(1)
    inside = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OWN):
            line = f"{Path(file).name}:{frame.f_lineno}, in {frame.f_code.co_name}"
            if not file.startswith(_TORCH):
                return f"at {line}"
            if f"{_TORCH}/nn/modules" in file and not inside:
                inside = line
        elif file.endswith("trace.py") and frame.f_code.co_name == "_trace":
            break
        frame = frame.f_back
    return f"at {inside}"
