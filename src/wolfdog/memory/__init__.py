"""Content-addressed memory: attention over past events, memory networks, memory banks, neural Turing machine, LSTMN."""

from .attention.additive import AdditiveAttention as AdditiveAttention
from .attention.attending import Attending as Attending
from .attention.attention import Attention as Attention
from .attention.forgetting import Forgetting as Forgetting
from .attention.luong import Concat as Concat
from .attention.luong import Dot as Dot
from .attention.luong import General as General
from .attention.luong import Global as Global
from .attention.luong import LocalP as LocalP
from .attention.luong import LuongAttention as LuongAttention
from .attention.multi_head import MultiHeadAttention as MultiHeadAttention
from .attention.past import Past as Past
from .attention.positions import RelativeTime as RelativeTime
from .attention.positions import Rotary as Rotary
from .attention.positions import Sinusoidal as Sinusoidal
from .attention.weighting import stick_breaking as stick_breaking
from .bank.bank import MemoryBank as MemoryBank
from .bank.eviction import LeastUsed as LeastUsed
from .bank.eviction import Novel as Novel
from .bank.eviction import Recent as Recent
from .bank.eviction import Reservoir as Reservoir
from .bank.eviction import Strided as Strided
from .bank.reader import BankReader as BankReader
from .lstmn import LSTMNCell as LSTMNCell
from .lstmn import Tape as Tape
from .networks.entry_hops import EntryHops as EntryHops
from .networks.hops import Hops as Hops
from .networks.key_value_network import KeyValueMemoryNetwork as KeyValueMemoryNetwork
from .networks.memory_network import MemoryNetwork as MemoryNetwork
from .networks.sentences import BagOfWords as BagOfWords
from .networks.sentences import PositionEncoding as PositionEncoding
from .networks.sentences import TemporalEncoding as TemporalEncoding
from .networks.tying import Adjacent as Adjacent
from .networks.tying import KeyValue as KeyValue
from .networks.tying import LayerWise as LayerWise
from .ntm.feedforward import Feedforward as Feedforward
from .ntm.ntm import NTMCell as NTMCell
from .ntm.ntm import NTMState as NTMState

__all__ = [
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
    "Forgetting",
    "General",
    "Global",
    "Hops",
    "KeyValue",
    "KeyValueMemoryNetwork",
    "LSTMNCell",
    "LayerWise",
    "LeastUsed",
    "LocalP",
    "LuongAttention",
    "MemoryBank",
    "MemoryNetwork",
    "MultiHeadAttention",
    "NTMCell",
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
    "stick_breaking",
]
