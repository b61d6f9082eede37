"""Masks of recurrent dropout, and where a unit applies them."""

from torch import Tensor, nn


class Masked(nn.Module):
    """A unit that can be told which features to drop, the same in every step; a mask is None where none are dropped.

    state_mask      [B, H], times what the unit's matrices read of the short-term memory; what a gate carries over of
                    it is left whole
    candidate_mask  [B, H], times what the unit would learn, before a gate says how much of it
    """

    state_mask: Tensor | None = None
    candidate_mask: Tensor | None = None

    def recalled(self, stm: Tensor) -> Tensor:
        """What matrices read of the short-term memory."""
        return stm if self.state_mask is None else stm * self.state_mask

    def learned(self, candidate: Tensor) -> Tensor:
        """What there is to be learned."""
        return candidate if self.candidate_mask is None else candidate * self.candidate_mask
