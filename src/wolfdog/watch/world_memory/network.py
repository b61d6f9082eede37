"""Recurrent network over the log probabilities of one list of classes."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wolfdog.cells import LSTMCell
from wolfdog.errors import InputError
from wolfdog.layers import Recurrent

from ..smoothing.any_class_features import Clock, lead_of_top
from .streams import LEAST


@dataclass(frozen=True, kw_only=True)
class WorldNetworkConfig:
    """Classes and size of the network.

    Attributes:
        classes: K names, in the order of the probabilities.
        looks: Look of each class; a frame alone does not tell classes of one look apart. Empty: each has its own.
        width: Units of the LSTM, H.
        times: Whether the network reads the seconds between frames.
    """

    classes: tuple[str, ...]
    looks: tuple[str, ...] = ()
    width: int = 48
    times: bool = True

    def __post_init__(self) -> None:
        if self.width < 1 or len(self.classes) < 2:
            raise InputError(
                f"a world's network needs 1 unit and 2 classes or more, got {self.width} and {len(self.classes)}."
            )
        if self.looks and len(self.looks) != len(self.classes):
            raise InputError(
                f"a world's network needs a look for each of {len(self.classes)} classes, or none, got {self.looks}."
            )

    @property
    def inputs(self) -> int:
        """Numbers that the cell reads of each frame."""
        return 2 * len(self.classes) + 5


class WorldNetwork(nn.Module):
    """LSTM over log probabilities whose readout corrects them.

        x_t      = [log p_t / 4, p_t, clock_t, clarity_t - 1/2, known_t]
        h_t, c_t = LSTM(x_t, h_{t-1}, c_{t-1})
        z_t      = log p_t + W_2 relu(W_1 [h_t, x_t] + b_1) + b_2
        log q_t  = log_softmax((z_t + prudence * lead_t + clear_prudence * clarity_t * look_lead_t) / temperature)

    The lead of the classifier's most probable class is 1 - second / first, from its two largest probabilities; that of
    the other classes is 0. The lead of a look is the same of the sums over the classes of each look. In a clear frame
    clear_prudence holds on to the look that the classifier is sure of, and the memory still decides between the classes
    of that look. Where the clarity is unknown, both numbers of it are 0, and the frame counts as unclear. Prudence (a
    number for each class), clear_prudence and the temperature are fitted after training.

    The clock is that of the any-class memory: the logarithm of the seconds since the frame before, its difference
    from the stream's mean, and whether the time is known.

    Args:
        config: Classes and size.
        cell: In place of the LSTM, for comparisons: a cell that reads `config.inputs` numbers and has `config.width`
            outputs.
    """

    temperature: Tensor
    prudence: Tensor
    clear_prudence: Tensor
    looks: Tensor

    def __init__(self, config: WorldNetworkConfig, cell: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.memory = Recurrent(LSTMCell(config.inputs, config.width) if cell is None else cell)
        self.hidden = nn.Linear(config.width + config.inputs, 64)
        self.out = nn.Linear(64, len(config.classes))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("prudence", torch.zeros(len(config.classes)))
        self.register_buffer("clear_prudence", torch.zeros(()))
        looks = config.looks or config.classes
        names = list(dict.fromkeys(looks))
        of_class = torch.tensor([names.index(look) for look in looks])
        one_hot = nn.functional.one_hot(of_class, len(names)).float()
        self.register_buffer("looks", one_hot, persistent=False)  # [K, looks]

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
        correction = self.out(torch.relu(self.hidden(torch.cat((h, x), -1))))
        log_q: Tensor = log_p.clamp(min=LEAST) + correction + self.prudence * lead_of_top(log_p)
        if clarity is not None:
            clear = clarity.to(log_p.dtype).nan_to_num(0.0).unsqueeze(-1)
            log_q = log_q + self.clear_prudence * clear * self.look_lead(log_p)
        return (log_q / self.temperature).log_softmax(-1)

    def look_lead(self, log_p: Tensor) -> Tensor:
        """For each class the lead of its look [..., K]; 0 where another look is more probable."""
        return lead_of_top((log_p.exp() @ self.looks).log()) @ self.looks.T

    def clock(self, seconds: Tensor, clock: Clock | None = None) -> Tensor:
        """Features [T, N, 3] of the seconds [T, N] since the frame before; a running `clock` goes on."""
        return (Clock() if clock is None else clock).features(seconds, use=self.config.times)
