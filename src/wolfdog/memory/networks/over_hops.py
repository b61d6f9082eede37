"""What the networks that read by `Hops` have in common."""

from .hops import Hops, Spread


class OverHops(Spread):
    """A network with one `Hops` among its parts."""

    @property
    def linear(self) -> bool:
        """Whether the softmaxes over entries are left out, as `Hops` has it."""
        return self._reading().linear

    @linear.setter
    def linear(self, value: bool) -> None:
        self._reading().linear = value

    def _reading(self) -> Hops:
        (hops,) = (part for part in self.children() if isinstance(part, Hops))
        return hops
