"""Simulated television: worlds, programmes, pictures, broadcasts, and the ideal observer."""

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
