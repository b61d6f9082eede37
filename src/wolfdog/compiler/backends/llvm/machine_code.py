"""Machine code of kernel source code, for this machine's processor or for another."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import llvmlite.binding as llvm
from llvmlite.binding.newpassmanagers import NewPassManager

from .barrier import claim, finish
from .lower import lowered
from .microkernel import product
from .simd import VectorMemory
from .subnormals import flushing
from .target import Target, processor
from .transpose import transpose
from .vector_math import library

SYMBOL = "wolfdog_kernel"
"""Name of the compiled function."""

NO_MORE: Mapping[str, Callable[..., Any]] = MappingProxyType({})
"""No functions besides those of every kernel."""


def object_file(source: str, aim: Target, more: Mapping[str, Callable[..., Any]] = NO_MORE) -> bytes:
    """Object file for this machine.

    Args:
        source: Kernel source code.
        aim: Widths of this machine.
        more: Functions that the source calls besides those of every kernel.

    Returns:
        The file.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = processor()
    machine = _machine(llvm.get_default_triple(), cpu, features)
    return bytes(machine.emit_object(_optimised(source, aim, more, machine)))


def cross_compiled(
    source: str, aim: Target, triple: str, cpu: str, more: Mapping[str, Callable[..., Any]] = NO_MORE
) -> tuple[bytes, str]:
    """Object file and assembly for another machine, to look at what LLVM makes of a kernel there.

    Args:
        source: Kernel source code.
        aim: Widths of that machine.
        triple: LLVM's name of the machine, as "aarch64-unknown-linux-gnu".
        cpu: LLVM's name of its processor.
        more: Functions that the source calls besides those of every kernel.

    Returns:
        The file and the assembly.
    """
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = _machine(triple, cpu, "")
    module = _optimised(source, aim, more, machine)
    return bytes(machine.emit_object(module)), machine.emit_assembly(module)


def _machine(triple: str, cpu: str, features: str) -> Any:
    # The sections of a loaded kernel may lie more than 2 GB apart, where the process has mapped much memory: on x86-64
    # the small code model cannot reach that far, and LLVM ends the process.
    far = triple.startswith("x86_64")
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=3, jit=True,
        reloc="static" if far else "pic", codemodel="large" if far else "default",
    )  # fmt: skip


def _optimised(source: str, aim: Target, more: Mapping[str, Callable[..., Any]], machine: Any) -> Any:
    """LLVM module of a kernel after its passes."""
    type_ = aim.type
    functions = {
        **{name: getattr(VectorMemory(type_), name) for name in dir(VectorMemory) if not name.startswith("_")},
        **library(type_), "product": product, "claim": claim, "finish": finish, "transpose": transpose(type_),
        **flushing(machine.triple), **more,
    }  # fmt: skip
    made = lowered(source, SYMBOL, functions, type_)
    made.triple, made.data_layout = machine.triple, str(machine.target_data)
    module = llvm.parse_assembly(str(made))
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = (
        False  # vectors are explicit
    )
    builder = llvm.create_pass_builder(machine, options)
    passes = builder.getModulePassManager()
    try:
        passes.run(module, builder)
    finally:
        # llvmlite 0.50 inherits from ObjectRef first, whose _dispose does nothing: 0.24 MB would stay for each kernel.
        NewPassManager._dispose(passes)
        passes.detach()
    return module
