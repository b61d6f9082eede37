"""Estimate of the time that a job still takes, for files of uneven sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .plan import Deployment


@dataclass
class TimeLeft:
    """Estimate from the work that is done: images by their number, videos by their size.

        left = images_left * seconds per image + bytes_left * seconds per byte

    The two rates come from the deployments that are finished, without the first one of each process, which waits for
    packages and caches to be loaded, as long as there are others. Until there is one of a kind, its rate is that of the
    other kind, an image counting as `IMAGE_BYTES` of video. Until any is finished, the rates are those of the
    deployments under way.

    Args:
        workers: Number of processes.

    Examples:
        >>> left = TimeLeft(workers=2)
        >>> left.add([Deployment("a", (), 10, 0), Deployment("b", (), 0, 4_000_000)])
        >>> left.done(Deployment("a", (), 10, 0), 1.0)
        >>> left.seconds()
        2.0
    """

    IMAGE_BYTES = 100_000

    workers: int = 1
    images: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)
    _count: int = field(default=0, init=False)
    _images: tuple[int, float] = field(default=(0, 0.0), init=False)
    _bytes: tuple[int, float] = field(default=(0, 0.0), init=False)
    _running: dict[str, tuple[Deployment, float, float, float]] = field(default_factory=dict, init=False)
    _now: float = field(default=0.0, init=False)

    def add(self, deployments: Sequence[Deployment]) -> None:
        """Add work that is to be done.

        Args:
            deployments: The deployments.
        """
        self.images += sum(one.images for one in deployments)
        self.bytes += sum(one.bytes for one in deployments)

    def running(self, deployment: Deployment, part: float, now: float) -> None:
        """Take a deployment under way into account.

        Args:
            deployment: The deployment.
            part: Part of it that is done, 0 to 1.
            now: Time in seconds, on any clock.
        """
        first = self._running.get(deployment.key, (deployment, part, part, now))
        self._running[deployment.key] = deployment, part, first[2], first[3]
        self._now = now

    def done(self, deployment: Deployment, seconds: float) -> None:
        """Take a finished deployment into account.

        Args:
            deployment: The deployment.
            seconds: Seconds of one process that it took.
        """
        self._running.pop(deployment.key, None)
        self.images -= deployment.images
        self.bytes -= deployment.bytes
        self._count += 1
        if self._count == self.workers + 1:
            self._images, self._bytes = (0, 0.0), (0, 0.0)
        weight = deployment.images * self.IMAGE_BYTES
        whole = weight + deployment.bytes
        if not whole:
            return
        of_images = seconds * weight / whole
        if deployment.images:
            self._images = self._images[0] + deployment.images, self._images[1] + of_images
        if deployment.bytes:
            self._bytes = self._bytes[0] + deployment.bytes, self._bytes[1] + seconds - of_images

    def seconds(self) -> float | None:
        """Seconds that are left; None before anything is known."""
        per_image = self._images[1] / self._images[0] if self._images[0] else None
        per_byte = self._bytes[1] / self._bytes[0] if self._bytes[0] else None
        if per_image is None and per_byte is None:
            per_byte = self._of_running()
        if per_image is None and per_byte is None:
            return None
        if per_image is None:
            per_image = (per_byte or 0.0) * self.IMAGE_BYTES
        if per_byte is None:
            per_byte = per_image / self.IMAGE_BYTES
        begun = [(deployment, part) for deployment, part, _, _ in self._running.values()]
        images = self.images - sum(part * deployment.images for deployment, part in begun)
        size = self.bytes - sum(part * deployment.bytes for deployment, part in begun)
        return (images * per_image + size * per_byte) / max(1, self.workers)

    def _of_running(self) -> float | None:
        """Seconds per byte of the deployments under way."""
        seconds = weight = 0.0
        for deployment, part, first, began in self._running.values():
            seconds += self._now - began
            weight += (part - first) * (deployment.images * self.IMAGE_BYTES + deployment.bytes)
        return seconds / weight if weight > 0 else None
