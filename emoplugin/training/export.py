"""Takes a bert bundle to other tools: in float32 for ONNX Runtime and transformers, in bytes as it is served here.

The float32 weights are the bundle's bytes times their scales. What rounding the trained weights to bytes has cost is
therefore in both; training measures it, against the weights before rounding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load as load_tensors
from safetensors.torch import save_file
from torch import nn

from emoplugin.datasets import Example
from emoplugin.errors import InputError
from emoplugin.evaluation.evaluate import evaluate
from emoplugin.labels import LabelSet
from emoplugin.models.bert import NETWORK, NETWORK_WEIGHTS, TOKENIZER, VECTORS, BertModel
from emoplugin.models.bundle import CONFIG, Bundle, load
from emoplugin.models.encoder import build_encoder
from emoplugin.models.gpu import TorchEncoder
from emoplugin.models.tokens import TokenVectors
from emoplugin.text import TextConfig
from emoplugin.training.quantize import to_onnx

FLOAT_NETWORK = "model.onnx"
HEAD = "head.safetensors"
BUNDLE_CONFIG = "emoplugin.json"
METRICS = "metrics.json"
INT8 = "int8"
CORE, ENCODER = "core.", "core.encoder."


def export(bundle: Bundle, folder: Path) -> None:
    """Writes the bundle's model for other tools.

    Args:
        bundle: A bundle of the kind ``bert``.
        folder: A folder that is empty or yet to be made. It gets the encoder as transformers reads it (``config.json``,
            ``model.safetensors``, ``tokenizer.json``), the rest of the weights (``head.safetensors``), the whole
            network in float32 (``model.onnx``), the files that the CPU serves (``int8/``), and the bundle's
            configuration with labels and calibration (``emoplugin.json``).

    Raises:
        InputError: The folder is not empty or cannot be made, or the bundle is of another kind.
    """
    from transformers.utils import logging

    network = _in_floats(bundle).network
    require_empty(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.") from None
    turns = torch.tensor([[0, 0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, -1, -1]])
    model = to_onnx(network, {"tokens": torch.ones_like(turns), "turns": turns})
    (folder / FLOAT_NETWORK).write_bytes(model.SerializeToString())

    state = network.state_dict()
    encoder = build_encoder(bundle.config["encoder"])
    encoder.set_input_embeddings(nn.Embedding.from_pretrained(state["embedding.weight"]))
    # A bundle has no pooler; the one that the encoder was built with holds nothing but chance.
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    own = {name.removeprefix(ENCODER): value for name, value in state.items() if name.startswith(ENCODER)}
    encoder.load_state_dict(own, strict=False)
    logging.disable_progress_bar()
    encoder.save_pretrained(folder)
    rest = {
        name.removeprefix(CORE): value
        for name, value in state.items()
        if name.startswith(CORE) and not name.startswith(ENCODER)
    }
    save_file(rest, folder / HEAD)

    (folder / INT8).mkdir()
    places = {f"{INT8}/{name}": name for name in (NETWORK, NETWORK_WEIGHTS, VECTORS)}
    for place, name in {**places, TOKENIZER: TOKENIZER, BUNDLE_CONFIG: CONFIG}.items():
        (folder / place).write_bytes(bundle.path(name).read_bytes())


def require_empty(folder: Path) -> None:
    """Raises an InputError where the folder holds something already."""
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: give another --output.")


def int8_in_training(bundle: Bundle) -> dict[str, Any] | None:
    """What training measured that rounding weights and activations to bytes costs, where the bundle tells."""
    if not (bundle.folder / METRICS).is_file():
        return None
    with bundle.reading(METRICS) as content:
        found: dict[str, Any] | None = json.loads(content).get("int8")
    return found


def int8_loss(
    bundle: Bundle, examples: Sequence[Example], labels: LabelSet, advance: Callable[[int], object] | None = None
) -> dict[str, Any]:
    """What computing in bytes costs on labelled rows, against float32 with the same weights.

    Args:
        bundle: A bundle of the kind ``bert``.
        examples: The rows.
        labels: What they are labelled with.
        advance: Called with the number of rows done since the last call; each row is done twice.

    Returns:
        The scores of both (``fp32``, ``int8``), the share of rows on which both report the same (``agreement``), and
        the ``largest_probability_difference``.
    """
    served = load(bundle.folder, device="cpu")
    assert isinstance(served, BertModel)
    exact = BertModel(
        bundle.name,
        bundle.version,
        bundle.labels,
        bundle.calibration,
        text=TextConfig.from_json(bundle.config["text"]),
        tokenizer=served.tokenizer,
        score=_in_floats(bundle),
    )
    before, after = (evaluate(model, examples, labels, advance) for model in (exact, served))
    return {
        "rows": len(examples),
        "fp32": before.scores() | before.probability_scores(),
        "int8": after.scores() | after.probability_scores(),
        "agreement": float((before.predicted == after.predicted).all(axis=1).mean()),
        "largest_probability_difference": float(np.abs(before.probabilities - after.probabilities).max()),
    }


def _in_floats(bundle: Bundle) -> TorchEncoder:
    if bundle.config["kind"] != "bert":
        raise InputError(f"{bundle.name} is a bundle of the kind {bundle.config['kind']}; only bert can be exported.")
    with bundle.reading(VECTORS) as content:
        vectors = TokenVectors.from_arrays(load_tensors(content))
    with bundle.reading(NETWORK_WEIGHTS) as content:
        weights = load_tensors(content)
    config = bundle.config
    return TorchEncoder(config["encoder"], config["head"], vectors, weights, len(bundle.labels), "cpu")
