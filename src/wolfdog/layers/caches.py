"""Caches of compiled programs."""

from .execution import cell_cache, program_choice, torch_compile
from .torch_nn import kernels


def clear_caches() -> None:
    """Release what is kept for later calls: compiled programs, kernels, plans of graphs, and memory for results.

    A layer's next call compiles again. Files of the kernel cache stay.

    Examples:
        >>> import wolfdog as wd
        >>> wd.clear_caches()
    """
    from ..compiler.backends.llvm.buffer_pool import empty_pool
    from ..compiler.backends.llvm.build import forget_kernels  # llvmlite loads slowly

    cell_cache.clear()
    kernels.clear()
    torch_compile.clear()
    program_choice.clear()
    forget_kernels()
    empty_pool()
