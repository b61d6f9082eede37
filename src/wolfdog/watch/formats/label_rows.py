"""Label of a file, frame or detection; and the search of a file's name among others."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class LabelRow:
    """Label of a file, of a frame in it, or of a detection.

    Attributes:
        media: Path of the video or image.
        label: Its label.
        frame: Number of the frame; None for all frames.
        detection: Number of the detection; None for all.
        deployment: Where the label holds; None for every deployment.
    """

    media: str
    label: str
    frame: int | None = None
    detection: int | None = None
    deployment: str | None = None


class MediaNames:
    """Search of a file among the names of another list, whose folders may begin elsewhere.

    Examples:
        >>> names = MediaNames(["card/a/1.jpg", "card/b/1.jpg", "card/a/2.jpg"])
        >>> names.find("/home/me/card/a/1.jpg"), names.find("2.jpg"), names.find("1.jpg")
        ('card/a/1.jpg', 'card/a/2.jpg', None)
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = {_plain(name): name for name in names}
        self._by_end: dict[str, list[str]] = {}
        for plain in self._exact:
            self._by_end.setdefault(plain.rpartition("/")[2], []).append(plain)

    def find(self, name: str) -> str | None:
        """Name in the list of the same file; None where there is none, or more than one."""
        wanted = _plain(name)
        if wanted in self._exact:
            return self._exact[wanted]
        near = [
            plain
            for plain in self._by_end.get(wanted.rpartition("/")[2], ())
            if wanted.endswith(f"/{plain}") or plain.endswith(f"/{wanted}")
        ]
        return self._exact[near[0]] if len(near) == 1 else None


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")
