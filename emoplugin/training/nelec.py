"""Trains a NELEC model: both parts on folds, the combiner on their scores of the unseen folds, then both on all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression

from emoplugin.errors import InputError
from emoplugin.labels import LabelSet
from emoplugin.models.calibration import Calibration, fit_temperature
from emoplugin.models.features import DENSE_FEATURES, Float32, ReadDialogues, read_dialogues
from emoplugin.models.lexical import LexicalModel
from emoplugin.models.nelec import Combiner, Standardizer, bundle_files, log_softmax
from emoplugin.models.tokens import TokenVectors, TurnTokenizer
from emoplugin.text import Normalizer, TextConfig
from emoplugin.training.data import TrainingSet, folds
from emoplugin.training.lexical import LexicalConfig, fit_lexical
from emoplugin.training.loop import Batches, LoopConfig, predict_network, token_rows, train_network
from emoplugin.training.network import NelecNetwork, NetworkConfig, export_core
from emoplugin.training.teaching import taught
from emoplugin.training.trained import Advance, Progress, Trained, device_name
from emoplugin.training.vectors import VectorConfig, make_vectors

READ_CHUNK = 512


@dataclass(frozen=True)
class NelecConfig:
    """Everything that shapes a NELEC model.

    Attributes:
        text: Switches of the text pass.
        vectors: Where the token vectors come from.
        network: Shape of the network.
        loop: How the network is trained.
        lexical: How the lexical part is fitted.
        folds: Parts of the data for out-of-fold scores.
        combiner_cost: Inverse strength of the combiner's L2 penalty.
        combiner_sources: Numbers of the sources whose examples the combiner and the temperature are fitted on; empty
            takes all.
        teachers: Bundles of the recipe's labels whose mean probabilities are part of the network's targets, so that a
            larger model is distilled into it (Hinton et al. 2015).
        teaching: The teachers' share of the targets.
    """

    text: dict[str, Any] = field(default_factory=dict)
    vectors: VectorConfig = field(default_factory=VectorConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    lexical: LexicalConfig = field(default_factory=LexicalConfig)
    folds: int = 3
    combiner_cost: float = 1.0
    combiner_sources: tuple[int, ...] = ()
    teachers: tuple[str, ...] = ()
    teaching: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.teaching < 1.0:
            raise InputError(f"teaching must lie between 0 and 1, found {self.teaching}.")


class NelecTrainer:
    """Runs the stages of a training. Each stage's result is kept in the run folder and taken from there again."""

    def __init__(
        self,
        config: NelecConfig,
        labels: LabelSet,
        data: TrainingSet,
        dev: TrainingSet | None,
        run: Path,
        seed: int,
        progress: Progress,
        advance: Advance = lambda _stage, _done, _all: None,
    ) -> None:
        self.config, self.labels, self.data, self.dev = config, labels, data, dev
        self.run, self.seed, self.progress, self.advance = run, seed, progress, advance
        self.text = TextConfig.from_json(config.text)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"

    def train(self, target_prior: tuple[float, ...] | None) -> Trained:
        self.run.mkdir(parents=True, exist_ok=True)
        read = self._read(self.data)
        tokenizer, vectors = make_vectors(self.config.vectors, read.texts, self.seed)
        self.turns = TurnTokenizer(tokenizer)
        self.initial = torch.from_numpy(vectors)
        self.standardizer = Standardizer.fit(read.dense)
        batches = self._batches(read, self.data)
        targets = taught(
            batches.targets,
            self.data.windows,
            self.labels,
            self.config.teachers,
            self.config.teaching,
            self.advance,
        )
        batches = replace(batches, targets=targets)
        dev = None if self.dev is None else self._batches(self._read(self.dev), self.dev)

        neural, lexical = self._out_of_fold(read, batches)
        combiner, calibration = self._combine(neural, lexical, target_prior)

        final_lexical = self._lexical("final-lexical", read, np.arange(len(read)))
        network = self._network("final-network", batches, np.arange(len(read)), dev)
        table = TokenVectors.quantize(network.embedding.weight.detach().cpu().numpy())
        core = export_core(network.core, table.size, len(DENSE_FEATURES))
        config = {
            "kind": "nelec",
            "labels": self.labels.to_json(),
            "calibration": calibration.to_json(),
            "text": self.text.to_json(),
            "dense_features": list(DENSE_FEATURES),
        }
        files = bundle_files(tokenizer, table, self.standardizer, final_lexical, combiner, core)
        return Trained(config, dict(files), device_name(self.device))

    def _read(self, data: TrainingSet) -> ReadDialogues:
        normalizer = Normalizer(self.text)
        parts = []
        for start in range(0, len(data), READ_CHUNK):
            parts.append(read_dialogues(normalizer, data.windows[start : start + READ_CHUNK]))
            self.advance("reading", min(start + READ_CHUNK, len(data)), len(data))
        return ReadDialogues([text for part in parts for text in part.texts], np.vstack([part.dense for part in parts]))

    def _batches(self, read: ReadDialogues, data: TrainingSet) -> Batches:
        rows = []
        for start in range(0, len(data), READ_CHUNK):
            rows += token_rows(self.turns.batch(read.texts[start * 3 : (start + READ_CHUNK) * 3]))
        targets = np.eye(len(self.labels), dtype=np.float32)[data.targets]
        return Batches(rows, self.standardizer(read.dense), targets, data.weights)

    def _out_of_fold(self, read: ReadDialogues, batches: Batches) -> tuple[Float32, Float32]:
        fold = folds(self.data.groups, self.config.folds, self.seed)
        neural = np.zeros(batches.targets.shape, dtype=np.float32)
        lexical = np.zeros_like(neural)
        for number in range(self.config.folds):
            inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            model = self._lexical(f"fold{number}-lexical", read, inside)
            lexical[outside] = _score(model, read, outside)
            network = self._network(f"fold{number}-network", batches, inside, None)
            neural[outside] = predict_network(network, batches.subset(outside))
        return neural, lexical

    def _combine(
        self, neural: Float32, lexical: Float32, target_prior: tuple[float, ...] | None
    ) -> tuple[Combiner, Calibration]:
        sources = self.config.combiner_sources
        rows = np.flatnonzero(np.isin(self.data.sources, sources)) if sources else np.arange(len(self.data))
        inputs = np.hstack([log_softmax(neural[rows]), log_softmax(lexical[rows])])
        targets, weights = self.data.targets[rows], self.data.weights[rows]
        count = len(self.labels)
        model = LogisticRegression(C=self.config.combiner_cost, max_iter=1000)
        model.fit(inputs, targets, sample_weight=weights)
        combined = np.zeros((inputs.shape[1], count)), np.full(count, -20.0)
        if len(model.classes_) == 2:
            combined[0][:, model.classes_] = np.vstack([-model.coef_, model.coef_]).T / 2
            combined[1][model.classes_] = np.concatenate([-model.intercept_, model.intercept_]) / 2
        else:
            combined[0][:, model.classes_], combined[1][model.classes_] = model.coef_.T, model.intercept_
        combiner = Combiner(*(values.astype(np.float32) for values in combined))
        scores = combiner(neural[rows], lexical[rows])
        prior = np.bincount(targets, weights, minlength=count) / weights.sum()
        calibration = Calibration(
            temperature=fit_temperature(scores, targets),
            train_prior=tuple(np.maximum(prior, 1e-6).tolist()),
            target_prior=target_prior,
        )
        accuracy = {
            name: float((values.argmax(axis=1) == targets).mean())
            for name, values in (("neural", neural[rows]), ("lexical", lexical[rows]), ("combined", scores))
        }
        self.progress(
            {"stage": "combiner", **{f"out-of-fold accuracy, {name}": value for name, value in accuracy.items()}}
        )
        return combiner, calibration

    def _lexical(self, stage: str, read: ReadDialogues, chosen: npt.NDArray[np.int64]) -> LexicalModel:
        path = self.run / f"{stage}.safetensors"
        if path.is_file():
            return LexicalModel.from_arrays(load_file(path))
        part = _subset(read, chosen)
        model = fit_lexical(
            part, self.data.targets[chosen], self.data.weights[chosen], len(self.labels), self.config.lexical
        )
        save_file(model.to_arrays(), path)
        self.progress({"stage": stage, "n-grams": len(model.vocabulary.hashes)})
        return LexicalModel.from_arrays(model.to_arrays())

    def _network(
        self, stage: str, batches: Batches, chosen: npt.NDArray[np.int64], dev: Batches | None
    ) -> NelecNetwork:
        torch.manual_seed(self.seed)
        network: NelecNetwork = NelecNetwork(
            self.config.network, self.initial.clone(), len(DENSE_FEATURES), len(self.labels), self.turns.unknown
        ).to(self.device)

        def dev_score(trained: NelecNetwork) -> float:
            assert dev is not None
            scores = predict_network(trained, dev)
            return float((scores.argmax(axis=1) == dev.targets.argmax(axis=1)).mean())

        train_network(
            network,
            batches.subset(chosen),
            self.config.loop,
            seed=self.seed,
            score=None if dev is None else dev_score,
            checkpoint=self.run / stage,
            log=lambda figures: self.progress({"stage": stage, **figures}),
            advance=lambda done, total: self.advance(stage, done, total),
        )
        return network


def _subset(read: ReadDialogues, chosen: npt.NDArray[np.int64]) -> ReadDialogues:
    texts = [read.texts[index * 3 + turn] for index in chosen for turn in range(3)]
    return ReadDialogues(texts, read.dense[chosen])


def _score(model: LexicalModel, read: ReadDialogues, chosen: npt.NDArray[np.int64]) -> Float32:
    parts = [chosen[start : start + READ_CHUNK] for start in range(0, len(chosen), READ_CHUNK)]
    return np.vstack([model.scores(_subset(read, part)) for part in parts])
