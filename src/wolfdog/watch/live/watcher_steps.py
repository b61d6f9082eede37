"""Step labeller of a watcher, whose memory reads its frame classifier's embeddings."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...layers import Recurrent
from ...layers.cell.state import transform
from ..explanation.leave_one_out import log_odds
from ..model.attention_memory import AttentionMemory
from ..model.context_stream import ContextStream
from ..model.memory import RecurrentMemory
from ..model.unremembered import left_to_snapshot
from ..model.watcher import LEAST_WEIGHT, Watcher
from ..moments import Evidence
from ..video.source import small_picture
from .gates import Gates, gates_of
from .pictures import LivePicture, blank_picture
from .step_labeller import Past, Step, StepLabeller


class WatcherSteps(StepLabeller):
    """Labels of one source by a watcher.

    Args:
        watcher: Watcher, which several sources may share.
        name: Its name.
        lock: Held while the network works.
    """

    blank = None

    def __init__(
        self, watcher: Watcher, name: str, *, lock: AbstractContextManager[Any] | None = None
    ) -> None:
        from av.video.reformatter import VideoReformatter

        config = watcher.config
        self.classes, self.fps = config.classes, config.fps
        self.classifier, self.method = name, config.memory
        self._watcher, self._lock = watcher.eval(), lock or Lock()
        self._scaler = VideoReformatter()
        context = watcher.context
        self._stream = None if context is None else ContextStream(context)

    @torch.no_grad()
    def step(self, picture: LivePicture) -> Step:
        """Labels of the next picture; see `StepLabeller`."""
        image = small_picture(picture.picture, self._watcher.config.size, self._scaler)
        time = torch.tensor([[picture.picture.time]], dtype=torch.float64)
        with self._lock:
            embedding, snapshot = self._watcher.frame_classifier(torch.from_numpy(image)[None])
            context, before, found = self._remember(embedding, snapshot, time)
        said = [logits[0].softmax(-1).numpy() for logits in (snapshot, context)]
        # Of a memory that is searched, the layer's state alone: its window of entries is large.
        of_layer = before[0] if before is not None and isinstance(self._memory, AttentionMemory) else before
        inside = None if self._layer is None else (embedding, of_layer)
        return Step(said[0], said[1], evidence=found, inside=inside)

    def warm_up(self) -> None:
        """Compile the network; see `StepLabeller`."""
        for second in range(2):
            self.step(blank_picture(float(second)))
        if self._stream is not None:
            self._stream.reset()

    def _remember(
        self, embedding: Tensor, snapshot: Tensor, time: Tensor
    ) -> tuple[Tensor, Any, tuple[Evidence, ...]]:
        """Context logits [1, K], the state before the moment, and past moments with attention weights."""
        remembering, stream = self._watcher.context, self._stream
        if remembering is None or stream is None:
            return snapshot, None, ()
        before = stream.state
        context, looked = stream.step(embedding, time)
        found: tuple[Evidence, ...] = ()
        if looked is not None:
            pairs = zip(looked.weights[0, 0].tolist(), looked.times[0, 0].tolist(), strict=True)
            found = tuple(Evidence(at, weight) for weight, at in pairs if weight >= LEAST_WEIGHT)
        return left_to_snapshot(context, snapshot, remembering.unremembered), before, found

    @torch.no_grad()
    def losses(self, past: Past, ends: Sequence[int], label: int) -> NDArray[np.float64]:
        """Losses of log odds; see `StepLabeller`. The memory has the state that it had at the first moment."""
        remembering, steps = self._watcher.context, [one for one in past.inside if one is not None]
        if remembering is None or not isinstance(remembering.memory, RecurrentMemory) or not steps:
            return np.zeros(len(ends))
        x = torch.cat([embedding for embedding, _ in steps])  # [T, E]
        shifts = torch.tensor([0, *ends])
        place = (torch.arange(len(x))[:, None] + shifts).clamp(max=len(x) - 1)  # [T, variants]
        state = steps[0][1]
        if state is not None:
            state = transform(lambda part: part.expand(len(shifts), *part.shape[1:]).contiguous(), state)
        y, _ = Recurrent.forward(remembering.memory, x[place], state)
        last = len(x) - 1 - shifts
        logits = remembering.head(y[last, torch.arange(len(shifts))])
        odds = log_odds(logits.log_softmax(-1), label)
        return (odds[0] - odds[1:]).double().numpy()

    def gates(self, inside: Sequence[tuple[Any, Any] | None]) -> Gates | None:
        """Gates of the memory; see `StepLabeller`."""
        layer, steps = self._layer, [one for one in inside if one is not None]
        if layer is None or not steps:
            return None
        return gates_of(layer, [embedding for embedding, _ in steps], steps[0][1])

    @property
    def _memory(self) -> Any:
        return None if self._watcher.context is None else self._watcher.context.memory

    @property
    def _layer(self) -> RecurrentMemory | None:
        """Recurrent layer of the memory whose gates can be shown."""
        memory = self._memory
        if isinstance(memory, AttentionMemory):
            return memory.layer if isinstance(memory.layer, RecurrentMemory) else None
        return memory if isinstance(memory, RecurrentMemory) and memory.reach is None else None
