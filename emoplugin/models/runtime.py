"""Where a network's arithmetic runs: ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


def cpu_session(model: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session.

    Args:
        model: The serialised ONNX model.
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
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
