from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from emoplugin.models.bert import NETWORK, NETWORK_WEIGHTS, encoder_scores
from emoplugin.models.encoder import EncoderNetwork, HeadConfig, build_encoder
from emoplugin.models.gpu import TorchEncoder
from emoplugin.models.runtime import cpu_session
from emoplugin.models.tokens import TokenBatch, TokenVectors
from emoplugin.training.quantize import export_int8, layer_inputs
from safetensors.numpy import load

SHAPE = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": SHAPE,
    "roberta": SHAPE,
    "xlm-roberta": SHAPE,
    "mpnet": SHAPE,
    "electra": {**SHAPE, "embedding_size": 8},
    "distilbert": {"vocab_size": 50, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "deberta-v2": {**SHAPE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 32},
    "modernbert": {
        **SHAPE,
        "pad_token_id": 0,
        "cls_token_id": 1,
        "sep_token_id": 2,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
}


def rows(length: int) -> TokenBatch:
    tokens = np.random.default_rng(length).integers(5, 50, (3, length))
    turns = np.repeat([[0] * (length - 4) + [1, 1, 2, 2]], 3, axis=0)
    return TokenBatch(tokens, turns, np.full(3, length))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_scores_alike_in_bytes_at_any_length(family: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = {"model_type": family, **FAMILIES[family]}
    encoder, head = build_encoder(shape), HeadConfig()
    network = EncoderNetwork(encoder, encoder.get_input_embeddings().weight.detach().clone(), head, 4).eval()
    vectors = TokenVectors.quantize(network.embedding.weight.detach().numpy())
    seen = [rows(length) for length in (9, 20, 40)]
    inputs = [(torch.from_numpy(vectors.look_up(batch.tokens)), torch.from_numpy(batch.turns)) for batch in seen]
    exported = export_int8(network, layer_inputs(network, inputs))
    (tmp_path / NETWORK).write_bytes(exported.network)
    (tmp_path / NETWORK_WEIGHTS).write_bytes(exported.weights)
    session = cpu_session(tmp_path / NETWORK)
    in_torch = TorchEncoder(shape, head.to_json(), vectors, load(exported.weights), 4, "cpu")
    for length in (5, 13, 148):
        batch = rows(length)
        with torch.no_grad():
            exact = network(torch.from_numpy(batch.tokens), torch.from_numpy(batch.turns)).numpy()
        assert np.abs(encoder_scores(session, vectors, 4, batch) - exact).max() < 0.03
        assert np.abs(in_torch(batch) - exact).max() < 0.03


def test_a_channel_many_times_as_large_costs_the_others_nothing(tmp_path: Path) -> None:
    """What smoothing is for: with one range for all channels, the small ones would be rounded away."""
    torch.manual_seed(0)
    encoder = build_encoder({"model_type": "bert", **SHAPE, "num_hidden_layers": 1})
    network = EncoderNetwork(encoder, torch.randn(50, 16), HeadConfig(), 4).eval()
    with torch.no_grad():
        network.core.encoder.embeddings.LayerNorm.weight[0] = 200.0
    vectors = TokenVectors.quantize(network.embedding.weight.detach().numpy())
    batch = rows(12)
    inputs = torch.from_numpy(vectors.look_up(batch.tokens)), torch.from_numpy(batch.turns)
    exported = export_int8(network, layer_inputs(network, [inputs]))
    (tmp_path / NETWORK).write_bytes(exported.network)
    (tmp_path / NETWORK_WEIGHTS).write_bytes(exported.weights)
    with torch.no_grad():
        exact = network.core(*inputs).numpy()
    scores = encoder_scores(cpu_session(tmp_path / NETWORK), vectors, 4, batch)
    assert np.abs(scores - exact).max() < 0.05 * np.abs(exact).max()
