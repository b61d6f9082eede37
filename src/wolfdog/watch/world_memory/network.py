"""Recurrent network over the log probabilities of one list of classes."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wolfdog.cells import LSTMCell
from wolfdog.errors import InputError
from wolfdog.layers import Recurrent

from ..smoothing.any_class_features import Clock, lead_of_top
from .look_probabilities import LookProbabilities, first_margin
from .streams import LEAST

UNTRUSTED = 1e6
"""Margin before it is fitted, at which no frame is trusted."""


@dataclass(frozen=True, kw_only=True)
class WorldNetworkConfig:
    """Classes and size of the network.

    Attributes:
        classes: K names, in the order of the probabilities.
        looks: Look of each class; a frame alone does not tell classes of one look apart. Empty: each has its own.
        width: Units of the LSTM, H.
        times: Whether the network reads the seconds between frames.
        bound: By which the context changes a log probability, at most.
    """

    classes: tuple[str, ...]
    looks: tuple[str, ...] = ()
    width: int = 48
    times: bool = True
    bound: float = 2.5

    def __post_init__(self) -> None:
        if self.width < 1 or len(self.classes) < 2:
            raise InputError(
                f"a world's network needs 1 unit and 2 classes or more, got {self.width} and {len(self.classes)}."
            )
        if not self.bound > 0:
            raise InputError(f"the bound of the context must be above 0, got {self.bound}.")
        if self.looks and len(self.looks) != len(self.classes):
            raise InputError(
                f"a world's network needs a look for each of {len(self.classes)} classes, or none, got {self.looks}."
            )

    @property
    def inputs(self) -> int:
        """Numbers that the cell reads of each frame."""
        return 2 * len(self.classes) + 5


class WorldNetwork(nn.Module):
    """LSTM over log probabilities, whose readout adds a bounded context to what a frame shows.

        x_t      = [log p_t / 4, p_t, clock_t, clarity_t - 1/2, known_t]
        h_t, c_t = LSTM(x_t, h_{t-1}, c_{t-1})
        frame_t  = log p_t + V_2 relu(V_1 x_t + a_1) + a_2
        u_t      = W_2 relu(W_1 [h_t, x_t] + b_1) + b_2
        z_t      = frame_t + bound tanh(u_t / bound) + (1 - known_t) prudence * lead_t

    frame_t is calibrated by the frame alone. The context changes the logarithm of the ratio of two probabilities by no
    more than 2 bound. The lead of the classifier's most probable class is 1 - second / first, from its two largest
    probabilities; that of the other classes is 0. known_t is 1 where the clarity is known, else 0.

    In clear frames the classifier is trusted. With P and Z the probabilities of looks and of classes within a look
    that follow from p_t and from z_t, all of them normalised,

        log Q_t(look)         = trust_t log P_t(look) + (1 - trust_t) log Z_t(look)
        log Q_t(class | look) = trust_t log P_t(class | look) + (1 - trust_t) log Z_t(class | look)
        trust_t               = clarity_t min(1, margin_t / margin)

    margin_t is the logarithm of first / second: of the two most probable looks, and of those classes within a look.
    `margin` has a number for each look and class that comes first: the margin from which the classifier is reliable.
    Where the clarity is unknown, trust_t is 0, and prudence holds on to the classifier's label. The result is divided
    by one temperature, and normalised. Prudence (a number for each class), margins and temperature are fitted after
    training.

    The clock is that of the any-class memory: the logarithm of the seconds since the frame before, its difference
    from the stream's mean, and whether the time is known.

    Args:
        config: Classes and size.
        cell: In place of the LSTM, for comparisons: a cell that reads `config.inputs` numbers and has `config.width`
            outputs.
    """

    temperature: Tensor
    prudence: Tensor
    look_margin: Tensor
    class_margin: Tensor
    looks: Tensor

    def __init__(self, config: WorldNetworkConfig, cell: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        classes = len(config.classes)
        self.memory = Recurrent(LSTMCell(config.inputs, config.width) if cell is None else cell)
        self.hidden = nn.Linear(config.width + config.inputs, 64)
        self.out = nn.Linear(64, classes)
        self.frame_hidden = nn.Linear(config.inputs, 32)
        self.frame_out = nn.Linear(32, classes)
        for layer in (self.out, self.frame_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        looks = config.looks or config.classes
        names = list(dict.fromkeys(looks))
        of_class = torch.tensor([names.index(look) for look in looks])
        one_hot = nn.functional.one_hot(of_class, len(names)).float()
        self.register_buffer("looks", one_hot, persistent=False)  # [K, looks]
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("prudence", torch.zeros(classes))
        self.register_buffer("look_margin", torch.full((len(names),), UNTRUSTED))
        self.register_buffer("class_margin", torch.full((classes,), UNTRUSTED))

    def forward(
        self, log_p: Tensor, clock: Tensor, state: Any = None, *, clarity: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Corrected log probabilities, and the state after them.

        Args:
            log_p: Log probabilities of the classifier [T, N, K].
            clock: Result of `Clock.features` [T, N, 3].
            state: State after the frames before; None at the beginning.
            clarity: Clarity of the frames [T, N], NaN where unknown; None if it is unknown of all.

        Returns:
            Log probabilities [T, N, K] and the state.
        """
        x = self.inputs(log_p, clock, clarity)
        h, after = self.memory(x, state)
        return self.read(log_p, x, h, clarity), after

    def inputs(self, log_p: Tensor, clock: Tensor, clarity: Tensor | None = None) -> Tensor:
        """Inputs of the LSTM [..., 2 K + 5]."""
        clear = log_p.new_full(log_p.shape[:-1], torch.nan) if clarity is None else clarity.to(log_p.dtype)
        seen = torch.stack(((clear - 0.5).nan_to_num(0.0), (~clear.isnan()).to(log_p.dtype)), -1)
        return torch.cat((log_p.clamp(min=LEAST) / 4, log_p.exp(), clock, seen), -1)

    def read(self, log_p: Tensor, x: Tensor, h: Tensor, clarity: Tensor | None = None) -> Tensor:
        """Corrected log probabilities [..., K], from those of the classifier, inputs, states and clarity [...]."""
        seen = log_p.clamp(min=LEAST)
        clear = torch.full_like(log_p[..., 0], torch.nan) if clarity is None else clarity.to(log_p.dtype)
        unknown = clear.isnan().to(log_p.dtype).unsqueeze(-1)
        bound = self.config.bound
        context = self.out(torch.relu(self.hidden(torch.cat((h, x), -1))))
        z: Tensor = seen + self.frame_out(torch.relu(self.frame_hidden(x)))
        z = z + bound * torch.tanh(context / bound) + unknown * self.prudence * lead_of_top(log_p)
        if clarity is not None:
            z = self._trusting(seen, z, clear.nan_to_num(0.0))
        return (z / self.temperature).log_softmax(-1)

    def _trusting(self, log_p: Tensor, z: Tensor, clarity: Tensor) -> Tensor:
        """Log probabilities [..., K] between those of the classifier and `z`, by the clarity [...] and the margins."""
        p, q = LookProbabilities.of(log_p, self.looks), LookProbabilities.of(z, self.looks)
        margin, top = first_margin(p.looks)
        trust = (clarity * (margin / self.look_margin[top]).clamp(max=1)).unsqueeze(-1)
        looks = trust * p.looks + (1 - trust) * q.looks
        margin, top = p.margins_within(self.looks)
        trust = (clarity.unsqueeze(-1) * (margin / self.class_margin[top]).clamp(max=1)) @ self.looks.T
        within = LookProbabilities.of(trust * p.within + (1 - trust) * q.within, self.looks).within
        return looks @ self.looks.T + within

    def clock(self, seconds: Tensor, clock: Clock | None = None) -> Tensor:
        """Features [T, N, 3] of the seconds [T, N] since the frame before; a running `clock` goes on."""
        return (Clock() if clock is None else clock).features(seconds, use=self.config.times)
