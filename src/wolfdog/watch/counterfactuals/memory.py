"""Recurrent memories as functions of frames, for many variants at once and with gradients."""

from abc import ABC, abstractmethod

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
    def log_context(self, frames: Frames, *, ahead: bool, log_p: Tensor | None = None) -> Tensor:
        """Log context probabilities [T, B, K] of the frames.

        Args:
            frames: B variants of a deployment.
            ahead: whether later frames are read.
            log_p: [T, B, K] in place of the logarithms of `frames.p`, for gradients with respect to them.
        """


class AnyClassFrames(FramesMemory):
    """Any-class memory.

    Args:
        method: the smoothing method.
        blank: position of the blank class; None where there is none.
        classes: number of classes.
    """

    def __init__(self, method: AnyClass, *, blank: int | None, classes: int) -> None:
        self._network = pretrained_network() if method.network is None else method.network
        self._blank = torch.zeros(classes)
        if blank is not None:
            self._blank[blank] = 1

    def log_context(self, frames: Frames, *, ahead: bool, log_p: Tensor | None = None) -> Tensor:
        use = self._network.config.times
        log_p = frames.p.clamp(min=_TINY).log() if log_p is None else log_p
        seconds = frames.seconds
        x = self._features(frames, log_p, Clock().features(seconds, use=use))
        y, _ = self._network.states(x)
        if ahead:
            back = torch.cat((seconds[1:], torch.zeros_like(seconds[:1]))).flip(0)
            clock = Clock().features(back, use=use).flip(0)
            later, _ = self._network.states_ahead(self._features(frames, log_p, clock))
            y = torch.cat((y, later), -1)
        return self._network.read(log_p, y, x, ahead=ahead)

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
        method: the smoothing method.
        classes: names, in the order of the probabilities.
    """

    def __init__(self, method: WorldMemory, *, classes: tuple[str, ...]) -> None:
        self._network = pretrained_world_network() if method.network is None else method.network
        own = self._network.config.classes
        self._order = torch.tensor([classes.index(name) for name in own])
        self._back = torch.argsort(self._order)

    def log_context(self, frames: Frames, *, ahead: bool, log_p: Tensor | None = None) -> Tensor:
        log_p = frames.p.clamp(min=_TINY).log() if log_p is None else log_p
        own = log_p.clamp(min=LEAST)[..., self._order]
        log_q, _ = self._network(own, self._network.clock(frames.seconds))
        context: Tensor = log_q[..., self._back]
        return context


def frames_memory(method: Method, *, classes: tuple[str, ...], blank: int | None) -> FramesMemory | None:
    """A method as a function of frames; None of methods that are no recurrent memory, or have heads of their own."""
    if type(method) is AnyClass:
        return AnyClassFrames(method, blank=blank, classes=len(classes))
    if type(method) is WorldMemory:
        return WorldFrames(method, classes=classes)
    return None
