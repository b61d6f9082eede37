"""Head for one list of classes on top of the any-class memory, for frequent sequences and frequent confusions."""

import torch
from torch import Tensor, nn

from wolfdog.layers import GRU

from .any_class_features import LEAST


class ClassHead(nn.Module):
    """Recurrent network over the probabilities of the classifier, p, and of the any-class memory, m, of K classes.

        x = [log p, log m]
        log q = log_softmax(log m + A x + W GRU(x))

    A and W start at zero, so that the untrained head leaves the memory as it is. The GRU runs over frames; a
    row is read with the state of its frame. The looking-ahead form has a second GRU that comes from the end.

    Args:
        classes: K.
        width: Units of each GRU.
        ahead: Whether it looks ahead.
        dropout: Share of the numbers into and out of the GRUs that are dropped in training.
    """

    def __init__(self, classes: int, *, width: int, ahead: bool, dropout: float) -> None:
        super().__init__()
        self.classes = classes
        self.forwards = GRU(2 * classes, width)
        self.backwards = GRU(2 * classes, width) if ahead else None
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * classes, classes, bias=False)
        self.out = nn.Linear(width * (2 if ahead else 1), classes)
        for parameter in (*self.linear.parameters(), *self.out.parameters()):
            nn.init.zeros_(parameter)

    def states(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """States [T, B, width] (twice as wide looking ahead) after each frame.

        Args:
            x: Inputs [T, B, 2 K].
            lengths: Number of frames of each stream [B]; later ones are not read.

        Returns:
            The states.
        """
        x = self.dropout(x.clamp(min=-8) / 2)
        y, _ = self.forwards(x)
        if self.backwards is None:
            return torch.as_tensor(y)
        order = _turned(x, lengths)
        later, _ = self.backwards(x.gather(0, order.expand(*x.shape[:2], x.shape[2])))
        return torch.cat((y, later.gather(0, order.expand(*later.shape))), -1)

    def read(self, x: Tensor, y: Tensor) -> Tensor:
        """Log probabilities [R, K] of rows.

        Args:
            x: Inputs of the rows [R, 2 K].
            y: States of their frames [R, ...].

        Returns:
            Log probabilities.
        """
        correction: Tensor = self.linear(x) + self.out(self.dropout(y))
        return (x[..., self.classes :] + correction).log_softmax(-1)


def head_input(log_p: Tensor, log_m: Tensor) -> Tensor:
    """[..., 2 K] of the logarithms [..., K] of the classifier's and the memory's probabilities."""
    return torch.cat((log_p.clamp(min=LEAST), log_m.clamp(min=LEAST)), -1)


def _turned(x: Tensor, lengths: Tensor | None) -> Tensor:
    """For each frame, the frame in its place when each stream is reversed within its length [T, B, 1]."""
    t = torch.arange(len(x)).unsqueeze(1)
    ends = torch.full((x.shape[1],), len(x)) if lengths is None else lengths
    return torch.where(t < ends, ends - 1 - t, t).unsqueeze(-1)
