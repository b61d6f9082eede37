"""Caches of compiled programs."""

from .execution import cell_cache, program_choice, torch_compile
from .torch_nn import kernels


def clear_caches() -> None:
    """Release everything that was compiled and kept for later calls: cells' programs, kernels, plans of graphs.

    A layer's next call compiles again. Files of the kernel cache stay.

    Examples:
        >>> import wolfdog as wd
        >>> wd.clear_caches()
    """
    from ..compiler.backends.llvm.build import forget_kernels  # llvmlite loads slowly

    cell_cache.clear()
    kernels.clear()
    torch_compile.clear()
    program_choice.clear()
    forget_kernels()
