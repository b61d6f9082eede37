"""ATen's operations in ours, by ATen's name without its overload."""

from .activations import ACTIVATIONS
from .operands import Lower
from .pointwise import POINTWISE
from .products import PRODUCTS
from .reductions import REDUCTIONS
from .views import VIEWS

LOWER: dict[str, Lower] = {**POINTWISE, **ACTIVATIONS, **VIEWS, **REDUCTIONS, **PRODUCTS}
"""Every operation that kernels can be made of."""

IN_PLACE: dict[str, str] = {f"{name}_": name for name in LOWER}
"""In-place operations, and the operation whose result they write."""

_SHAPED = {"copy", "full_like", "zeros_like", "ones_like", "new_zeros", "new_ones", "new_full", "glu"}

FOLDS = {
    *POINTWISE, *ACTIVATIONS, *PRODUCTS, "view", "_unsafe_view", "reshape", "permute", "transpose", "t", "unsqueeze",
    "squeeze", "expand", "_softmax", "_log_softmax", "native_layer_norm", "sum", "mean", "amax", "amin",
} - _SHAPED  # fmt: skip
"""Operations on what has features folded into its batch axis."""
