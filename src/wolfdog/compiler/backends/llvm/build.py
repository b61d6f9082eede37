"""Compilation of kernel source code to machine code by LLVM, with a cache of the object files.

Kernels take integer arguments and raise no exception, so an object file runs without a runtime library.
"""

import ctypes
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import llvmlite
import llvmlite.binding as llvm

from ...cache import load_or_build
from ...fork_safety import compiling, once
from ...ir import special_functions
from .gemm_loops import product_source
from .machine_code import NO_MORE, SYMBOL, object_file
from .microkernel import tiles
from .narrow_loops import narrow_product_source
from .narrow_tiles import narrow_tiles
from .target import processor, target

KEPT = 128
"""Number of compiled kernels that stay in memory after nothing uses them any more, the latest ones."""

_codes: "WeakValueDictionary[tuple[str, int], Code]" = WeakValueDictionary()
_latest: "OrderedDict[tuple[str, int], Code]" = OrderedDict()


class Code:
    """Function in machine code, called with integers. The machine code is freed with this object.

    Attributes:
        address: Address of the function.
    """

    def __init__(self, code: bytes, arguments: int) -> None:
        with compiling:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()
            self.address: int = self._engine.get_function_address(SYMBOL)
        self.function = ctypes.CFUNCTYPE(None, *(ctypes.c_int64,) * arguments)(self.address)

    def __call__(self, *arguments: int) -> None:
        """Run without the GIL."""
        self.function(*arguments)

    def bound(self, *arguments: int) -> Callable[[], object]:
        """Call with fixed arguments, converted once; valid while this object exists."""
        return partial(self.function, *map(ctypes.c_int64, arguments))


def build(source: str, bits: int) -> Code:
    """Compiled kernel: a function of the table's address and two integers.

    Equal kernels share their machine code. It stays in memory while a layer uses it, and the latest `KEPT` kernels
    after that, so that a layer made anew need not load its kernels again.
    """
    with compiling:
        code = _codes.get((source, bits))
        if code is None:
            code = Code(load_or_build(_key("kernel", source, bits), lambda: _compiled(source, bits)), 3)
            _codes[source, bits] = code
        _latest[source, bits] = code
        _latest.move_to_end((source, bits))
        while len(_latest) > KEPT:
            _latest.popitem(last=False)
        return code


def forget_kernels() -> None:
    """Free the machine code of kernels that nothing uses."""
    with compiling:
        _latest.clear()


@once
def product_code(bits: int) -> Code:
    """Compiled matrix product of a number format, which every kernel calls."""
    return tiled("product", product_source(target(bits)), bits, 10)


@once
def narrow_product_code(name: str) -> Code:
    """Compiled product of float32 numbers and a matrix with a header, of float32 or of the format of this name."""
    aim = target(32)
    source = narrow_product_source(aim, name)
    return compiled_with("narrow", source, 32, 10, {**tiles(aim), **narrow_tiles(aim)})


def tiled(kind: str, source: str, bits: int, arguments: int) -> Code:
    """Compiled function that calls register tiles."""
    key = _key(kind, source, bits)
    return Code(load_or_build(key, lambda: _compiled(source, bits, tiles(target(bits)))), arguments)


def compiled_with(
    kind: str, source: str, bits: int, arguments: int, functions: Mapping[str, Callable[..., Any]]
) -> Code:
    """Compiled function that calls functions of its own besides those of every kernel."""
    key = _key(kind, source, bits)
    return Code(load_or_build(key, lambda: _compiled(source, bits, functions)), arguments)


def _key(kind: str, source: str, bits: int) -> str:
    digest = hashlib.sha256("\0".join([source, *_surroundings(bits)]).encode()).hexdigest()
    return f"llvm-{kind}-{digest}"


@cache
def _surroundings(bits: int) -> tuple[str, ...]:
    """Inputs of machine code beside its source: processor, LLVM version and the code generator's own source."""
    paths = [*sorted(Path(__file__).parent.rglob("*.py")), Path(special_functions.__file__)]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return (str(target(bits)), f"llvmlite {llvmlite.__version__}", *processor(), *texts)


def _compiled(source: str, bits: int, more: Mapping[str, Callable[..., Any]] = NO_MORE) -> bytes:
    return object_file(source, target(bits), more)
