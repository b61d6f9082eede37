"""Streams: one step at a time, with state, weights and buffers that belong to the stream."""

from .chain import ChainStream as ChainStream
from .kernel_stream import KernelStream as KernelStream
from .loop_stream import LoopStream as LoopStream
from .making import event_buffer as event_buffer
from .making import layer_loop as layer_loop
from .stream import Stream as Stream
