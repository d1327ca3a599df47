from __future__ import annotations

import json
from pathlib import Path

import pytest
from emoplugin import load
from emoplugin.errors import BundleError
from emoplugin.models.bundle import dump_json, open_bundle, seal, shipped, write_bundle

CONFIG = {
    "kind": "nelec",
    "name": "x",
    "version": "1",
    "labels": {"names": ["a", "b"]},
    "calibration": {"temperature": 1.0},
}


def test_shipped_bundles_keep_their_budgets() -> None:
    budgets = {"nelec-en": 8, "bert-en": 32}
    for name, folder in shipped().items():
        size = sum(path.stat().st_size for path in folder.rglob("*"))
        assert size <= budgets[name] * 2**20, name


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(BundleError, match=r"No bundle 'nelec-xx'.*nelec-en"):
        load("nelec-xx")


def test_a_file_where_a_folder_is_due(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"")
    with pytest.raises(BundleError, match=r"model\.onnx is a file"):
        load(path)


def test_a_foreign_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json is missing"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"format": "1", "files": {}}', b"[" * 100_000])
def test_a_manifest_that_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load(tmp_path)


def test_a_newer_format(tmp_path: Path) -> None:
    write_bundle(tmp_path, CONFIG, {})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(dump_json({**manifest, "format": 99}))
    with pytest.raises(BundleError, match=r"format 99 is newer.*Upgrade"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b"])
def test_a_manifest_that_points_outside(name: str, tmp_path: Path) -> None:
    write_bundle(tmp_path, CONFIG, {})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["files"][name] = "0" * 64
    (tmp_path / "manifest.json").write_text(dump_json(manifest))
    with pytest.raises(BundleError, match="outside the bundle"):
        load(tmp_path)


def test_an_unknown_kind(tmp_path: Path) -> None:
    write_bundle(tmp_path, {**CONFIG, "kind": "magic"}, {})
    with pytest.raises(BundleError, match="unknown kind 'magic', expected one of nelec"):
        load(tmp_path)


@pytest.mark.parametrize("key", ["kind", "labels", "calibration", "name", "version"])
def test_a_configuration_without_a_key(key: str, tmp_path: Path) -> None:
    write_bundle(tmp_path, {name: value for name, value in CONFIG.items() if name != key}, {})
    with pytest.raises(BundleError, match=rf"config\.json lacks {key}"):
        load(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": "abc"},
        {"labels": {}},
        {"labels": {"names": ["a"], "neutral": 3}},
        {"calibration": []},
        {"calibration": {"temperature": "hot"}},
        {"calibration": {"temperature": 0.0}},
        {"kind": ["nelec"]},
    ],
)
def test_a_configuration_of_another_form(wrong: dict[str, object], tmp_path: Path) -> None:
    write_bundle(tmp_path, {**CONFIG, **wrong}, {})
    with pytest.raises(BundleError, match=r"config\.json"):
        open_bundle(tmp_path)


def test_one_model_whatever_the_words_for_its_device() -> None:
    assert load("nelec-en") is load("nelec-en", device="cpu")


def test_a_bundle_without_its_network(tmp_path: Path) -> None:
    from emoplugin.models.features import DENSE_FEATURES

    write_bundle(tmp_path, {**CONFIG, "text": {}, "dense_features": list(DENSE_FEATURES)}, {})
    with pytest.raises(BundleError, match=r"lexical\.safetensors"):
        load(tmp_path)


def test_features_of_another_version(tmp_path: Path) -> None:
    write_bundle(tmp_path, {**CONFIG, "text": {}, "dense_features": ["colour"]}, {})
    with pytest.raises(BundleError, match="other text features"):
        load(tmp_path)


def test_sealing_covers_every_file(tmp_path: Path) -> None:
    write_bundle(tmp_path, CONFIG, {"weights.bin": b"1"})
    (tmp_path / "weights.bin").write_bytes(b"2")
    seal(tmp_path)
    with open_bundle(tmp_path).reading("weights.bin") as content:
        assert content == b"2"
