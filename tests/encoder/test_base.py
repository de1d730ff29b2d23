"""Bases that cannot be used: refused in one sentence when a variant is added."""

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import CLIPModel

from encoder.checkpoint import Checkpoint
from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.model import load_model
from encoder.variants import Variants
from tests.encoder.conftest import edit
from tests.tiny_clip import build_tiny_clip


def add(home, base, **more):
    return Variants(home).add("tiny", base, **more)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda base: (base / "config.json").unlink(), "no config.json"),
        (lambda base: (base / "config.json").write_text("{"), "cannot be read"),
        (lambda base: edit(base / "config.json", model_type="siglip2"), "'siglip2': Vitrine reads"),
        (lambda base: edit(base / "config.json", model_type=[]), "of the types clip, "),
        (lambda base: edit(base / "config.json", model_type="siglip"), "logit_bias among them"),
        (
            lambda base: edit(
                base / "config.json", auto_map={"AutoModel": "x.X"}, architectures=["X"]
            ),
            "code of its own",
        ),
        (lambda base: edit_text(base, hidden_size=16), "other shapes"),
        (
            lambda base: (base / "model.safetensors").rename(base / "pytorch_model.bin"),
            "safetensors",
        ),
        (lambda base: (base / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda base: (base / "preprocessor_config.json").unlink(), "preprocessor_config.json"),
        (lambda base: edit(base / "preprocessor_config.json", crop_size=48), "do not belong"),
    ],
)
def test_a_folder_that_is_no_whole_clip_checkpoint_is_refused(variants, base, spoil, says):
    spoil(base)
    with pytest.raises(EncoderError) as caught:
        variants.add("photo", base)
    assert says in str(caught.value)
    assert not variants.list()


def edit_text(base, **changes):
    text = json.loads((base / "config.json").read_text())["text_config"]
    edit(base / "config.json", text_config={**text, **changes})


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        *(
            ("config.json", changes)
            for changes in (
                {"projection_dim": None},
                {"projection_dim": "x"},
                {"projection_dim": [1]},
                {"projection_dim": -5},
                {"projection_dim": 10**9},
                {"vision_config": 5},
                {"vision_config": {"image_size": 32, "patch_size": 0}},
                {"text_config": {"hidden_size": 32, "num_attention_heads": 7}},
                {"text_config": {"hidden_act": "os.system"}},
                {"text_config": {"max_position_embeddings": "a"}},
                {"text_config_dict": {"num_hidden_layers": 10**7}},
                {"text_config": {"eos_token_id": None}},
                {"quantization_config": {"quant_method": "bitsandbytes"}},
                {"logit_scale_init_value": float("nan")},
                {"torch_dtype": "evil"},
                {"dtype": 5},
            )
        ),
        *(
            ("preprocessor_config.json", changes)
            for changes in (
                {"resample": None},
                {"resample": 99},
                {"size": {"shortest_edge": None}},
                {"size": {"shortest_edge": 10**9}},
                {"crop_size": "a"},
                {"image_mean": 0.5},
                {"image_mean": [0.5]},
                {"image_std": [0, 0, 0]},
                {"rescale_factor": float("nan")},
                {"do_resize": "no"},
            )
        ),
        *(
            ("tokenizer_config.json", changes)
            for changes in ({"model_max_length": "77"}, {"model_max_length": 0})
        ),
        *(
            ("tokenizer.json", changes)
            for changes in ({"model": None}, {"model": 5}, {"added_tokens": 5})
        ),
    ],
)
def test_odd_settings_of_a_checkpoint_are_refused(variants, base, file, changes):
    edit(base / file, **changes)
    with pytest.raises(EncoderError, match=base.name):
        variants.add("odd", base)
    assert not variants.list()


@pytest.mark.parametrize("text", ["[]", "{", "\xff", '{"x":' + "[" * 10_000 + "]" * 10_000 + "}"])
@pytest.mark.parametrize(
    "file", ["config.json", "preprocessor_config.json", "tokenizer_config.json", "tokenizer.json"]
)
def test_a_file_that_is_no_json_object_is_refused(variants, base, file, text):
    (base / file).write_bytes(text.encode("latin-1"))
    with pytest.raises(EncoderError, match=base.name):
        variants.add("odd", base)


@pytest.mark.parametrize(
    "changes", [{"num_hidden_layers": 200}, {"hidden_size": 64}, {"vocab_size": 1_900_000}]
)
def test_settings_of_a_larger_model_than_the_weights_are_refused(variants, base, changes):
    edit_text(base, **changes)
    with pytest.raises(EncoderError, match="described as a model of"):
        variants.add("large", base)


@pytest.mark.parametrize(("end", "says"), [(0, "reads a text at the token 0"), (300, "token 300")])
def test_a_model_that_does_not_read_texts_at_their_end_is_refused(variants, base, end, says):
    variant = variants.add("whole", base)
    edit_text(base, eos_token_id=end)
    with pytest.raises(EncoderError, match=says):
        variants.add("odd", base)
    with pytest.raises(EncoderError, match="has changed"):
        variant.checkpoint()
    # One that was added before such checkpoints were refused.
    with pytest.raises(EncoderError, match=says):
        Checkpoint.in_folder(base).tokenizer()


def test_a_tokenizer_of_more_tokens_than_the_model_has_is_refused(variants, base):
    edit_text(base, vocab_size=500)
    with pytest.raises(EncoderError, match="has the token 523, and its model takes 500"):
        variants.add("odd", base)


def replacing(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [replacing({"String": "e"}, "e" * 10)] * 9,
                }
            },
            "can make a text longer",
        ),
        ({"normalizer": {"type": "Prepend", "prepend": "a" * 5_000_000}}, "can make a text longer"),
        ({"normalizer": replacing({"Regex": "(e|ee|t|tt)*$x"}, "")}, "none of those known"),
        ({"normalizer": replacing({"Regex": "[ab]+(a|aa)*$"}, "")}, "none of those known"),
        (
            {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAQAAAAAAAB4AA=="}},
            "damaged",
        ),
        (
            {
                "pre_tokenizer": {
                    "type": "Split",
                    "pattern": {"Regex": "(a|aa)+$"},
                    "behavior": "Isolated",
                    "invert": False,
                }
            },
            "none of those known",
        ),
    ],
)
def test_a_tokenizer_of_another_kind_has_bounded_steps(variants, base, changes, says):
    edit(base / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    assert variants.add("whole", base)
    edit(base / "tokenizer.json", **changes)
    with pytest.raises(EncoderError, match=says):
        variants.add("odd", base)


@pytest.mark.parametrize(
    "index",
    [
        {"weight_map": {"a": "x.bin"}},
        {"weight_map": {"a": "../base/model.safetensors"}},
        {"weight_map": {"a": "/etc/x.safetensors"}},
        {"weight_map": {"a": 1}},
        {"weight_map": []},
        {"weight_map": {}},
        {},
    ],
)
def test_an_index_names_safetensors_of_the_checkpoints_folder_only(variants, base, index):
    (base / "model.safetensors").rename(base / "x.bin")
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EncoderError, match="weight_map"):
        variants.add("odd", base)


def test_an_adapter_beside_the_base_is_refused(variants, base, adapter):
    shutil.copytree(adapter, base, dirs_exist_ok=True)
    with pytest.raises(EncoderError, match="holds an adapter beside the model"):
        variants.add("odd", base)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_checkpoint_does_not_choose_the_code_of_its_attention(variants, base, key):
    edit(base / "config.json", **{key: "kernels-community/evil"})
    edit_text(base, **{key: "kernels-community/evil"})
    variants.add("odd", base)
    model = load_model(Checkpoint.in_folder(base), None, 1.0, torch.device("cpu"))
    assert model.text_model.config._attn_implementation == "sdpa"


def test_weights_in_several_files_are_all_part_of_the_revision(base):

    model = CLIPModel.from_pretrained(base)
    (base / "model.safetensors").unlink()
    model.save_pretrained(base, max_shard_size="50KB")
    before = Checkpoint.in_folder(base).revision
    last = sorted(base.glob("model-*.safetensors"))[-1]
    last.write_bytes(last.read_bytes() + b"x")
    assert Checkpoint.in_folder(base).revision != before
    last.unlink()
    with pytest.raises(EncoderError, match=last.name):
        Checkpoint.in_folder(base)


def test_a_folder_has_no_revision(variants, base):
    with pytest.raises(EncoderError, match="revision"):
        variants.add("photo", base, revision="main")


def test_a_vocabulary_beside_the_tokenizer_is_one_file_of_a_checkpoint(variants, base, tmp_path):
    folder = tmp_path / "with_vocabulary"
    shutil.copytree(base, folder)
    for name in ("vocab.json", "merges.txt"):
        (folder / name).write_text("{}")
    files = variants.add("photo", folder).checkpoint().tokenizer_files
    assert {"vocab.json", "merges.txt"} <= {file.name for file in files}
    assert len(files) == len(set(files))


def test_a_base_changed_on_disk_is_not_loaded(tiny_clip, tmp_path):
    base = shutil.copytree(tiny_clip, tmp_path / "base")
    variant = add(tmp_path, base)
    build_tiny_clip(base, seed=5)
    with pytest.raises(EncoderError, match="has changed"):
        Encoder.load(variant)


def test_weights_that_lack_a_part_are_refused(tiny_clip, tmp_path):
    from safetensors.torch import load_file, save_file

    base = shutil.copytree(tiny_clip, tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"lack .*visual_projection"):
        add(tmp_path, base)


def test_broken_weights_are_refused_in_one_sentence(tiny_clip, tmp_path):
    base = shutil.copytree(tiny_clip, tmp_path / "base")
    (base / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(EncoderError, match="cannot be read"):
        add(tmp_path, base)


def test_weights_that_are_all_zero_are_refused(tiny_clip, tmp_path):
    from safetensors.numpy import load_file, save_file

    base = shutil.copytree(tiny_clip, tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    zeros = {name: np.zeros_like(each) for name, each in weights.items()}
    save_file(zeros, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="base gives no vectors"):
        add(tmp_path, base)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tiny_clip, adapter, tmp_path, number):
    from safetensors.numpy import load_file, save_file

    base, broken = (shutil.copytree(tiny_clip, tmp_path / name) for name in ("base", "broken"))
    diverged = shutil.copytree(adapter, tmp_path / "diverged")
    for file in (broken / "model.safetensors", diverged / "adapter_model.safetensors"):
        weights = load_file(file)
        weights[min(weights)].flat[0] = number
        save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"broken has NaN or infinite weights, in \w+"):
        add(tmp_path, broken)
    with pytest.raises(EncoderError, match="with its adapter has NaN or infinite weights"):
        add(tmp_path, base, adapter=diverged)
