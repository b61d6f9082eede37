"""Damage of a video: lost stretches, and the message that describes them."""

from dataclasses import dataclass, field

NAMED = 3
"""Stretches of damage that a message names."""


@dataclass
class Damage:
    """Faults found while a video is read.

    Args:
        spans: Start and end of each stretch of damaged pictures, in seconds.
        lost: Number of packets that could not be decoded.
        lost_from: Time of the first of them, in seconds.
        unreadable: Whether the file could not be read to its end.
    """

    spans: list[tuple[float, float]] = field(default_factory=list)
    lost: int = 0
    lost_from: float = 0.0
    unreadable: bool = False

    def packet(self, time: float) -> None:
        """Record a packet that cannot be decoded."""
        if not self.lost:
            self.lost_from = time
        self.lost += 1

    def picture(self, start: float, end: float) -> None:
        """Record a damaged picture; one within a second of the last damage extends it."""
        if self.spans and start - self.spans[-1][1] <= 1.0:
            start = self.spans.pop()[0]
        self.spans.append((start, end))

    def message(self, end: float, announced: float | None) -> str | None:
        """Description of the damage.

        Args:
            end: Time at which the last picture leaves the screen, in seconds.
            announced: Length in the header, if the file stops before it.

        Returns:
            The message; None without damage.
        """
        parts = []
        if announced is not None:
            parts.append(f"breaks off at {end:.2f} s of the {announced:.2f} s that its header announces")
        elif self.unreadable:
            parts.append(f"cannot be read further than {end:.2f} s")
        if self.lost and not (announced is not None and self.lost_from > end - 1.0):
            packets = "packet was" if self.lost == 1 else "packets were"
            parts.append(f"damaged from about {self.lost_from:.2f} s on: {self.lost} {packets} lost")
        if self.spans:
            named = [f"{start:.2f} to {stop:.2f} s" for start, stop in self.spans[:NAMED]]
            more = len(self.spans) - NAMED
            named += [f"{more} more stretch{'es' if more > 1 else ''}"] if more > 0 else []
            parts.append(f"its pictures are damaged from {', '.join(named)}, and these were passed over")
        if not parts:
            return None
        rest = "What could be decoded was watched; copy the file from the camera again for the rest"
        return f"{'; '.join(parts)}. {rest}"
