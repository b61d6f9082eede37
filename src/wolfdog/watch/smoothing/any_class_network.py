"""Recurrent network over class probabilities in which every class has a state and all classes share the weights."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from wolfdog.errors import InputError
from wolfdog.layers import Recurrent

from .any_class_features import LEAST, lead_of_top

Pooling = Literal["mean", "weighted", "attention"]

FEATURES = 12
"""Numbers that the network reads of each class."""


@dataclass(frozen=True, kw_only=True)
class AnyClassConfig:
    """Size and form of the network.

    Attributes:
        width: H, the units of each class's state.
        pooling: The summary of all classes that each class reads: "mean", the mean of their states;
            "weighted", the mean and the mean weighted by the classifier's probabilities; "attention", the mean
            and a mean weighted by a softmax of learned scores.
        times: Whether the network reads the seconds between frames.
        separate: Whether the form that looks ahead has a forward cell of its own, which is trained with it.
    """

    width: int = 40
    pooling: Pooling = "attention"
    times: bool = True
    separate: bool = False

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InputError(f"width must be at least 1, got {self.width}.")
        if self.pooling not in ("mean", "weighted", "attention"):
            raise InputError(f"pooling must be 'mean', 'weighted' or 'attention', got {self.pooling!r}.")


class ClassCell(nn.Module):
    """Gated recurrent unit with one state for each class, and a summary of all classes.

        m = pool_k h[k],  e = mean_k x[k]
        r = σ(W_r x + V_r e + U_r h + P_r m)
        z = σ(W_z x + V_z e + U_z h + P_z m)
        n = tanh(W_n x + V_n e + r * (U_n h + P_n m))
        h' = (1 - z) * n + z * h

    x is [B, K, features], h is [B, K, H]; the weights are those of all classes, so that K may be any number.
    """

    def __init__(self, features: int, width: int, pooling: Pooling) -> None:
        super().__init__()
        self.width, self.pooling = width, pooling
        self.x = nn.Linear(features, 3 * width)
        self.x_mean = nn.Linear(features, 3 * width, bias=False)
        self.h = nn.Linear(width, 3 * width)
        self.h_mean = nn.Linear(width, 3 * width, bias=False)
        if pooling != "mean":
            self.h_pool = nn.Linear(width, 3 * width, bias=False)
        if pooling == "attention":
            self.score = nn.Linear(width, 1)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        from_x = self.x(x) + self.x_mean(x.mean(1, keepdim=True))
        from_h = self.h(h) + self.h_mean(h.mean(1, keepdim=True))
        if self.pooling == "weighted":
            from_h = from_h + self.h_pool((h * x[:, :, 1:2]).sum(1, keepdim=True))
        elif self.pooling == "attention":
            weight = (self.score(h) + x[:, :, 0:1]).softmax(1)
            from_h = from_h + self.h_pool((h * weight).sum(1, keepdim=True))
        x_r, x_z, x_n = from_x.chunk(3, -1)
        h_r, h_z, h_n = from_h.chunk(3, -1)
        z = torch.sigmoid(x_z + h_z)
        after: Tensor = (1 - z) * torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n) + z * h
        return after


class Readout(nn.Module):
    """Correction of each class's log probability from its states, its features, and the summaries of all classes.

    Besides, one number for each row: by how much the classifier's log probabilities are multiplied.
    """

    def __init__(self, features: int, states: int, width: int) -> None:
        super().__init__()
        self.own = nn.Linear(states + features, width)
        self.mean = nn.Linear(states + features, width, bias=False)
        self.weighted = nn.Linear(states, width, bias=False)
        self.out = nn.Linear(width, 1)
        self.scale = nn.Linear(width, 1)
        for parameter in (*self.out.parameters(), *self.scale.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Corrections [..., K] and weights [..., 1] from states [..., K, states] and features [..., K, features]."""
        both = torch.cat((y, x), -1)
        weighted = (y * x[..., 1:2]).sum(-2, keepdim=True)
        u = torch.relu(self.own(both) + self.mean(both.mean(-2, keepdim=True)) + self.weighted(weighted))
        scale = self.scale((u * x[..., 1:2]).sum(-2)).clamp(-2, 2)
        return self.out(u).squeeze(-1), scale.exp()


class AnyClassNetwork(nn.Module):
    """Memory of a classifier's probabilities, for any number of classes in any order.

    The forward cell runs through a stream; the backward cell runs through it from its end, for the form that
    looks ahead, which may have a forward cell of its own. What is read off the states is a correction of the
    classifier's log probabilities:

        log q = log_softmax((weight * log p + correction + prudence * lead) / temperature)

    The lead of the classifier's most probable class is 1 - second / first, from its two largest probabilities; that of
    the other classes is 0. Prudence and temperature are numbers, one of each for each form, that are fitted after
    training: prudence holds on to the classifier's own label where it is sure, and the temperature calibrates.
    """

    temperature: Tensor
    prudence: Tensor

    def __init__(self, config: AnyClassConfig | None = None) -> None:
        super().__init__()
        config = AnyClassConfig() if config is None else config
        self.config = config
        self.forwards = Recurrent(ClassCell(FEATURES, config.width, config.pooling), returns="state")
        if config.separate:
            self.forwards_ahead = Recurrent(
                ClassCell(FEATURES, config.width, config.pooling), returns="state"
            )
        self.backwards = Recurrent(ClassCell(FEATURES, config.width, config.pooling), returns="state")
        self.causal = Readout(FEATURES, config.width, config.width)
        self.ahead = Readout(FEATURES, 2 * config.width, config.width)
        self.register_buffer("temperature", torch.ones(2))
        self.register_buffer("prudence", torch.zeros(2))

    def causal_parameters(self) -> list[nn.Parameter]:
        """Parameters of the causal form."""
        return [*self.forwards.parameters(), *self.causal.parameters()]

    def ahead_parameters(self) -> list[nn.Parameter]:
        """Parameters of the form that looks ahead; a forward cell that it shares with the causal form is none."""
        own = self.forwards_ahead.parameters() if self.config.separate else ()
        return [*own, *self.backwards.parameters(), *self.ahead.parameters()]

    @torch.no_grad()
    def start_looking_ahead(self) -> None:
        """Set the cells and the readout of the form that looks ahead to those of the causal form."""
        self.backwards.load_state_dict(self.forwards.state_dict())
        if self.config.separate:
            self.forwards_ahead.load_state_dict(self.forwards.state_dict())
        H = self.config.width
        for name, target in self.ahead.named_parameters():
            source = self.causal.get_parameter(name)
            if target.shape == source.shape:
                target.copy_(source)
            else:  # columns: forward states, backward states, features
                target.zero_()
                target[:, :H] = source[:, :H]
                target[:, 2 * H :] = source[:, H:]

    def forward_cell(self, ahead: bool) -> Recurrent:
        """Layer that runs through a stream from its start, in the causal form or in the one that looks ahead."""
        return self.forwards_ahead if ahead and self.config.separate else self.forwards

    def states(self, x: Tensor, state: Tensor | None = None, *, ahead: bool = False) -> tuple[Tensor, Tensor]:
        """States [T, B, K, H] after each frame of features [T, B, K, F], and the last of them.

        `ahead` selects the forward cell of the form that looks ahead.
        """
        if state is None:
            state = x.new_zeros(*x.shape[1:3], self.config.width)
        y, last = self.forward_cell(ahead)(x, state)
        assert isinstance(last, Tensor)
        return y, last

    @torch.no_grad()
    def separated(self) -> "AnyClassNetwork":
        """Copy in which the form that looks ahead has a forward cell of its own, with the same results."""
        made = AnyClassNetwork(replace(self.config, separate=True))
        states = self.forward_cell(True).state_dict()
        own = {f"forwards_ahead.{name}": value for name, value in states.items()}
        made.load_state_dict(self.state_dict() | own)
        return made

    def states_ahead(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """States [T, B, K, H] of the backward cell, which comes from the end, and the first of them.

        The features hold the seconds to the frame that follows. `state` is the one after the last frame.
        """
        if state is None:
            state = x.new_zeros(*x.shape[1:3], self.config.width)
        y, last = self.backwards(x.flip(0), state)
        assert isinstance(last, Tensor)
        return y.flip(0), last

    def read(
        self, log_p: Tensor, y: Tensor, x: Tensor, *, ahead: bool = False, prudence: float = 0.0
    ) -> Tensor:
        """Log probabilities [..., K] from the classifier's, the states and the features of rows.

        `prudence` is added to the network's own.
        """
        correction, weight = (self.ahead if ahead else self.causal)(y, x)
        form = 1 if ahead else 0
        held = (self.prudence[form] + prudence) * lead_of_top(log_p)
        logits = weight * log_p.clamp(min=LEAST) + correction + held
        result: Tensor = (logits / self.temperature[form]).log_softmax(-1)
        return result
