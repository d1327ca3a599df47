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
from emoplugin.evaluation.metrics import accuracy, confusion_matrix, emotion_counts
from emoplugin.labels import LabelSet
from emoplugin.models.calibration import Calibration, fit_bias, fit_temperature
from emoplugin.models.features import DENSE_FEATURES, Float32, ReadDialogues, read_dialogues
from emoplugin.models.lexical import LexicalModel
from emoplugin.models.nelec import Combiner, Standardizer, bundle_files, log_softmax
from emoplugin.models.tokens import TokenVectors, TurnTokenizer
from emoplugin.text import Normalizer, TextConfig
from emoplugin.training.data import TrainingSet, balanced, folds
from emoplugin.training.lexical import LexicalConfig, fit_lexical
from emoplugin.training.limits import COUNT, INSIDE, NOT_NEGATIVE, PAIR, POSITIVE, check
from emoplugin.training.loop import Batches, LoopConfig, predict_network, token_rows, train_network
from emoplugin.training.network import Committee, NelecNetwork, NetworkConfig, export_core
from emoplugin.training.teaching import taught
from emoplugin.training.trained import Advance, Progress, Trained, device_name
from emoplugin.training.vectors import VectorConfig, make_vectors

READ_CHUNK = 512
PARTS = ("neural", "lexical")
OUT_OF_FOLD = "out-of-fold.safetensors"
"""The stage with the parts' scores on unseen dialogues, from which combiner and calibration follow."""


@dataclass(frozen=True)
class NelecConfig:
    """Everything that shapes a NELEC model.

    Attributes:
        text: Switches of the text pass.
        vectors: Where the token vectors come from.
        network: Shape of the network.
        loop: How the network is trained.
        lexical: How the lexical part is fitted.
        balance: How much rare labels count for more, in every part: 0 not at all, 1 until all labels weigh the same.
        parts: What decides: ``neural``, ``lexical`` or both.
        folds: Parts of the data for out-of-fold scores, 2 or more.
        seeds: How many networks are trained on everything, each from other random numbers; all decide together.
        committee: How many of the folds' networks decide together with those trained on everything: a better model,
            slower by each of them.
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
    balance: float = 0.0
    parts: tuple[str, ...] = PARTS
    folds: int = 3
    seeds: int = 1
    committee: int = 0
    combiner_cost: float = 1.0
    combiner_sources: tuple[int, ...] = ()
    teachers: tuple[str, ...] = ()
    teaching: float = 0.5

    def __post_init__(self) -> None:
        if not self.parts or not set(self.parts) <= set(PARTS):
            raise InputError(f"parts must be some of {', '.join(PARTS)}, found {', '.join(self.parts) or 'none'}.")
        check(self, folds=PAIR, seeds=COUNT, combiner_cost=POSITIVE, balance=NOT_NEGATIVE, teaching=INSIDE)
        if not 0 <= self.committee <= self.folds:
            raise InputError(f"committee must lie between 0 and folds ({self.folds}), found {self.committee}.")


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
        self.config, self.labels, self.data, self.dev = config, labels, balanced(data, config.balance), dev
        self.run, self.seed, self.progress, self.advance = run, seed, progress, advance
        self.text = TextConfig.from_json(config.text)
        self.target_prior: tuple[float, ...] | None = None
        self.device = "cuda" if torch.cuda.is_available() else "cpu"

    def train(self, target_prior: tuple[float, ...] | None) -> Trained:
        self.target_prior = target_prior
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

        neural, lexical, networks = self._out_of_fold(read, batches)
        combiner, calibration = self._combine(neural, lexical)

        everything = np.arange(len(read))
        final_lexical = self._lexical("final-lexical", read, everything)
        numbers = range(self.config.seeds)
        final = [self._network("final-network", batches, everything, dev, number) for number in numbers]
        networks = [*final, *networks[: self.config.committee]]
        table = TokenVectors.quantize(np.hstack([each.embedding.weight.detach().cpu().numpy() for each in networks]))
        joint = Committee(each.core for each in networks) if len(networks) > 1 else networks[0].core
        core = export_core(joint, table.size, len(DENSE_FEATURES))
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

    def _out_of_fold(self, read: ReadDialogues, batches: Batches) -> tuple[Float32, Float32, list[NelecNetwork]]:
        """Scores of the parts on dialogues that they were not trained on, and the networks that gave them."""
        fold = folds(self.data.groups, self.config.folds, self.seed)
        neural = np.zeros(batches.targets.shape, dtype=np.float32)
        lexical = np.zeros_like(neural)
        networks = []
        for number in range(self.config.folds):
            inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            model = self._lexical(f"fold{number}-lexical", read, inside)
            lexical[outside] = _score(model, read, outside)
            network = self._network(f"fold{number}-network", batches, inside, None)
            neural[outside] = predict_network(network, batches.subset(outside))
            networks.append(network)
        save_file({"neural": neural, "lexical": lexical, "targets": self.data.targets}, self.run / OUT_OF_FOLD)
        return neural, lexical, networks

    def _combine(self, neural: Float32, lexical: Float32) -> tuple[Combiner, Calibration]:
        sources = self.config.combiner_sources
        rows = np.flatnonzero(np.isin(self.data.sources, sources)) if sources else np.arange(len(self.data))
        count = len(self.labels)
        inputs = np.hstack([log_softmax(neural[rows]), log_softmax(lexical[rows])])
        # A part that is left out is no input, so its weights are 0.
        inputs *= np.repeat([part in self.config.parts for part in PARTS], count)
        targets, weights = self.data.targets[rows], self.data.weights[rows]
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
            target_prior=self.target_prior,
        )
        if self.target_prior is not None and self.labels.neutral is not None:
            bias = fit_bias(calibration, scores, targets, self.labels.index(self.labels.neutral))
            calibration = replace(calibration, bias=bias)
        decided = {"neural": neural[rows], "lexical": lexical[rows], "combined": scores}
        right = {
            # The combiner was fitted on the rows that it is measured on here.
            f"{'out-of-fold accuracy' if name in PARTS else 'accuracy'}, {name}": float(
                (values.argmax(axis=1) == targets).mean()
            )
            for name, values in decided.items()
            if name not in PARTS or name in self.config.parts
        }
        self.progress({"stage": "combiner", **right})
        return combiner, calibration

    def _lexical(self, stage: str, read: ReadDialogues, chosen: npt.NDArray[np.int64]) -> LexicalModel:
        if "lexical" not in self.config.parts:
            return LexicalModel.empty(len(DENSE_FEATURES), len(self.labels))
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
        self, stage: str, batches: Batches, chosen: npt.NDArray[np.int64], dev: Batches | None, number: int = 0
    ) -> NelecNetwork:
        stage = f"{stage}-{number}" if number else stage
        seed = self.seed + number
        torch.manual_seed(seed)
        network: NelecNetwork = NelecNetwork(
            self.config.network, self.initial.clone(), len(DENSE_FEATURES), len(self.labels), self.turns.unknown
        ).to(self.device)
        if "neural" not in self.config.parts:
            return network

        def dev_score(trained: NelecNetwork) -> float:
            """What the model is for: emotion F1 under the target prior where there is one, accuracy elsewhere."""
            assert dev is not None
            prior = tuple(np.maximum(batches.weights @ batches.targets / batches.weights.sum(), 1e-6).tolist())
            found = Calibration(1.0, prior, self.target_prior).probabilities(predict_network(trained, dev))
            confusion = confusion_matrix(dev.targets.argmax(axis=1), found.argmax(axis=1), len(self.labels))
            if self.target_prior is None or self.labels.neutral is None:
                return accuracy(confusion)
            return float(emotion_counts(confusion, self.labels.index(self.labels.neutral)).f1)

        train_network(
            network,
            batches.subset(chosen),
            self.config.loop,
            seed=seed,
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
