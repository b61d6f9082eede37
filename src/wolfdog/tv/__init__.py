"""Simulated television: worlds, programmes, pictures, broadcasts, and the ideal observer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..extras import needs_extra
from .chain import Chain as Chain
from .observer import Belief as Belief
from .observer import IdealObserver as IdealObserver
from .programme import Programme as Programme
from .programme import Shot as Shot
from .sampler import Sampler as Sampler
from .schedule import Channel as Channel
from .schedule import Pace as Pace
from .schedule import ShotLength as ShotLength
from .world import World as World
from .world import default_world as default_world
from .world_files import load_world as load_world
from .world_files import save_world as save_world

if TYPE_CHECKING:
    from .broadcasting import Broadcast as Broadcast
    from .broadcasting import broadcast as broadcast
    from .painter import Painter as Painter
    from .photographs import Photographs as Photographs

_WITH_PICTURES = {
    "Broadcast": "broadcasting",
    "broadcast": "broadcasting",
    "Painter": "painter",
    "Photographs": "photographs",
}
"""Names whose modules load PIL: loaded on first use, so that importing wolfdog.tv is cheap."""


def __getattr__(name: str) -> Any:
    if name not in _WITH_PICTURES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_extra("watch", f"wolfdog.tv.{name}"):
        return getattr(import_module(f"{__name__}.{_WITH_PICTURES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WITH_PICTURES})
