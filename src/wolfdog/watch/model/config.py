"""Settings of a watcher."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ...errors import CheckpointError, InputError
from ...text_files.class_names import check_class_names
from .registry import DEFAULT_MEMORY, IN_WORDS, MEMORIES, check_options

_MOST_ACTIVATIONS = 512 * 512 * 16
"""Bound on size * size * width, which the memory of the encoder's first block grows with."""


@dataclass(frozen=True)
class WatcherConfig:
    """Settings of a watcher: everything that defines it except the weights.

    Args:
        classes: Names of the classes, in the order of the probabilities.
        fps: Frames a second in training and in use.
        size: Pixels; a frame is scaled to [size, size].
        width: Channels of the encoder's first block.
        embedding: Size of an embedding.
        memory: One of `MEMORIES`.
        hidden: Units of the memory.
        window: Number of past moments that an attention memory holds; None: the memory's default.
        stride: Seconds between two moments that a bank holds; None: the default.
        unremembered: Classes that the memory was not trained on; their context probability is the snapshot's.

    Raises:
        InputError: A value is out of range, or there is no such memory.

    Examples:
        >>> WatcherConfig(classes=("wolf", "dog"), fps=5.0).memory
        'gru'
    """

    classes: tuple[str, ...]
    fps: float
    size: int = field(default=64, kw_only=True)
    width: int = field(default=16, kw_only=True)
    embedding: int = field(default=32, kw_only=True)
    memory: str = field(default=DEFAULT_MEMORY, kw_only=True)
    hidden: int = field(default=32, kw_only=True)
    window: int | None = field(default=None, kw_only=True)
    stride: float | None = field(default=None, kw_only=True)
    unremembered: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise InputError(f"watcher: expected two different classes or more, got {list(self.classes)}")
        check_class_names(self.classes, "watcher")
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
        if self.size**2 * self.width > _MOST_ACTIVATIONS:
            raise InputError(
                f"watcher: size {self.size} and width {self.width} are too large together: size * size * width must be "
                f"at most {_MOST_ACTIVATIONS:,}, or its pictures take gigabytes of memory"
            )
        if self.memory not in MEMORIES:
            raise InputError(f"watcher: memory must be one of {IN_WORDS}, or none; got {self.memory!r}")
        strange = sorted(set(self.unremembered) - set(self.classes))
        if strange:
            raise InputError(f"watcher: unremembered must be some of its classes, got {strange[0]!r}")
        check_options(self.memory, self.window, self.stride)

    def as_dict(self) -> dict[str, Any]:
        """Fields as JSON and TOML hold them; those that are None are left out."""
        said = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "WatcherConfig":
        """Configuration from values of a file, with their types checked; the inverse of `as_dict`.

        Args:
            values: Fields by name.

        Returns:
            The configuration.

        Raises:
            CheckpointError: A field is missing, unknown, of the wrong type or out of range.
        """
        kinds: dict[str, type | tuple[type, ...]] = {
            **dict.fromkeys(("size", "width", "embedding", "hidden"), int),
            "classes": list,
            "fps": (int, float),
            "memory": str,
        }
        options: dict[str, type | tuple[type, ...]] = {
            "window": int,
            "stride": (int, float),
            "unremembered": list,
        }
        names = {field.name for field in fields(cls)} - set(options)
        if set(values) - set(options) != names:
            raise CheckpointError(f"watcher: expected the fields {sorted(names)}, got {sorted(values)}")
        for name, kind in (kinds | {name: kind for name, kind in options.items() if name in values}).items():
            if not isinstance(values[name], kind) or isinstance(values[name], bool):
                raise CheckpointError(f"watcher: {name} is {values[name]!r}, not of the expected type")
        lists = {name: value for name, value in values.items() if isinstance(value, list)}
        for name, value in lists.items():
            if not all(isinstance(one, str) for one in value):
                raise CheckpointError(f"watcher: {name} must be names, got {value!r}")
        try:
            tuples = {name: tuple(value) for name, value in lists.items()}
            return cls(**{**values, **tuples, "fps": float(values["fps"])})
        except InputError as error:
            raise CheckpointError(str(error)) from error
        except OverflowError as error:
            raise CheckpointError(f"watcher: fps is beyond any number of frames a second: {error}") from error
