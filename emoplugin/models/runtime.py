"""Where a network's arithmetic runs: ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

MOST_THREADS = 4


def available_cores() -> int:
    """Cores that this process may use, as far as one dialogue can make use of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


def cpu_session(model: bytes | Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session.

    Args:
        model: The serialised ONNX model, or its file where its weights lie in a file beside it.
        threads: Threads for one operator. One is fastest for small recurrent networks, and leaves the other cores to
            the server's other workers.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Arena and recorded memory patterns keep the largest batch's memory for ever; as lengths vary, they save no time.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Threads that wait for work would otherwise keep their cores busy with waiting.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
