"""From a trained encoder in torch to ONNX with the matrices of its linear layers in one byte a value.

Activations are brought to bytes by ranges seen on training data, not by the range of the batch at hand: so what a
dialogue scores does not depend on what shares its batch.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save as save_tensors
from torch import nn

from emoplugin.models.bert import NETWORK_WEIGHTS, SCALE
from emoplugin.models.encoder import EncoderNetwork

Arrays = dict[str, npt.NDArray[Any]]
Ranges = Mapping[str, tuple[float, float]]

# Seven bits: processors without VNNI add two products of bytes in 16 bits, where eight would overflow.
HIGHEST = 63
OPSET = 17


@dataclass(frozen=True)
class Exported:
    """An encoder ready for serving.

    Attributes:
        network: The ONNX model; its weights lie outside, in ``weights``.
        weights: A safetensors file: matrices as int8 ``[in, out]`` with a scale for each column, the rest as float32.
    """

    network: bytes
    weights: bytes


class _Served(nn.Module):
    """The network as it is served: token vectors in, no padding. Its parameters are named as the network's."""

    def __init__(self, network: EncoderNetwork) -> None:
        super().__init__()
        self.core = network.core

    def forward(self, vectors: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.core(vectors, turns, padded=False)
        return scores


def activation_ranges(network: EncoderNetwork, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Ranges:
    """Lowest and highest input of each linear layer over batches of vectors and turns; 0 lies always within."""
    ranges: dict[str, tuple[float, float]] = {}

    def watch(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            low, high = ranges.get(name, (0.0, 0.0))
            ranges[name] = min(low, float(inputs[0].min())), max(high, float(inputs[0].max()))

        return hook

    hooks = [
        module.register_forward_pre_hook(watch(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
    ]
    with torch.inference_mode():
        for vectors, turns in batches:
            network.core(vectors, turns, padded=False)
    for hook in hooks:
        hook.remove()
    return ranges


def export_int8(network: EncoderNetwork, ranges: Ranges) -> Exported:
    """The network without its embedding table.

    Inputs ``vectors [batch, tokens, size]`` and ``turns [batch, tokens]``, dialogues of one length without padding;
    output ``scores [batch, labels]``.
    """
    served = _Served(network).cpu().eval()
    model = _export(served, network.embedding.embedding_dim)
    arrays = {name: value.detach().numpy() for name, value in served.state_dict().items()}
    _quantize(model, arrays, ranges)
    weights = save_tensors({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    _move_out(model, weights)
    return Exported(model.SerializeToString(), weights)


def _export(served: _Served, width: int) -> onnx.ModelProto:
    turns = torch.tensor([[0, 0, 0, 1, 1, 2, 2]] * 2)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Branches on the number of tokens; they go the same way for any.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        torch.onnx.export(
            served,
            (torch.zeros(*turns.shape, width), turns),
            buffer,
            input_names=["vectors", "turns"],
            output_names=["scores"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in ("vectors", "turns")} | {"scores": {0: "batch"}},
            opset_version=OPSET,
            # Folding would give the matrices other names.
            do_constant_folding=False,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def _quantize(model: onnx.ModelProto, arrays: Arrays, ranges: Ranges) -> None:
    """Puts integer products in the place of products with a layer's matrix, in the model and in the arrays."""
    graph = model.graph
    matrices = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Transpose" and node.input[0].removesuffix(".weight") in ranges
    }
    nodes: list[onnx.NodeProto] = []
    rounded: dict[tuple[str, tuple[float, float]], list[str]] = {}
    for node in graph.node:
        name = matrices.get(node.input[1]) if node.op_type == "MatMul" else None
        if name is None:
            nodes.append(node)
            continue
        if arrays[name].dtype != np.int8:
            arrays[name], arrays[name + SCALE] = _bytes(arrays[name].T)
            graph.initializer.extend(numpy_helper.from_array(arrays[key], key) for key in (name + SCALE,))
        spread = ranges[name.removesuffix(".weight")]
        key = node.input[0], spread
        if key not in rounded:
            step = np.float32(max(spread[1] - spread[0], 1e-6) / 255.0)
            zero = np.uint8(np.clip(np.rint(-spread[0] / step), 0, 255))
            scale, point = (f"{node.output[0]}.{part}" for part in ("step", "zero"))
            graph.initializer.extend(
                [numpy_helper.from_array(np.array(step), scale), numpy_helper.from_array(np.array(zero), point)]
            )
            nodes.append(helper.make_node("QuantizeLinear", [node.input[0], scale, point], [f"{node.output[0]}.bytes"]))
            rounded[key] = [f"{node.output[0]}.bytes", scale, point]
        values, scale, point = rounded[key]
        nodes.append(
            helper.make_node(
                "MatMulIntegerToFloat",
                [values, name, scale, name + SCALE, point],
                list(node.output),
                domain="com.microsoft",
            )
        )
    used = {name for node in nodes if node.output[0] not in matrices for name in node.input}
    del graph.node[:]
    graph.node.extend(node for node in nodes if node.output[0] not in matrices or node.output[0] in used)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _bytes(matrix: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    scale = (np.maximum(np.abs(matrix).max(axis=0), 1e-8) / HIGHEST).astype(np.float32)
    return np.clip(np.rint(matrix / scale), -HIGHEST, HIGHEST).astype(np.int8), scale


def _move_out(model: onnx.ModelProto, weights: bytes) -> None:
    """Makes initializers refer to ``weights``: ONNX's external data is raw bytes, and so is safetensors'."""
    size = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + size])
    kept = []
    for tensor in model.graph.initializer:
        entry = header.get(tensor.name)
        if entry is None:
            kept.append(tensor)
            continue
        start, end = entry["data_offsets"]
        kind = TensorProto.INT8 if entry["dtype"] == "I8" else TensorProto.FLOAT
        outside = TensorProto(name=tensor.name, data_type=kind, dims=entry["shape"], data_location=TensorProto.EXTERNAL)
        place = {"location": NETWORK_WEIGHTS, "offset": 8 + size + start, "length": end - start}
        outside.external_data.extend(
            onnx.StringStringEntryProto(key=key, value=str(value)) for key, value in place.items()
        )
        kept.append(outside)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
