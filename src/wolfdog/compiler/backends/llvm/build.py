"""Source becomes machine code: LLVM makes an object of it, and the object is what is kept.

Kernels take whole numbers alone and raise nothing, so that an object needs nothing else to run.
"""

import ctypes
import hashlib
import threading
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from ...cache import load_or_build
from .barrier import meet
from .gemm_loops import product_source
from .lower import lowered
from .microkernel import product, tiles
from .simd import Lanes, Memory
from .target import processor, target
from .transpose import turning
from .vector_math import library

SYMBOL = "wolfdog_kernel"

_lock = threading.Lock()
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
        self.function = ctypes.CFUNCTYPE(None, *(ctypes.c_int64,) * arguments)(self.address)

    def __call__(self, *arguments: int) -> None:
        """Run, without the GIL."""
        self.function(*arguments)

    def bound(self, *arguments: int) -> Callable[[], object]:
        """A call with these numbers, which are converted once."""
        return partial(self.function, *map(ctypes.c_int64, arguments))


@cache
def build(source: str, bits: int) -> Code:
    """A kernel as a function of the table's address and a range of examples."""
    return Code(load_or_build(_key("kernel", source, bits), lambda: _compiled(source, bits)), 3)


@cache
def product_code(bits: int) -> Code:
    """The matrix product, which every kernel of a number format calls."""

    return tiled("product", product_source(target(bits)), bits, 9)


def tiled(kind: str, source: str, bits: int, arguments: int) -> Code:
    """A function that calls register tiles."""
    key = _key(kind, source, bits)
    return Code(load_or_build(key, lambda: _compiled(source, bits, with_tiles=True)), arguments)


def _key(kind: str, source: str, bits: int) -> str:
    digest = hashlib.sha256("\0".join([source, *_surroundings(bits)]).encode()).hexdigest()
    return f"llvm-{kind}-{digest}"


@cache
def _surroundings(bits: int) -> tuple[str, ...]:
    """What machine code depends on beside the source: the processor, LLVM, and the code generator."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.rglob("*.py"))]
    return (str(target(bits)), f"llvmlite {llvmlite.__version__}", *processor(), *texts)


def _compiled(source: str, bits: int, with_tiles: bool = False) -> bytes:
    """The object file of a function `kernel`."""
    aim = target(bits)
    type_ = Lanes(bits, aim.lanes)
    functions = {
        **{name: getattr(Memory(type_), name) for name in dir(Memory) if not name.startswith("_")},
        **library(type_), "product": product, "meet": meet, "turn": turning(type_),
        **(tiles(aim) if with_tiles else {}),
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
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return bytes(machine.emit_object(module))
