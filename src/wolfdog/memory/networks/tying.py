"""Weight tying of the hops of a memory network."""

from dataclasses import dataclass
from typing import TypeAlias

from ...errors import InputError


@dataclass(frozen=True)
class Adjacent:
    """Adjacent tying: the output table of a hop is the input table of the next, A_{k+1} = C_k.

        u_{k+1} = f(u_k + o_k)

    Over words, questions share the table of the first hop's entries (B = A_1), and answers that of the last hop's
    outputs (W^T = C_K).

    Source: Sukhbaatar et al. 2015, "End-to-end memory networks", section 2.2.

    Examples:
        >>> Adjacent().tables(3), Adjacent().tables_of_hop(2)
        (4, (2, 3))
    """

    def tables(self, hops: int) -> int:
        """Number of tables that embed an entry."""
        return hops + 1

    def tables_of_hop(self, hop: int) -> tuple[int, int]:
        """Indices of the tables A and C of hop 0, 1, ..."""
        return hop, hop + 1


@dataclass(frozen=True)
class LayerWise:
    """Layer-wise tying, as in a recurrent network: all hops share one A and one C, and a matrix H maps the controller.

        u_{k+1} = f(H u_k + o_k)

    Source: Sukhbaatar et al. 2015, "End-to-end memory networks", section 2.2, "layer-wise (RNN-like)".

    Examples:
        >>> LayerWise().tables(3), LayerWise().tables_of_hop(2)
        (2, (0, 1))
    """

    def tables(self, hops: int) -> int:
        """Number of tables that embed an entry."""
        return 2

    def tables_of_hop(self, hop: int) -> tuple[int, int]:
        """Indices of the tables A and C of hop 0, 1, ..."""
        return 0, 1


@dataclass(frozen=True)
class KeyValue:
    """Key-value tying: one table for keys, one for values, and a matrix R_k for each hop.

        u_{k+1} = f(R_k (u_k + o_k))

    Source: Miller et al. 2016, "Key-value memory networks for directly reading documents", section 3.1.

    Examples:
        >>> KeyValue().tables(3), KeyValue().tables_of_hop(2)
        (2, (0, 1))
    """

    def tables(self, hops: int) -> int:
        """Number of tables that embed an entry."""
        return 2

    def tables_of_hop(self, hop: int) -> tuple[int, int]:
        """Indices of the tables of keys and of values."""
        return 0, 1


Tying: TypeAlias = Adjacent | LayerWise | KeyValue


def check_tying(tying: Tying) -> Tying:
    """Weight tying.

    Raises:
        InputError: It is of another type.
    """
    if not isinstance(tying, Tying):
        raise InputError(f"tying must be Adjacent(), LayerWise() or KeyValue(); got {tying!r}")
    return tying
