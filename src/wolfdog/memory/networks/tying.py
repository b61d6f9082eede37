"""How the hops of a memory network share what they learn, and how one hop leads to the next."""

from dataclasses import dataclass
from typing import TypeAlias

from ...errors import InputError


@dataclass(frozen=True)
class Adjacent:
    """What a hop reads from is what the next one looks through: A_{k+1} = C_k.

        u_{k+1} = f(u_k + o_k)

    Over words, questions are embedded as the first hop's entries are (B = A_1) and answers as what the last one reads
    (W^T = C_K). Source: Sukhbaatar et al. 2015, section 2.2.

    >>> Adjacent().tables(3), Adjacent().of_hop(2)
    (4, (2, 3))
    """

    def tables(self, hops: int) -> int:
        """How many matrices embed an entry."""
        return hops + 1

    def of_hop(self, hop: int) -> tuple[int, int]:
        """The numbers of the matrices that embed what hop 0, 1, ... looks through, and what it reads."""
        return hop, hop + 1


@dataclass(frozen=True)
class LayerWise:
    """All hops have one A and one C, as a recurrent network has, and a matrix H lies between them.

        u_{k+1} = f(H u_k + o_k)

    Source: Sukhbaatar et al. 2015, section 2.2, "layer-wise (RNN-like)".

    >>> LayerWise().tables(3), LayerWise().of_hop(2)
    (2, (0, 1))
    """

    def tables(self, hops: int) -> int:
        return 2

    def of_hop(self, hop: int) -> tuple[int, int]:
        return 0, 1


@dataclass(frozen=True)
class KeyValue:
    """An entry is a key, which is looked through, and a value, which is read; each hop has a matrix R_k of its own.

        u_{k+1} = f(R_k (u_k + o_k))

    Source: Miller et al. 2016, "Key-value memory networks for directly reading documents", section 3.1.

    >>> KeyValue().tables(3), KeyValue().of_hop(2)
    (2, (0, 1))
    """

    def tables(self, hops: int) -> int:
        return 2

    def of_hop(self, hop: int) -> tuple[int, int]:
        return 0, 1


Tying: TypeAlias = Adjacent | LayerWise | KeyValue


def check_tying(tying: Tying) -> Tying:
    """Raises InputError for anything else."""
    if not isinstance(tying, Tying):
        raise InputError(f"tying must be Adjacent(), LayerWise() or KeyValue(); got {tying!r}")
    return tying
