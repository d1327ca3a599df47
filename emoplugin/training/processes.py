"""Processes that train one model together, as torchrun or accelerate launch start them."""

from __future__ import annotations

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, PartialState

from emoplugin.errors import EmopluginError


def processes() -> PartialState:
    """This process among those that were started together; the only one where it was started by itself.

    Raises:
        EmopluginError: The GPUs need a setting to work together, which the message names.
    """
    try:
        return PartialState(cpu=not torch.cuda.is_available())
    except NotImplementedError as error:
        raise EmopluginError(str(error)) from None


def together() -> Accelerator:
    """What shares the gradients between the processes. Precision is the recipe's, whatever the launcher says."""
    # R-Drop runs the network twice before one backward pass, between which buffers may not be written anew.
    handlers = [DistributedDataParallelKwargs(broadcast_buffers=False)]
    return Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="no", kwargs_handlers=handlers)
