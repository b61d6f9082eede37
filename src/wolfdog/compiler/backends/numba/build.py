"""Source becomes machine code: Numba types and lowers it once, LLVM makes an object, and the object is what is kept.

Kernels take and give whole numbers alone and raise nothing, so that an object needs nothing of Numba to run: a later
process loads it from the cache without importing Numba.
"""

import ctypes
import hashlib
import threading
from collections.abc import Callable
from functools import cache, partial
from math import inf, nan
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from ...cache import load_or_build
from ...errors import Refusal
from .target import processor, target
from .walks import product_source

SYMBOL = "wolfdog_kernel"

_lock, _compiling = threading.Lock(), threading.Lock()
_engines: list[object] = []  # kept alive: they own the code


class Code:
    """A function in machine code: its address, and a call of it with whole numbers."""

    def __init__(self, code: bytes, arguments: int) -> None:
        with _lock:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
            engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            engine.finalize_object()
            self.address: int = engine.get_function_address(SYMBOL)
            _engines.append(engine)
        # Numba's convention: addresses for a result and for an error come first; a kernel uses neither
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, *(ctypes.c_void_p,) * 2, *(ctypes.c_int64,) * arguments)
        self._unused = ctypes.create_string_buffer(64)
        self._at = ctypes.addressof(self._unused)
        self.function = kind(self.address)

    def __call__(self, *arguments: int) -> None:
        """Run, without the GIL."""
        self.function(self._at, self._at, *arguments)

    def bound(self, *arguments: int) -> Callable[[], object]:
        """A call with these numbers, which are converted once."""
        addresses = (ctypes.c_void_p(self._at),) * 2
        return partial(self.function, *addresses, *map(ctypes.c_int64, arguments))


@cache
def build(source: str, bits: int) -> Code:
    """A kernel as a function of the table's address and a range of examples."""
    return Code(load_or_build(_key("kernel", source, bits), lambda: _compiled(source, bits, 3)), 3)


@cache
def product_code(bits: int) -> Code:
    """The matrix product, which every kernel of a number format calls."""

    return tiled("product", product_source(target(bits)), bits, 9)


def tiled(kind: str, source: str, bits: int, arguments: int) -> Code:
    """A function that calls register tiles."""
    key = _key(kind, source, bits)
    return Code(load_or_build(key, lambda: _compiled(source, bits, arguments, with_tiles=True)), arguments)


def _key(kind: str, source: str, bits: int) -> str:
    digest = hashlib.sha256("\0".join([source, *_surroundings(bits)]).encode()).hexdigest()
    return f"numba-{kind}-{digest}"


@cache
def _surroundings(bits: int) -> tuple[str, ...]:
    """What machine code depends on beside the source: the processor, LLVM, and the files that shape it."""
    files = ("tile.py", "vectors.py", "functions.py", "meeting.py", "turning.py", "build.py")
    texts = [(Path(__file__).parent / name).read_text() for name in files]
    return (str(target(bits)), f"llvmlite {llvmlite.__version__}", *processor(), *texts)


def _load_numba() -> None:
    """Import Numba, which takes long, and which a kernel from the cache does not need."""
    with _lock:  # threads that begin to import it at once, each another part, find half of it
        import numba  # noqa: F401


def _compiled(source: str, bits: int, arguments: int, with_tiles: bool = False) -> bytes:
    """The object file of a function `kernel`, one at a time: Numba's registries are no place for two threads."""
    with _compiling:
        return _lowered(source, bits, arguments, with_tiles)


def _lowered(source: str, bits: int, arguments: int, with_tiles: bool) -> bytes:
    _load_numba()
    from numba.core import types
    from numba.core.compiler import Flags, compile_extra
    from numba.core.registry import cpu_target

    from .functions import library
    from .meeting import meet
    from .tile import product, tiles
    from .turning import turn
    from .vectors import memory

    scope = {**memory(bits, target(bits).lanes), **library(), "product": product, "inf": inf, "nan": nan}
    scope |= {"meet": meet, "turn": turn(bits, target(bits).lanes)}
    scope |= tiles(target(bits)) if with_tiles else {}
    exec(source, scope)  # our own text
    flags = Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True  # Numba lowers, we compile
    flags.error_model = "numpy"
    result = compile_extra(
        cpu_target.typing_context, cpu_target.target_context, scope["kernel"], (types.int64,) * arguments,
        types.void, flags, {},
    )  # fmt: skip
    module, name = str(result.library._final_module), result.fndesc.llvm_func_name
    foreign = [line for line in module.splitlines() if line.startswith("declare") and "numba" in line]
    if foreign:
        raise Refusal(f"the kernel needs Numba at run time: {foreign[0]}")
    return _object(module, name)


def _object(text: str, name: str) -> bytes:
    """Machine code for this processor of one function of a module, and of what it calls."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = processor()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="default", jit=True
    )
    module = llvm.parse_assembly(text.replace(f'@"{name}"', f"@{SYMBOL}").replace(f"@{name}", f"@{SYMBOL}"))
    for function in module.functions:
        if not function.is_declaration and function.name != SYMBOL:
            function.linkage = "internal"
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = (
        False  # vectors are explicit
    )
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return bytes(machine.emit_object(module))
