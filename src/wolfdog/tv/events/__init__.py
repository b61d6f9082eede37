"""Event worlds: independent hidden facts, the events that inform about them, and their exact ideal observer."""

from .automaton import Automaton as Automaton
from .confusions import Confusions as Confusions
from .facts import AtLeast as AtLeast
from .facts import Fact as Fact
from .facts import HiddenPair as HiddenPair
from .facts import LastCue as LastCue
from .facts import Parity as Parity
from .facts import Within as Within
from .files import EVENT_WORLDS as EVENT_WORLDS
from .files import load_event_world as load_event_world
from .files import save_event_world as save_event_world
from .observer import EventObserver as EventObserver
from .sampler import EventProgramme as EventProgramme
from .sampler import EventSampler as EventSampler
from .world import EventWorld as EventWorld
