"""Forget gates of attention: bias of the energies by the entries that came in between."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, logsigmoid

from ...cells.cell import positive
from ...cells.initialisation import parameter_factory
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described


class Forgetting(nn.Module):
    """Forget gate of each head, which an entry closes to what is older.

        f_l   = sigmoid(W_f m_l + b_f)
        b_ts  = sum_{l = s + 1}^{last_t} log f_l              added to the energy of query t and entry s

    Softmax alone weighs all entries that are alike equally, old ones too. With this bias an entry can end the influence
    of the entries before it, as an LSTM's forget gate does. The bias is relative: only what lies between an entry and
    the query counts.

    `forgetting(entries, last)` takes entries [B, S, N] in the order of time and, for T queries, the position `last`
    [B, T] of the newest entry that each one sees. It returns the biases [B, heads, T, S], which are zero for later
    entries.

    Source: Lin, Nikishin, He and Courville 2025, "Forgetting transformer: softmax attention with a forget gate".

    Args:
        entry_size: Features of an entry, N.
        heads: Number of heads.
        span: Number of entries over which the open gates of a new module decrease an energy by 1.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, or the span is not above 1.

    Examples:
        >>> forgetting = Forgetting(8, heads=2)
        >>> forgetting(torch.randn(3, 10, 8), torch.tensor([[4, 9]] * 3)).shape
        torch.Size([3, 2, 2, 10])
    """

    def __init__(
        self,
        entry_size: int,
        *,
        heads: int = 1,
        span: float = 1000.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.entry_size, self.heads = positive("entry_size", entry_size), positive("heads", heads)
        if not 1 < span < float("inf"):
            raise InputError(f"Forgetting: span must be a number of entries above 1; got {span!r}")
        self.span = span
        parameter = parameter_factory(device, dtype)
        self.W_f, self.b_f = parameter(heads, entry_size), parameter(heads)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: zero matrix, and biases for which -log f is 1 / span."""
        nn.init.zeros_(self.W_f)
        self.b_f.fill_(1 / self.span).expm1_().log_().neg_()

    def forward(self, entries: Tensor, last: Tensor) -> Tensor:
        """Biases of the energies.

        Args:
            entries: [B, S, N], the oldest first.
            last: Whole numbers [B, T], from 0 to S - 1.

        Returns:
            Biases [B, heads, T, S].

        Raises:
            ShapeError: A shape is wrong.
        """
        if entries.dim() != 3 or entries.shape[2] != self.entry_size or last.dim() != 2:
            raise ShapeError(
                f"Forgetting takes entries [B, S, {self.entry_size}] and positions [B, T]; got {described(entries)} "
                f"and {described(last)}"
            )
        total = (
            logsigmoid(linear(entries, self.W_f, self.b_f)).double().cumsum(1).transpose(1, 2)
        )  # [B, heads, S]
        # Counted back from the newest entry in float64, so that sums over long pasts do not round recent differences.
        kept = (total - total[:, :, -1:]).to(entries.dtype)
        upto = kept.gather(2, last[:, None].expand(-1, self.heads, -1))  # [B, heads, T]
        return (upto[..., None] - kept[:, :, None]).clamp(max=0)

    def extra_repr(self) -> str:
        return f"{self.entry_size}, heads={self.heads}"
