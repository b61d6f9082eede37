"""Table of the ATen operations and their lowerings to programs."""

from .activations import ACTIVATIONS
from .attention import ATTENTION
from .operands import Lower
from .pointwise import POINTWISE
from .products import PRODUCTS
from .reductions import REDUCTIONS
from .special import SPECIAL
from .views import VIEWS

LOWER: dict[str, Lower] = {
    **POINTWISE,
    **SPECIAL,
    **ACTIVATIONS,
    **VIEWS,
    **REDUCTIONS,
    **PRODUCTS,
    **ATTENTION,
}
"""Every ATen operation that kernels can be made of, by its name without its overload."""

IN_PLACE: dict[str, str] = {f"{name}_": name for name in LOWER}
"""In-place operations, and the operation whose result they write."""

_SHAPED = {"copy", "full_like", "zeros_like", "ones_like", "new_zeros", "new_ones", "new_full", "glu"}

FOLDS = {
    *POINTWISE, *SPECIAL, *ACTIVATIONS, *PRODUCTS, "view", "_unsafe_view", "reshape", "permute", "transpose", "t",
    "unsqueeze", "squeeze", "expand", "_softmax", "_log_softmax", "_safe_softmax", "native_layer_norm", "sum", "mean",
    "amax", "amin",
} - _SHAPED  # fmt: skip
"""Operations that support features folded into the batch axis."""
