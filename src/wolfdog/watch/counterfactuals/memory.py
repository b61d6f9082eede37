"""Recurrent memories as functions of frames, for many variants at once and with gradients."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from ..smoothing.any_class import AnyClass
from ..smoothing.any_class_features import Clock, class_features
from ..smoothing.any_class_file import pretrained_network
from ..smoothing.method import Method
from ..world_memory.method import WorldMemory
from ..world_memory.network_file import pretrained_world_network
from ..world_memory.streams import LEAST
from .frames import Frames

_TINY = 1e-30


class FramesMemory(ABC):
    """Recurrent memory as a function of frames: the numbers of its method where each frame has one row."""

    @abstractmethod
    def log_context(self, frames: Frames, *, ahead: bool) -> Tensor:
        """Log context probabilities [T, B, K] of the frames.

        Args:
            frames: B variants of a deployment.
            ahead: Whether later frames are read.
        """

    @abstractmethod
    def gated(self, frames: Frames, frame: int, gates: Tensor, *, ahead: bool) -> Tensor:
        """Log context probabilities [K] of one frame when each frame's step is taken in part.

            h_s = h_{s-1} + g_s (step(x_s, h_{s-1}) - h_{s-1})

        A gate of 1 takes the step whole, a gate of 0 passes the frame by. Differentiable with respect to the gates.

        Args:
            frames: One variant of a deployment.
            frame: The one that is read.
            gates: [T].
            ahead: Whether later frames are read.
        """


class AnyClassFrames(FramesMemory):
    """Any-class memory.

    Args:
        method: The smoothing method.
        blank: Position of the blank class; None where there is none.
        classes: Number of classes.
    """

    def __init__(self, method: AnyClass, *, blank: int | None, classes: int) -> None:
        self._network = pretrained_network() if method.network is None else method.network
        self._blank = torch.zeros(classes)
        if blank is not None:
            self._blank[blank] = 1

    def log_context(self, frames: Frames, *, ahead: bool) -> Tensor:
        use = self._network.config.times
        log_p = frames.p.clamp(min=_TINY).log()
        seconds = frames.seconds
        x = self._features(frames, log_p, Clock().features(seconds, use=use))
        y, _ = self._network.states(x, ahead=ahead)
        if ahead:
            back = torch.cat((seconds[1:], torch.zeros_like(seconds[:1]))).flip(0)
            clock = Clock().features(back, use=use).flip(0)
            later, _ = self._network.states_ahead(self._features(frames, log_p, clock))
            y = torch.cat((y, later), -1)
        return self._network.read(log_p, y, x, ahead=ahead)

    def gated(self, frames: Frames, frame: int, gates: Tensor, *, ahead: bool) -> Tensor:
        network, use = self._network, self._network.config.times
        log_p, seconds = frames.p.clamp(min=_TINY).log(), frames.seconds
        x = self._features(frames, log_p, Clock().features(seconds, use=use))
        zero = x.new_zeros(1, x.shape[2], network.config.width)
        y = _gated(network.forward_cell(ahead).step, x[: frame + 1], zero, gates)
        if ahead:
            back = torch.cat((seconds[1:], torch.zeros_like(seconds[:1]))).flip(0)
            clock = Clock().features(back, use=use).flip(0)
            later = self._features(frames, log_p, clock)[frame:].flip(0)
            y = torch.cat((y, _gated(network.backwards.step, later, zero, gates[frame:].flip(0))), -1)
        return network.read(log_p[frame], y, x[frame], ahead=ahead)[0]

    def _features(self, frames: Frames, log_p: Tensor, clock: Tensor) -> Tensor:
        return class_features(
            log_p,
            frames.top,
            self._blank,
            time=clock,
            spread=frames.spread,
            confidence=frames.confidence,
            rows=frames.rows,
        )


class WorldFrames(FramesMemory):
    """World memory; it has a causal form alone.

    Args:
        method: The smoothing method.
        classes: Names, in the order of the probabilities.
    """

    def __init__(self, method: WorldMemory, *, classes: tuple[str, ...]) -> None:
        self._network = pretrained_world_network() if method.network is None else method.network
        own = self._network.config.classes
        self._order = torch.tensor([classes.index(name) for name in own])
        self._back = torch.argsort(self._order)

    def log_context(self, frames: Frames, *, ahead: bool) -> Tensor:
        log_p = frames.p.clamp(min=_TINY).log()
        own = log_p.clamp(min=LEAST)[..., self._order]
        log_q, _ = self._network(own, self._network.clock(frames.seconds), clarity=frames.clarity)
        context: Tensor = log_q[..., self._back]
        return context

    def gated(self, frames: Frames, frame: int, gates: Tensor, *, ahead: bool) -> Tensor:
        network = self._network
        log_p = frames.p.clamp(min=_TINY).log().clamp(min=LEAST)[..., self._order]
        x = network.inputs(log_p, network.clock(frames.seconds), frames.clarity)
        h: Tensor = x.new_zeros(1, network.config.width)
        state: tuple[Tensor, ...] = (h, h)
        for s in range(frame + 1):
            h, after = network.memory.step(x[s], state)
            state = tuple(old + gates[s] * (new - old) for old, new in zip(state, after, strict=True))
        log_q: Tensor = network.read(log_p[frame], x[frame], state[0], frames.clarity[frame])[0, self._back]
        return log_q


def _gated(step: Any, x: Tensor, state: Tensor, gates: Tensor) -> Tensor:
    """State [1, K, H] after frames x [T, 1, K, F] whose steps are taken in part."""
    for s in range(len(x)):
        after, _ = step(x[s], state)
        state = state + gates[s] * (after - state)
    return state


def frames_memory(method: Method, *, classes: tuple[str, ...], blank: int | None) -> FramesMemory | None:
    """A method as a function of frames; None of methods that are no recurrent memory, or have heads of their own."""
    if type(method) is AnyClass:
        return AnyClassFrames(method, blank=blank, classes=len(classes))
    if type(method) is WorldMemory:
        return WorldFrames(method, classes=classes)
    return None
