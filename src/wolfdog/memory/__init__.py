"""Memory that is searched: attention over what was seen before, banks of it, and a memory read and written by heads."""

from .additive import AdditiveAttention as AdditiveAttention
from .attending import Attending as Attending
from .attention import Attention as Attention
from .bank import MemoryBank as MemoryBank
from .bank_reader import BankReader as BankReader
from .feedforward import Feedforward as Feedforward
from .keeping import LeastUsed as LeastUsed
from .keeping import Novel as Novel
from .keeping import Recent as Recent
from .keeping import Reservoir as Reservoir
from .keeping import Strided as Strided
from .lstmn import LSTMN as LSTMN
from .lstmn import Tape as Tape
from .luong import Concat as Concat
from .luong import Dot as Dot
from .luong import General as General
from .luong import Global as Global
from .luong import LocalP as LocalP
from .luong import LuongAttention as LuongAttention
from .multi_head import MultiHeadAttention as MultiHeadAttention
from .ntm import NTM as NTM
from .ntm import NTMState as NTMState
from .past import Past as Past
from .positions import RelativeTime as RelativeTime
from .positions import Rotary as Rotary
from .positions import Sinusoidal as Sinusoidal

__all__ = [
    "LSTMN",
    "NTM",
    "AdditiveAttention",
    "Attending",
    "Attention",
    "BankReader",
    "Concat",
    "Dot",
    "Feedforward",
    "General",
    "Global",
    "LeastUsed",
    "LocalP",
    "LuongAttention",
    "MemoryBank",
    "MultiHeadAttention",
    "NTMState",
    "Novel",
    "Past",
    "Recent",
    "RelativeTime",
    "Reservoir",
    "Rotary",
    "Sinusoidal",
    "Strided",
    "Tape",
]
