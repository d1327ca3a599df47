"""Where a network's arithmetic runs: which device, and ONNX Runtime on the CPU."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from emoplugin.errors import InputError

if TYPE_CHECKING:
    import onnxruntime

DEVICES = "auto, cpu, cuda or cuda:N"
DEVICE = re.compile(r"auto|cpu|cuda(?::\d+)?")
"""What a device may be called, in words and as a pattern."""

MOST_THREADS = 4

# What a machine with NVIDIA's driver has, Linux itself or Linux in Windows. Looking is cheap, importing torch is not.
_DRIVER = ("/dev/nvidiactl", "/dev/dxg")

_log = logging.getLogger(__name__)


@functools.cache
def choose_device(wanted: str, model: str) -> str:
    """The device a model runs on: ``cpu``, or a GPU that is there. A GPU asked for in vain is warned of, once.

    Args:
        wanted: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        model: The model's name, for the warning.

    Raises:
        InputError: Another device.
    """
    if not DEVICE.fullmatch(wanted):
        raise InputError(f"device is {wanted!r}; expected {DEVICES}.")
    if wanted == "cpu" or (wanted == "auto" and not any(Path(path).exists() for path in _DRIVER)):
        return "cpu"
    missing = _missing(wanted)
    if not missing:
        return "cuda" if wanted == "auto" else wanted
    if wanted != "auto":
        _log.warning("%s runs on the CPU, not on %s: %s.", model, wanted, missing)
    return "cpu"


def _missing(device: str) -> str:
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        return "torch or transformers is not installed (pip install 'emoplugin[gpu]')"
    import torch

    number = int(device.partition(":")[2] or 0)
    return "" if number < torch.cuda.device_count() else f"torch sees {torch.cuda.device_count()} GPUs"


def available_cores() -> int:
    """Cores that a batch is spread over: those that this process may use, but not all of a large machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


def cpu_session(model: bytes | Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session.

    Args:
        model: The serialised ONNX model, or its file where its weights lie in a file beside it.
        threads: Threads for one operator. One is fastest for small networks and leaves the other cores to the
            server's other workers; on a busy machine several wait for each other at every operator.
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
