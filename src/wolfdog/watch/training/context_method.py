"""Context memory as a smoothing method, trained on the predictions of a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ..model.config import WatcherConfig
from ..model.context import Context
from ..model.unremembered import left_to_snapshot
from ..smoothing.method import Floats, Method, Stream

_CHUNK = 256
LEAST = -8.0
"""Natural logarithm of the least probability; smaller ones are raised to it."""


@dataclass(frozen=True, kw_only=True)
class ContextMethod(Method):
    """Memory trained for one list of classes, over the log probabilities of a frame classifier.

        x_t = max(log p_t, -8) / 2,    y_t, state_t = memory(x_t, state_{t-1}),    context_t = softmax(W y_t + b)

    Classes that the memory was not trained on keep the classifier's probability; see `left_to_snapshot`.

    Made by `train_head`. The rows of a frame share its context.

    Attributes:
        config: Of the memory; its embedding has as many numbers as there are classes.
        context: The memory and its head.
    """

    name: ClassVar[str] = "context"
    looks_ahead: ClassVar[bool] = False
    config: WatcherConfig
    context: Context = field(repr=False)

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        if stream.table.classes != self.config.classes:
            raise InputError(
                f"this memory was trained for the classes {', '.join(self.config.classes)}; the predictions have "
                f"{', '.join(stream.table.classes)}."
            )
        events = torch.from_numpy(memory_events(stream.of_frames)).unsqueeze(1)
        times = torch.from_numpy(np.nan_to_num(stream.time)).unsqueeze(1)
        alone = torch.from_numpy(np.log(stream.of_frames.clip(1e-12))).unsqueeze(1)
        parts, state = [], None
        with torch.no_grad():
            self.context.eval()
            for start in range(0, len(events), _CHUNK):
                chunk = slice(start, start + _CHUNK)
                logits, state = self.context(events[chunk], state, times=times[chunk])
                logits = left_to_snapshot(logits, alone[chunk], self.context.unremembered)
                parts.append(logits[:, 0].double().softmax(-1))
        return np.asarray(torch.cat(parts).numpy()[stream.frame])

    def described(self, *, ahead: bool = False) -> str:
        return f"{self.config.memory}(hidden={self.config.hidden}, ahead={ahead})"


def memory_events(probabilities: NDArray[Any]) -> NDArray[np.float32]:
    """Input of the memory, from class probabilities.

    Args:
        probabilities: [T, K].

    Returns:
        Scaled log probabilities [T, K].

    Examples:
        >>> memory_events(np.array([[1.0, 0.0]])).tolist()
        [[0.0, -4.0]]
    """
    logs = np.log(probabilities.clip(np.exp(LEAST)))
    return np.asarray(np.maximum(logs, LEAST) / 2, np.float32)


def context_config(classes: Sequence[str], fps: float, memory: str, **options: Any) -> WatcherConfig:
    """Configuration of a context memory over the predictions of a classifier.

    Args:
        classes: K names.
        fps: Frames a second.
        memory: One of `MEMORIES`.
        **options: Other fields of `WatcherConfig`.

    Returns:
        The configuration.

    Raises:
        InputError: An option is out of range, or there is no such memory.
    """
    return WatcherConfig(tuple(classes), fps, embedding=len(classes), memory=memory, **options)
