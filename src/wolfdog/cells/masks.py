"""Masks of recurrent dropout inside a cell."""

from torch import Tensor, nn


class Masked(nn.Module):
    """Base class of cells with recurrent dropout masks: the same features are dropped at every step of a sequence.

    Attributes:
        state_mask: Factors [B, H] of the short-term memory where a matrix reads it, not where a gate carries it over;
            None for no dropout.
        candidate_mask: Factors [B, H] of the candidate values before the input gate; None for no dropout.
    """

    state_mask: Tensor | None = None
    candidate_mask: Tensor | None = None

    def recalled(self, stm: Tensor) -> Tensor:
        """The short-term memory as the recurrent matrices read it."""
        return stm if self.state_mask is None else stm * self.state_mask

    def learned(self, candidate: Tensor) -> Tensor:
        """Candidate values as the input gate reads them."""
        return candidate if self.candidate_mask is None else candidate * self.candidate_mask
