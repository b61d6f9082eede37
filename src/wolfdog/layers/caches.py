"""Caches of compiled programs, and how they are emptied."""

from .execution import cell_cache, compiled, torch_compile
from .torch_nn import kernels


def clear_caches() -> None:
    """Release of everything that was compiled and is kept for later calls: programs of cells, kernels, graphs' plans.

    What a layer is using stays until its next call, which compiles anew. Files of the kernel cache stay as they are.

    >>> import wolfdog as wd
    >>> wd.clear_caches()
    """
    from ..compiler.backends.llvm.build import forget_kernels  # llvmlite loads slowly

    cell_cache.clear()
    kernels.clear()
    torch_compile.clear()
    compiled.clear()
    forget_kernels()
