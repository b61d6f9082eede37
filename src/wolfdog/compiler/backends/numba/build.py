"""Source becomes machine code: Numba types and lowers it once, LLVM makes an object, and the object is what is kept.

Kernels take and give whole numbers alone and raise nothing, so that an object needs nothing of Numba to run: a later
process loads it from the cache without importing Numba.
"""

import ctypes
import hashlib
import threading
from collections.abc import Callable
from functools import cache

import llvmlite
import llvmlite.binding as llvm

from ...cache import load_or_build
from .target import processor, target

SYMBOL = "wolfdog_kernel"
_VERSION = 1  # of what surrounds the source: tile, vectors, functions

Run = Callable[[int, int, int], object]
_lock = threading.Lock()
_engines: list[object] = []  # kept alive: they own the code


def build(source: str, bits: int) -> Run:
    """The kernel with the given source, as a function of the table's address and a range of examples."""
    key = hashlib.sha256("\0".join([source, *_surroundings(bits)]).encode()).hexdigest()
    return _load(load_or_build(f"numba-{key}", lambda: compiled(source, bits)))


@cache
def _surroundings(bits: int) -> tuple[str, ...]:
    """What machine code depends on beside the source."""
    texts = [f"{_VERSION} {target(bits)} llvmlite {llvmlite.__version__}", *processor()]
    from pathlib import Path

    for name in ("tile.py", "vectors.py", "functions.py", "build.py"):
        texts.append((Path(__file__).parent / name).read_text())
    return tuple(texts)


def compiled(source: str, bits: int) -> bytes:
    """The object file of a kernel."""
    from numba import njit, types  # importing Numba takes long, and a cached kernel does not need it

    from .functions import library
    from .tile import make_product
    from .vectors import memory

    scope = {
        **memory(bits, target(bits).lanes), **library(), "inf": float("inf"), "nan": float("nan"),
        "product": make_product(target(bits)),
    }  # fmt: skip
    exec(source, scope)
    function = njit(types.void(types.int64, types.int64, types.int64), error_model="numpy", nogil=True)(scope["kernel"])
    (signature,) = function.signatures
    overload = function.overloads[signature]
    module = llvm.parse_assembly(function.inspect_llvm(signature))
    wrapped = overload.fndesc.llvm_func_name
    return _object(module, wrapped)


def _object(module: llvm.ModuleRef, name: str) -> bytes:
    """Machine code for this processor, of one function of a module and what it calls."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = processor()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="default", jit=True
    )
    text = str(module).replace(f'@"{name}"', f"@{SYMBOL}").replace(f"@{name}", f"@{SYMBOL}")
    again = llvm.parse_assembly(text)
    for function in list(again.functions):
        if not function.is_declaration and function.name != SYMBOL:
            function.linkage = "internal"
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(again, passes)
    return bytes(machine.emit_object(again))


def _load(code: bytes) -> Run:
    """The function in an object file."""
    with _lock:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        address = engine.get_function_address(SYMBOL)
        _engines.append(engine)
    # Numba's convention: addresses for a result and for an error come first; a kernel uses neither
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, *(ctypes.c_void_p,) * 2, *(ctypes.c_int64,) * 3)
    function = kind(address)
    ignored = ctypes.create_string_buffer(64)
    at = ctypes.addressof(ignored)

    def run(table: int, low: int, high: int) -> object:
        function(at, at, table, low, high)
        return ignored  # keeps what the addresses point to

    return run
