"""The network of a BERT model, in torch: any Hugging Face encoder over marked turns, pooled and mapped to scores.

Trained in this form; served in it on a GPU; on a CPU it is served as ONNX. Only these paths import the module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from emoplugin.dialogue import WINDOW
from emoplugin.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

POOLINGS = ("cls", "mean", "both")


@dataclass(frozen=True)
class HeadConfig:
    """What is made of the encoder's states.

    Attributes:
        pooling: ``cls`` takes the state of the first token, ``mean`` the mean of all, ``both`` the two side by side.
        last_turn: Whether the mean over the last turn's tokens stands beside them.
        dropout: Dropout before the scores.
    """

    pooling: str = "both"
    last_turn: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise InputError(f"pooling is {self.pooling!r}; expected one of {', '.join(POOLINGS)}.")
        if not 0.0 <= self.dropout < 1.0:
            raise InputError(f"dropout must be 0 or more and less than 1, found {self.dropout}.")

    @property
    def parts(self) -> int:
        """How many vectors the pooling puts side by side."""
        return (2 if self.pooling == "both" else 1) + self.last_turn

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class EncoderCore(nn.Module):
    """All of the network but the embedding table, which serving keeps as bytes and looks up by itself."""

    def __init__(self, encoder: PreTrainedModel, head: HeadConfig, labels: int) -> None:
        super().__init__()
        width, size = encoder.get_input_embeddings().embedding_dim, int(encoder.config.hidden_size)
        self.head = head
        self.encoder = without_extras(encoder)
        # What BERT calls token types, for three turns and for encoders that have none.
        self.turn = nn.Parameter(torch.zeros(WINDOW, width))
        self.dropout = nn.Dropout(head.dropout)
        self.output = nn.Linear(head.parts * size, labels)

    def forward(self, vectors: torch.Tensor, turns: torch.Tensor, *, padded: bool = True) -> torch.Tensor:
        """Scores ``[batch, labels]``.

        Args:
            vectors: Token vectors, ``[batch, tokens, size]``.
            turns: The turn of each token, 0 to 2, and -1 for padding, ``[batch, tokens]``.
            padded: Whether there may be padding. Without it no attention mask is computed.
        """
        inside = turns >= 0
        mask = inside.long() if padded else None
        vectors = vectors + self.turn[turns.clamp(min=0)]
        states = self.encoder(inputs_embeds=vectors, attention_mask=mask).last_hidden_state
        pooled = []
        if self.head.pooling != "mean":
            pooled.append(states[:, 0])
        if self.head.pooling != "cls":
            pooled.append(_mean(states, inside))
        if self.head.last_turn:
            pooled.append(_mean(states, turns == WINDOW - 1))
        scores: torch.Tensor = self.output(self.dropout(torch.cat(pooled, dim=1)))
        return scores


class EncoderNetwork(nn.Module):
    """The embedding table and the rest."""

    def __init__(self, encoder: PreTrainedModel, vectors: torch.Tensor, head: HeadConfig, labels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(vectors, freeze=False)
        self.core = EncoderCore(encoder, head, labels)

    def forward(self, tokens: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """Scores ``[batch, labels]`` of token numbers ``[batch, tokens]``; ``turns`` as in ``EncoderCore``."""
        scores: torch.Tensor = self.core(self.embedding(tokens), turns)
        return scores


def build_encoder(config: Mapping[str, Any]) -> PreTrainedModel:
    """An encoder with the shape that its ``config.json`` says; its weights are yet to be loaded."""
    from transformers import AutoConfig, AutoModel

    values = dict(config)
    family = values.pop("model_type")
    return AutoModel.from_config(AutoConfig.for_model(family, **values))


def without_extras(encoder: PreTrainedModel) -> PreTrainedModel:
    """Takes off the embedding table and the pooler, neither of which the network uses."""
    encoder.set_input_embeddings(None)
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


def _mean(states: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Mean of the chosen states, ``[batch, size]``. Every row has at least one."""
    weights = chosen.to(states.dtype).unsqueeze(1)
    return (weights @ states).squeeze(1) / weights.sum(dim=2)
