"""Memory that is searched: attention over what was seen before, memory networks, banks, and a memory read and
written by heads."""

from .additive import AdditiveAttention as AdditiveAttention
from .attending import Attending as Attending
from .attention import Attention as Attention
from .bank import MemoryBank as MemoryBank
from .bank_reader import BankReader as BankReader
from .entry_hops import EntryHops as EntryHops
from .feedforward import Feedforward as Feedforward
from .hops import Hops as Hops
from .keeping import LeastUsed as LeastUsed
from .keeping import Novel as Novel
from .keeping import Recent as Recent
from .keeping import Reservoir as Reservoir
from .keeping import Strided as Strided
from .key_value_network import KeyValueMemoryNetwork as KeyValueMemoryNetwork
from .lstmn import LSTMN as LSTMN
from .lstmn import Tape as Tape
from .luong import Concat as Concat
from .luong import Dot as Dot
from .luong import General as General
from .luong import Global as Global
from .luong import LocalP as LocalP
from .luong import LuongAttention as LuongAttention
from .memory_network import MemoryNetwork as MemoryNetwork
from .multi_head import MultiHeadAttention as MultiHeadAttention
from .ntm import NTM as NTM
from .ntm import NTMState as NTMState
from .past import Past as Past
from .positions import RelativeTime as RelativeTime
from .positions import Rotary as Rotary
from .positions import Sinusoidal as Sinusoidal
from .sentences import BagOfWords as BagOfWords
from .sentences import PositionEncoding as PositionEncoding
from .sentences import TemporalEncoding as TemporalEncoding
from .tying import Adjacent as Adjacent
from .tying import KeyValue as KeyValue
from .tying import LayerWise as LayerWise

__all__ = [
    "LSTMN",
    "NTM",
    "AdditiveAttention",
    "Adjacent",
    "Attending",
    "Attention",
    "BagOfWords",
    "BankReader",
    "Concat",
    "Dot",
    "EntryHops",
    "Feedforward",
    "General",
    "Global",
    "Hops",
    "KeyValue",
    "KeyValueMemoryNetwork",
    "LayerWise",
    "LeastUsed",
    "LocalP",
    "LuongAttention",
    "MemoryBank",
    "MemoryNetwork",
    "MultiHeadAttention",
    "NTMState",
    "Novel",
    "Past",
    "PositionEncoding",
    "Recent",
    "RelativeTime",
    "Reservoir",
    "Rotary",
    "Sinusoidal",
    "Strided",
    "Tape",
    "TemporalEncoding",
]
