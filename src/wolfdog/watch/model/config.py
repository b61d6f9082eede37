"""Settings of a watcher."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ...errors import CheckpointError, InputError
from .registry import IN_WORDS, MEMORIES, check_options


@dataclass(frozen=True)
class WatcherConfig:
    """Settings of a watcher: all that builds it except the weights.

    Args:
        classes: the names of the classes, in the order of the probabilities.
        fps: frames a second that it learned at, and watches at.
        size: pixels; a frame is squeezed to [size, size].
        width: channels of the encoder's first block.
        embedding: numbers in an embedding.
        memory: one of `MEMORIES`.
        hidden: units of the memory.
        window: how many past moments the memory holds, where it looks through them; None: as many as usual.
        stride: one moment in so many seconds is held, by a bank; None: as usual.

    Raises InputError for a value that makes no watcher.

    >>> WatcherConfig(classes=("wolf", "dog"), fps=5.0).memory
    'lstm'
    """

    classes: tuple[str, ...]
    fps: float
    size: int = 64
    width: int = 16
    embedding: int = 32
    memory: str = "lstm"
    hidden: int = 32
    window: int | None = None
    stride: float | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise InputError(f"watcher: expected two different classes or more, got {list(self.classes)}")
        if not 0 < self.fps <= 1000:
            raise InputError(f"watcher: fps must lie between 0 and 1000 frames a second, got {self.fps!r}")
        for name, least, most in (
            ("size", 16, 1024),
            ("width", 1, 512),
            ("embedding", 1, 4096),
            ("hidden", 1, 4096),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"watcher: {name} must lie between {least} and {most}, got {value!r}")
        if self.memory not in MEMORIES:
            raise InputError(f"watcher: memory must be one of {IN_WORDS}, or none; got {self.memory!r}")
        check_options(self.memory, self.window, self.stride)

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON and TOML hold them; those that are None are left out."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return {**said, "classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "WatcherConfig":
        """The inverse of `as_dict`, for values from a file: types are checked.

        Raises CheckpointError when a field is missing, unknown or of the wrong type.
        """
        kinds: dict[str, type | tuple[type, ...]] = {
            **dict.fromkeys(("size", "width", "embedding", "hidden"), int),
            "classes": list,
            "fps": (int, float),
            "memory": str,
        }
        options: dict[str, type | tuple[type, ...]] = {"window": int, "stride": (int, float)}
        names = {field.name for field in fields(cls)} - set(options)
        if set(values) - set(options) != names:
            raise CheckpointError(f"watcher: expected the fields {sorted(names)}, got {sorted(values)}")
        for name, kind in (kinds | {name: kind for name, kind in options.items() if name in values}).items():
            if not isinstance(values[name], kind) or isinstance(values[name], bool):
                raise CheckpointError(f"watcher: {name} is {values[name]!r}, not of the expected type")
        if not all(isinstance(name, str) for name in values["classes"]):
            raise CheckpointError(f"watcher: classes must be names, got {values['classes']!r}")
        try:
            return cls(**{**values, "classes": tuple(values["classes"]), "fps": float(values["fps"])})
        except InputError as error:
            raise CheckpointError(str(error)) from error
        except OverflowError as error:
            raise CheckpointError(f"watcher: fps is beyond any number of frames a second: {error}") from error
