"""Adapters: merged as PEFT does, scaled by their weight, refused where they do not fit."""

import shutil

import numpy as np
import pytest
import torch
from transformers import CLIPModel

from encoder.adapter import merge_adapter
from encoder.encoder import Encoder
from encoder.errors import (
    EncoderError,
    VariantInvalid,
)
from encoder.variants import Variants
from tests.encoder.conftest import build_adapter, edit, picture_features, text_features
from tests.tiny_clip import build_tiny_clip


def add(home, base, **more):
    return Variants(home).add("tiny", base, **more)


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_an_adapter_changes_the_vectors_as_peft_does(tiny_clip, adapter, tmp_path, pictures, texts):
    from peft import PeftModel

    plain = Encoder.load(add(tmp_path / "plain", tiny_clip), device="cpu")
    tuned = Encoder.load(add(tmp_path / "tuned", tiny_clip, adapter=adapter), device="cpu")
    unmerged = PeftModel.from_pretrained(CLIPModel.from_pretrained(tiny_clip), adapter).eval()
    for features, encode, items in (
        (picture_features, "encode_images", pictures),
        (text_features, "encode_texts", texts),
    ):
        got = getattr(tuned, encode)(items)
        np.testing.assert_allclose(got, features(unmerged, tiny_clip, items), atol=1e-4)
        assert (got * getattr(plain, encode)(items)).sum(axis=1).mean() < 0.99


def test_a_variant_loaded_again_gives_the_same_vectors(tiny_clip, adapter, tmp_path, pictures):
    add(tmp_path, tiny_clip, adapter=adapter)
    first, second = (
        Encoder.load(Variants(tmp_path).get("tiny"), device="cpu").encode_images(pictures)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_the_adapter_weight_scales_the_adapters_change(tiny_clip, adapter, tmp_path, texts):
    def vectors(weight):
        home = tmp_path / str(weight)
        variant = add(home, tiny_clip, adapter=adapter, adapter_weight=weight)
        return Encoder.load(variant, device="cpu").encode_texts(texts)

    base = Encoder.load(add(tmp_path / "base", tiny_clip), device="cpu").encode_texts(texts)
    turned = [1 - (vectors(weight) * base).sum(axis=1).mean() for weight in (0.0, 0.5, 1.0)]
    assert turned[0] < 1e-6 < turned[1] < turned[2]


@pytest.mark.filterwarnings("ignore:.*have invalid shape")  # PEFT's, of lora_bias
@pytest.mark.parametrize(
    "options",
    [
        {"use_rslora": True},
        {"lora_bias": True},
        {"target_modules": ["q_proj", "token_embedding", "patch_embedding"]},
    ],
)
def test_an_adapter_of_weight_0_is_the_base(tiny_clip, tmp_path, texts, options):
    adapter = build_adapter(tiny_clip, tmp_path / "adapter", seed=1, **options)
    base, none, tuned = (
        Encoder.load(add(tmp_path / name, tiny_clip, **more), device="cpu").encode_texts(texts)
        for name, more in (
            ("base", {}),
            ("none", {"adapter": adapter, "adapter_weight": 0.0}),
            ("tuned", {"adapter": adapter}),
        )
    )
    np.testing.assert_allclose(none, base, rtol=0, atol=1e-6)
    assert np.abs(tuned - base).max() > 0.01


@pytest.mark.parametrize(
    "options",
    [{"use_dora": True}, {"bias": "lora_only"}, {"modules_to_save": ["text_projection"]}],
)
def test_an_adapter_that_replaces_whole_tensors_has_the_weight_1_only(
    tiny_clip, tmp_path, texts, options
):
    adapter = build_adapter(tiny_clip, tmp_path / "adapter", seed=1, **options)
    with pytest.raises(VariantInvalid, match=r"the weight 1 only, not 0\.5"):
        add(tmp_path, tiny_clip, adapter=adapter, adapter_weight=0.5)
    tuned = Encoder.load(add(tmp_path, tiny_clip, adapter=adapter), device="cpu")
    base = Encoder.load(add(tmp_path / "base", tiny_clip), device="cpu")
    assert np.abs(tuned.encode_texts(texts) - base.encode_texts(texts)).max() > 0.01
    with pytest.raises(VariantInvalid, match="the weight 1 only"):
        merge_adapter(CLIPModel.from_pretrained(tiny_clip), adapter, 0.0)


def test_an_adapter_for_a_model_of_another_shape_is_refused(tiny_clip, tmp_path):
    wider = build_tiny_clip(tmp_path / "wider", hidden=48)
    adapter = build_adapter(wider, tmp_path / "adapter", seed=1)
    with pytest.raises(EncoderError, match="does not fit"):
        add(tmp_path, tiny_clip, adapter=adapter)


def test_an_adapter_for_more_layers_than_there_are_is_refused(tiny_clip, tmp_path):
    """PEFT only warns of weights that match nothing, and the base's vectors would pass for it."""
    deeper = build_tiny_clip(tmp_path / "deeper", layers=3)
    adapter = build_adapter(deeper, tmp_path / "adapter", seed=1)
    with pytest.raises(EncoderError, match="does not fit"):
        add(tmp_path, tiny_clip, adapter=adapter)


def test_an_adapter_of_another_base_is_refused(variants, base, adapter, tmp_path):
    other = shutil.copytree(adapter, tmp_path / "other")
    edit(other / "adapter_config.json", revision="0" * 64, base_model_name_or_path="bags")
    with pytest.raises(EncoderError, match="trained on bags at 000000000000, not on"):
        variants.add("lora", base, adapter=other)
    assert variants.list() == []


def test_an_adapter_that_names_its_own_base_or_only_a_branch_is_taken(
    variants, base, adapter, tmp_path
):
    other = shutil.copytree(adapter, tmp_path / "other")
    for revision in (variants.add("base", base).manifest.revision, "main"):
        edit(other / "adapter_config.json", revision=revision)
        assert variants.add("lora", base, adapter=other).manifest.adapter_hash


def test_a_damaged_adapter_is_refused(variants, base, adapter, tmp_path):
    torn = shutil.copytree(adapter, tmp_path / "torn")
    weights = torn / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(EncoderError, match="damaged"):
        variants.add("lora", base, adapter=torn)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_factor_is_refused(variants, base, adapter, weight):
    with pytest.raises(VariantInvalid, match="weight"):
        variants.add("lora", base, adapter=adapter, adapter_weight=weight)


def test_a_weight_without_an_adapter_is_refused(variants, base):
    with pytest.raises(VariantInvalid, match="adapter"):
        variants.add("lora", base, adapter_weight=0.5)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "adapter_config.json").unlink(), "adapter_config.json"),
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "safetensors"),
        (lambda folder: (folder / "adapter_config.json").write_text("["), "JSON"),
        (lambda folder: edit(folder / "adapter_config.json", peft_type="IA3"), "LoRA"),
    ],
)
def test_a_folder_that_is_no_lora_adapter_is_refused(
    variants, base, adapter, tmp_path, spoil, says
):
    spoiled = shutil.copytree(adapter, tmp_path / "spoiled")
    spoil(spoiled)
    with pytest.raises(EncoderError, match=says):
        variants.add("lora", base, adapter=spoiled)


SLOW = r"(([a-z_]+)*)*(\.[a-z_]+)*!"  # exponential in a name's length, for a backtracking matcher


@pytest.mark.parametrize(
    "changes",
    [
        {"r": 10**9},
        {"r": 0},
        {"r": "x"},
        {"lora_alpha": "x"},
        {"lora_alpha": float("nan")},
        {"lora_alpha": 1e308},
        {"rank_pattern": {SLOW: 4}},
        {"rank_pattern": {"q_proj": 5_000}},
        {"alpha_pattern": {SLOW: 4}},
        {"alpha_pattern": [1]},
        {"modules_to_save": [SLOW]},
        {"modules_to_save": "text_projection"},
        {"revision": 5},
        {"bias": "some"},
        {"use_dora": "yes"},
        {"init_lora_weights": "loftq"},
        {"init_lora_weights": "pissa"},
        {"loftq_config": {"loftq_bits": 4}},
        {"megatron_config": {}, "megatron_core": "evil"},
        {"target_parameters": ["x"]},
        {"trainable_token_indices": [1]},
        {"layer_replication": [[0, 1], [0, 1]]},
        {"alora_invocation_tokens": [1, 2]},
        {"arrow_config": {"x": 1}},
        {"use_qalora": True},
    ],
)
def test_odd_settings_of_an_adapter_are_refused(variants, base, adapter, tmp_path, changes):
    odd = shutil.copytree(adapter, tmp_path / "odd")
    edit(odd / "adapter_config.json", **changes)
    with pytest.raises(EncoderError, match=r"odd/adapter_config\.json"):
        variants.add("odd", base, adapter=odd)


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": SLOW},
        {"target_modules": [SLOW]},
        {"target_modules": "all-linear"},
        {"target_modules": None},
        {"target_modules": 5},
        {"exclude_modules": SLOW},
        {"layers_pattern": SLOW, "layers_to_transform": [0]},
        {"megatron_core": "evil"},
        {"auto_mapping": {"base_model_class": "X", "parent_library": "evil"}},
        {"task_type": "EVIL"},
        {"runtime_config": {"ephemeral_gpu_offload": True}},
        {"peft_version": "99.0", "unknown": 1},
    ],
)
def test_what_an_adapter_says_beyond_its_weights_changes_nothing(base, adapter, tmp_path, changes):
    def merged(folder):
        return merge_adapter(CLIPModel.from_pretrained(base), folder).state_dict()

    odd = shutil.copytree(adapter, tmp_path / "odd")
    edit(odd / "adapter_config.json", **changes)
    expected = merged(adapter)
    assert all(torch.equal(weights, expected[name]) for name, weights in merged(odd).items())


def test_a_rank_above_that_of_the_weights_is_not_allocated(base, adapter, tmp_path):
    odd = shutil.copytree(adapter, tmp_path / "odd")
    edit(odd / "adapter_config.json", r=4096)
    with pytest.raises(EncoderError, match="does not fit"):
        merge_adapter(CLIPModel.from_pretrained(base), odd)
