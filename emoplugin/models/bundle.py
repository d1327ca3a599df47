"""Bundles: a folder with everything a model needs, sealed by a manifest of sha256 sums."""

from __future__ import annotations

import hashlib
import importlib
import json
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from emoplugin.errors import BundleError, EmopluginError, InputError
from emoplugin.labels import LabelSet
from emoplugin.models.base import EmotionModel
from emoplugin.models.calibration import Calibration
from emoplugin.models.runtime import choose_device

FORMAT = 1
MANIFEST = "manifest.json"
CONFIG = "config.json"

KINDS = {
    "nelec": "emoplugin.models.nelec:NelecModel",
    "bert": "emoplugin.models.bert:BertModel",
    "ensemble": "emoplugin.models.ensemble:EnsembleModel",
}
"""Where the class of each kind of bundle lives."""

_loaded: weakref.WeakValueDictionary[tuple[str, str], EmotionModel] = weakref.WeakValueDictionary()
# Loading an ensemble loads its members.
_lock = threading.RLock()


@dataclass(frozen=True)
class Bundle:
    """A verified folder.

    Attributes:
        folder: Where it is.
        digest: sha256 of the manifest, which names the bundle's whole content.
        config: The content of ``config.json``.
    """

    folder: Path
    digest: str
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.config["name"])

    @property
    def version(self) -> str:
        return str(self.config["version"])

    @property
    def labels(self) -> LabelSet:
        return LabelSet.from_json(self.config["labels"])

    @property
    def calibration(self) -> Calibration:
        return Calibration.from_json(self.config["calibration"])

    def path(self, name: str) -> Path:
        """A file of the bundle; a BundleError names it where the bundle does not have it."""
        path = self.folder / name
        if not path.is_file():
            raise BundleError(f"{path}: this file of the bundle is missing. Get the bundle anew.")
        return path

    @contextmanager
    def reading(self, name: str) -> Iterator[bytes]:
        """The content of a file; whatever goes wrong while it is read is reported as the file's fault.

        Tensors, tokenizers and networks each come with a library, and each library with errors of its own, some of them
        bare exceptions.
        """
        path = self.path(name)
        try:
            yield path.read_bytes()
        except EmopluginError:
            raise
        except Exception as error:
            raise BundleError(
                f"{path} does not hold what a {self.config['kind']} bundle has there: {error}."
            ) from error


def load(model: str | Path, *, device: str = "auto") -> EmotionModel:
    """Loads a model. Equal bundles share one model in a process for as long as somebody holds it.

    Args:
        model: Name of a shipped bundle such as ``nelec-en``, or a bundle's folder.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. Light models run on the CPU whatever it says.

    Raises:
        BundleError: No such bundle, or it is damaged, foreign or of a newer format. The message names the file.
    """
    bundle = open_bundle(find(model))
    module, _, name = KINDS[bundle.config["kind"]].partition(":")
    kind = getattr(importlib.import_module(module), name)
    device = choose_device(device, bundle.name) if kind.uses_gpu else "cpu"
    key = (bundle.digest, device)
    with _lock:
        found = _loaded.get(key)
        if found is None:
            with bundle.reading(CONFIG):
                found = kind.from_bundle(bundle, device)
            _loaded[key] = found
        return found


def shipped() -> dict[str, Path]:
    """The bundles that come with the package, by name."""
    root = Path(str(resources.files("emoplugin") / "bundles"))
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{MANIFEST}"))}


def find(model: str | Path) -> Path:
    """The folder of a shipped bundle's name or of a path."""
    known = shipped()
    if str(model) in known:
        return known[str(model)]
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise BundleError(f"{folder} is a file; a bundle is a folder with a {MANIFEST} in it.")
    raise BundleError(f"No bundle {str(model)!r}: give a folder, or one of the shipped {', '.join(known) or '(none)'}.")


def open_bundle(folder: Path) -> Bundle:
    """Verifies a folder: format, every file's sha256, and the configuration's form."""
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{path} is missing: {folder} is not an emoplugin bundle.")
    manifest = _read_json(path)
    version = manifest.get("format")
    files = manifest.get("files")
    if not isinstance(version, int) or not isinstance(files, dict) or CONFIG not in files:
        raise BundleError(f"{path} is not the manifest of an emoplugin bundle.")
    if version > FORMAT:
        raise BundleError(
            f"{path}: bundle format {version} is newer than this emoplugin reads ({FORMAT}). Upgrade emoplugin."
        )
    for name, expected in files.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise BundleError(f"{path}: {name!r} points outside the bundle.")
        file = folder / name
        if not file.is_file():
            raise BundleError(f"{file} is missing though {MANIFEST} lists it. Get the bundle anew.")
        if sha256(file.read_bytes()) != expected:
            raise BundleError(f"{file} is damaged: its sha256 is not the one in {MANIFEST}. Get the bundle anew.")
    config = _read_json(folder / CONFIG)
    missing = [key for key in ("kind", "name", "version", "labels", "calibration") if key not in config]
    if missing:
        raise BundleError(f"{folder / CONFIG} lacks {', '.join(missing)}.")
    if str(config["kind"]) not in KINDS:
        raise BundleError(f"{folder / CONFIG}: unknown kind {config['kind']!r}, expected one of {', '.join(KINDS)}.")
    bundle = Bundle(folder, sha256(path.read_bytes()), config)
    try:
        bundle.calibration.check(bundle.labels)
    except InputError as error:
        raise BundleError(f"{folder / CONFIG}: {error}") from None
    except (TypeError, ValueError, KeyError, AttributeError):
        raise BundleError(f"{folder / CONFIG}: labels or calibration are not of the expected form.") from None
    return bundle


def write_bundle(folder: Path, config: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Writes a bundle: the files, ``config.json`` and the manifest that seals them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(dump_json(config), encoding="utf-8")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    seal(folder)


def seal(folder: Path) -> None:
    """Writes the manifest over the files that are there now."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST
    )
    sums = {name: sha256((folder / name).read_bytes()) for name in names}
    (folder / MANIFEST).write_text(dump_json({"format": FORMAT, "files": sums}), encoding="utf-8")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def dump_json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: {error}.") from None
    if not isinstance(data, dict):
        raise BundleError(f"{path} is damaged: expected a JSON object.")
    return data
