"""The neural part of NELEC, in torch: trained here, exported to ONNX for serving."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from emoplugin.dialogue import WINDOW
from emoplugin.training.limits import COUNT, NOT_NEGATIVE, PART, check


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network.

    Attributes:
        lstm: Units of the LSTM in each direction.
        gru: Units of the GRU in each direction; 0 leaves the GRU out.
        dense: Units of the hidden dense layer; 0 leaves it out.
        surface: Units that the dense features are projected to; 0 leaves them out.
        bidirectional: Whether LSTM and GRU read in both directions.
        turns_apart: Whether each turn is pooled by itself and marked by an embedding. Without it the three turns are
            one text, as in the published simplified model.
        spatial_dropout: Share of embedding dimensions dropped for a whole dialogue.
        dropout: Dropout before the dense layers.
        token_dropout: Share of tokens replaced by the unknown token in training.
        train_embeddings: Whether the embeddings go on learning.
    """

    lstm: int = 96
    gru: int = 64
    dense: int = 96
    surface: int = 48
    bidirectional: bool = True
    turns_apart: bool = True
    spatial_dropout: float = 0.2
    dropout: float = 0.3
    token_dropout: float = 0.05
    train_embeddings: bool = True

    def __post_init__(self) -> None:
        check(self, lstm=COUNT, gru=NOT_NEGATIVE, dense=NOT_NEGATIVE, surface=NOT_NEGATIVE)
        check(self, spatial_dropout=PART, dropout=PART, token_dropout=PART)


class MaskedPooling(nn.Module):
    """Attention, mean and maximum over the tokens of each segment; padding takes no part."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.attention = nn.Linear(size, 1)

    def forward(self, states: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        """Pools ``states [batch, tokens, size]`` by ``segments [batch, segments, tokens]`` (1 inside, 0 outside).

        Returns:
            Shape ``[batch, segments * 3 * size]``. Every segment has at least one token.
        """
        scores = self.attention(torch.tanh(states)).transpose(1, 2)
        weights = torch.softmax(scores + (segments - 1.0) * 1e4, dim=2)
        attended = weights @ states
        mean = (segments @ states) / segments.sum(dim=2, keepdim=True)
        outside = (segments - 1.0).unsqueeze(3) * 1e4
        maximum = (states.unsqueeze(1) + outside).amax(dim=2)
        return torch.cat([attended, mean, maximum], dim=2).flatten(1)


class NelecNetwork(nn.Module):
    """Token vectors -> LSTM -> GRU, each pooled by turn, with the dense features -> scores of the labels."""

    def __init__(
        self, config: NetworkConfig, vectors: torch.Tensor, dense_features: int, labels: int, unknown: int
    ) -> None:
        super().__init__()
        self.config = config
        self.unknown = unknown
        size = vectors.shape[1]
        segments = WINDOW if config.turns_apart else 1
        both = 2 if config.bidirectional else 1
        self.embedding = nn.Embedding.from_pretrained(vectors, freeze=not config.train_embeddings)
        self.core = NelecCore(config, size, dense_features, labels, segments, both)

    def forward(
        self, tokens: torch.Tensor, turns: torch.Tensor, lengths: torch.Tensor, dense: torch.Tensor
    ) -> torch.Tensor:
        """Scores ``[batch, labels]``.

        Args:
            tokens: Token numbers, ``[batch, tokens]``.
            turns: The turn of each token, 0 to 2, and -1 for padding, ``[batch, tokens]``.
            lengths: Tokens of each dialogue, ``[batch]``.
            dense: Standardised dense features, ``[batch, features]``.
        """
        if self.training and self.config.token_dropout:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.config.token_dropout
            tokens = tokens.masked_fill(dropped, self.unknown)
        vectors: torch.Tensor = self.embedding(tokens)
        if self.training and self.config.spatial_dropout:
            keep = 1.0 - self.config.spatial_dropout
            mask = torch.empty(vectors.shape[0], 1, vectors.shape[2], device=vectors.device).bernoulli_(keep)
            vectors = vectors * mask / keep
        scores: torch.Tensor = self.core(vectors, turns, lengths, dense)
        return scores


class NelecCore(nn.Module):
    """All of the network but the embedding table, which serving keeps as bytes and looks up by itself."""

    def __init__(
        self, config: NetworkConfig, size: int, dense_features: int, labels: int, segments: int, both: int
    ) -> None:
        super().__init__()
        self.segments = segments
        self.turn = nn.Parameter(torch.zeros(WINDOW + 1, size)) if config.turns_apart else None
        self.lstm = nn.LSTM(size, config.lstm, batch_first=True, bidirectional=config.bidirectional)
        self.gru = (
            nn.GRU(config.lstm * both, config.gru, batch_first=True, bidirectional=config.bidirectional)
            if config.gru
            else None
        )
        self.lstm_pooling = MaskedPooling(config.lstm * both)
        self.gru_pooling = MaskedPooling(config.gru * both) if config.gru else None
        width = 3 * segments * (config.lstm + config.gru) * both
        self.surface = nn.Linear(dense_features, config.surface) if config.surface else None
        width += config.surface
        self.dropout = nn.Dropout(config.dropout)
        self.hidden = nn.Linear(width, config.dense) if config.dense else None
        self.output = nn.Linear(config.dense or width, labels)

    def forward(
        self, vectors: torch.Tensor, turns: torch.Tensor, lengths: torch.Tensor, dense: torch.Tensor
    ) -> torch.Tensor:
        if self.turn is not None:
            vectors = vectors + self.turn[turns]
            numbers = torch.arange(self.segments, device=turns.device).reshape(1, -1, 1)
            segments = (turns.unsqueeze(1) == numbers).to(vectors.dtype)
        else:
            segments = (turns >= 0).unsqueeze(1).to(vectors.dtype)
        states = self._run(self.lstm, vectors, lengths)
        pooled = [self.lstm_pooling(states, segments)]
        if self.gru is not None and self.gru_pooling is not None:
            pooled.append(self.gru_pooling(self._run(self.gru, states, lengths), segments))
        if self.surface is not None:
            pooled.append(torch.relu(self.surface(dense)))
        features = self.dropout(torch.cat(pooled, dim=1))
        if self.hidden is not None:
            features = self.dropout(torch.relu(self.hidden(features)))
        scores: torch.Tensor = self.output(features)
        return scores

    @staticmethod
    def _run(layer: nn.RNNBase, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        # ONNX knows the lengths of rows in any order; sorting them would only make its graph larger.
        in_order = torch.onnx.is_in_onnx_export()
        packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=in_order)
        states, _ = layer(packed)
        padded, _ = pad_packed_sequence(states, batch_first=True, total_length=inputs.shape[1])
        return padded


class Committee(nn.Module):
    """Networks that decide together: the mean of their log-probabilities.

    Each reads vectors of its own; the token vectors of all stand side by side in one table.
    """

    def __init__(self, cores: Iterable[NelecCore]) -> None:
        super().__init__()
        self.cores = nn.ModuleList(cores)

    def forward(
        self, vectors: torch.Tensor, turns: torch.Tensor, lengths: torch.Tensor, dense: torch.Tensor
    ) -> torch.Tensor:
        parts = vectors.chunk(len(self.cores), dim=2)
        scores = [
            torch.log_softmax(core(part, turns, lengths, dense), dim=1)
            for core, part in zip(self.cores, parts, strict=True)
        ]
        return torch.stack(scores).mean(dim=0)


def export_core(core: NelecCore | Committee, size: int, dense_features: int) -> bytes:
    """The network without its embedding table as an ONNX model.

    Inputs: ``vectors [batch, tokens, size]``, ``turns [batch, tokens]``, ``lengths [batch]`` and
    ``dense [batch, features]``. Output: ``scores [batch, labels]``.
    """
    core = core.cpu().eval()
    example = (
        torch.zeros(2, 5, size),
        torch.tensor([[0, 0, 1, 2, 2], [0, 1, 2, 2, -1]]),
        torch.tensor([5, 4]),
        torch.zeros(2, dense_features),
    )
    buffer = io.BytesIO()
    # The exporter warns of batches of other sizes, in Python and in C++; the tests compare them.
    with warnings.catch_warnings(), _silent_stderr():
        warnings.simplefilter("ignore")
        _export(core, example, buffer)
    return buffer.getvalue()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drops what C++ code writes to standard error; it heeds none of Python's switches. Errors are raised as ever."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _export(core: NelecCore | Committee, example: tuple[torch.Tensor, ...], buffer: io.BytesIO) -> None:
    torch.onnx.export(
        core,
        example,
        buffer,
        input_names=["vectors", "turns", "lengths", "dense"],
        output_names=["scores"],
        dynamic_axes={
            "vectors": {0: "batch", 1: "tokens"},
            "turns": {0: "batch", 1: "tokens"},
            "lengths": {0: "batch"},
            "dense": {0: "batch"},
            "scores": {0: "batch"},
        },
        opset_version=17,
        dynamo=False,
    )
