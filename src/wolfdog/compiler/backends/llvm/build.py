"""Compilation of kernel source code to machine code by LLVM, with a cache of the object files.

Kernels take integer arguments and raise no exception, so an object file runs without a runtime library.
"""

import ctypes
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakValueDictionary

import llvmlite
import llvmlite.binding as llvm
from llvmlite.binding.newpassmanagers import NewPassManager

from ...cache import load_or_build
from ...fork_safety import compiling, once
from ...ir import special_functions
from .barrier import barrier
from .gemm_loops import product_source
from .lower import lowered
from .microkernel import product, tiles
from .simd import Lanes, VectorMemory
from .target import processor, target
from .transpose import transpose
from .vector_math import library

SYMBOL = "wolfdog_kernel"

KEPT = 128
"""Number of compiled kernels that stay in memory after nothing uses them any more, the latest ones."""

_codes: "WeakValueDictionary[tuple[str, int], Code]" = WeakValueDictionary()
_latest: "OrderedDict[tuple[str, int], Code]" = OrderedDict()


NO_MORE: Mapping[str, Callable[..., Any]] = MappingProxyType({})


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
    return tiled("product", product_source(target(bits)), bits, 9)


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
    """Object file of a kernel's source code, which may call `more` functions."""
    aim = target(bits)
    type_ = Lanes(bits, aim.lanes)
    functions = {
        **{name: getattr(VectorMemory(type_), name) for name in dir(VectorMemory) if not name.startswith("_")},
        **library(type_), "product": product, "barrier": barrier, "transpose": transpose(type_),
        **more,
    }  # fmt: skip
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = processor()
    triple = llvm.get_default_triple()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="default", jit=True
    )
    made = lowered(source, SYMBOL, functions, type_)
    made.triple, made.data_layout = triple, str(machine.target_data)
    module = llvm.parse_assembly(str(made))
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = (
        False  # vectors are explicit
    )
    builder = llvm.create_pass_builder(machine, options)
    passes = builder.getModulePassManager()
    try:
        passes.run(module, builder)
        return bytes(machine.emit_object(module))
    finally:
        # llvmlite 0.50 inherits from ObjectRef first, whose _dispose does nothing: 0.24 MB would stay for each kernel.
        NewPassManager._dispose(passes)
        passes.detach()
