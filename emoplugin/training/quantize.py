"""From a trained encoder in torch to ONNX with the matrices of its linear layers in one byte a value.

Activations are brought to bytes by ranges seen on training data, not by the range of the batch at hand: so what a
dialogue scores does not depend on what shares its batch. A few channels of an encoder's states are many times as large
as the others; part of their size is moved into the matrix that reads them (SmoothQuant, Xiao et al. 2023).
"""

from __future__ import annotations

import io
import json
import warnings
from collections import defaultdict
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

from emoplugin.models.bert import NETWORK_WEIGHTS, SCALE, SMOOTH
from emoplugin.models.encoder import EncoderNetwork

Arrays = dict[str, npt.NDArray[Any]]
Samples = Mapping[str, npt.NDArray[np.float32]]
"""Inputs of each linear layer, ``[tokens, in]``, by the layer's name."""

# Seven bits: processors without VNNI add two products of bytes in 16 bits, where eight would overflow.
HIGHEST = 63
# How much of a channel's size is moved; the best is found for each input.
SMOOTHINGS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
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


def layer_inputs(network: EncoderNetwork, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Samples:
    """What the linear layers read, over batches of vectors and turns without padding."""
    found: dict[str, list[npt.NDArray[np.float32]]] = defaultdict(list)

    def watch(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            found[name].append(inputs[0].flatten(0, -2).numpy().copy())

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
    return {name: np.concatenate(parts) for name, parts in found.items()}


def export_int8(network: EncoderNetwork, samples: Samples) -> Exported:
    """The network without its embedding table.

    Inputs ``vectors [batch, tokens, size]`` and ``turns [batch, tokens]``, dialogues of one length without padding;
    output ``scores [batch, labels]``.
    """
    served = _Served(network).cpu().eval()
    turns = torch.tensor([[0, 0, 0, 1, 1, 2, 2]] * 2)
    model = to_onnx(served, {"vectors": torch.zeros(*turns.shape, network.embedding.embedding_dim), "turns": turns})
    arrays = {name: value.detach().numpy() for name, value in served.state_dict().items()}
    _quantize(model, arrays, samples)
    weights = save_tensors({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    _move_out(model, weights)
    return Exported(model.SerializeToString(), weights)


def to_onnx(network: nn.Module, inputs: Mapping[str, torch.Tensor]) -> onnx.ModelProto:
    """The network as ONNX, for any number of dialogues and tokens; output ``scores [batch, labels]``.

    Args:
        network: What to export; its parameters keep their names.
        inputs: Each of its inputs by name, in its order, ``[batch, tokens, ...]``.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Branches on the number of tokens, which go the same way for any; and advice about another exporter.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            buffer,
            input_names=list(inputs),
            output_names=["scores"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in inputs} | {"scores": {0: "batch"}},
            opset_version=OPSET,
            # Folding would give the matrices other names.
            do_constant_folding=False,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def _quantize(model: onnx.ModelProto, arrays: Arrays, samples: Samples) -> None:
    """Puts integer products in the place of products with a layer's matrix, in the model and in the arrays."""
    graph = model.graph
    matrices = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Transpose" and node.input[0].removesuffix(".weight") in samples
    }
    readers: dict[str, list[str]] = defaultdict(list)
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in matrices:
            readers[node.input[0]].append(matrices[node.input[1]])
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        source = node.input[0] if node.input else ""
        if node.op_type != "MatMul" or node.input[1] not in matrices:
            nodes.append(node)
            continue
        name = matrices[node.input[1]]
        smooth, step, zero, rounded = (f"{source}.{part}" for part in ("smooth", "step", "zero", "bytes"))
        if names := readers.pop(source, []):
            constants = _round(names, arrays, samples)
            graph.initializer.extend(map(numpy_helper.from_array, constants, (smooth, step, zero)))
            nodes.append(helper.make_node("Mul", [source, smooth], [f"{source}.smoothed"]))
            nodes.append(helper.make_node("QuantizeLinear", [f"{source}.smoothed", step, zero], [rounded]))
        graph.initializer.append(numpy_helper.from_array(arrays[name + SCALE], name + SCALE))
        product = helper.make_node(
            "MatMulIntegerToFloat", [rounded, name, step, name + SCALE, zero], node.output, domain="com.microsoft"
        )
        nodes.append(product)
    used = {name for node in nodes for name in node.input}
    del graph.node[:]
    graph.node.extend(node for node in nodes if node.output[0] not in matrices or node.output[0] in used)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _round(names: list[str], arrays: Arrays, samples: Samples) -> tuple[npt.NDArray[Any], ...]:
    """Brings the matrices that read one input to bytes, in the way that changes their products least.

    Returns:
        What the input's channels are multiplied by, the step of its bytes, and the byte of its 0.
    """
    inputs = samples[names[0].removesuffix(".weight")]
    matrix = np.hstack([arrays[name].T for name in names])
    exact = inputs @ matrix
    largest_in = np.maximum(np.abs(inputs).max(axis=0), 1e-5)
    largest_out = np.maximum(np.abs(matrix).max(axis=1), 1e-5)
    best, least = None, np.inf
    for smoothing in SMOOTHINGS:
        factor = (largest_out ** (1 - smoothing) / largest_in**smoothing).astype(np.float32)
        values, (whole, scale) = inputs * factor, _bytes(matrix / factor[:, None])
        low, high = min(values.min(), 0.0), max(values.max(), 1e-6)
        step = np.float32((high - low) / 255.0)
        zero = np.clip(np.rint(-low / step), 0, 255).astype(np.uint8)
        rounded = np.clip(np.rint(values / step) + zero, 0, 255) - zero
        error = np.square((rounded * step) @ (whole * scale) - exact).mean()
        if error < least:
            best, least = (factor, np.array(step), np.array(zero)), error
    assert best is not None
    for name in names:
        arrays[name], arrays[name + SCALE] = _bytes(arrays[name].T / best[0][:, None])
        arrays[name + SMOOTH] = best[0]
    return best


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
