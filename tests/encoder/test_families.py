"""Every model family: the vectors of transformers' own model, tokenizer and image processor."""

import dataclasses
import json
import shutil
from collections import defaultdict
from types import MappingProxyType

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModel, AutoTokenizer, Siglip2Tokenizer
from transformers.models.chinese_clip.image_processing_pil_chinese_clip import (
    ChineseCLIPImageProcessorPil,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.families import FAMILIES
from encoder.variants import Variants
from tests.encoder.conftest import build_adapter, edit
from tests.tiny_models import DIM, HIDDEN, TOKENS, build_tiny_model

LEAST = 0.99999
OTHERS = [kind for kind in FAMILIES if kind != "clip"]  # CLIP's own tests are in test_encoder
PROCESSORS = {
    "siglip": SiglipImageProcessorPil,
    "chinese_clip": ChineseCLIPImageProcessorPil,
}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """One tiny checkpoint of each family."""
    folder = tmp_path_factory.mktemp("families")
    return {kind: build_tiny_model(kind, folder / kind) for kind in FAMILIES}


@pytest.fixture(scope="session")
def encoders(checkpoints, tmp_path_factory):
    variants = Variants(tmp_path_factory.mktemp("home"))
    return {
        kind: Encoder.load(variants.add(kind, folder), device="cpu", batch_size=8)
        for kind, folder in checkpoints.items()
    }


@torch.inference_mode()
def theirs(folder, pictures, texts, model=None):
    """Unit image and text vectors as transformers gives them, texts padded as their papers say."""
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    model = model or AutoModel.from_pretrained(folder)
    processor = PROCESSORS.get(kind, CLIPImageProcessorPil).from_pretrained(folder)
    full = {"padding": "max_length", "max_length": TOKENS, "truncation": True}
    if kind == "siglip":
        tokens = Siglip2Tokenizer.from_pretrained(folder)(texts, **full, return_tensors="pt")
        tokens = {"input_ids": tokens["input_ids"]}
    else:
        tokens = AutoTokenizer.from_pretrained(folder)(texts, **full, return_tensors="pt")
    return [
        torch.nn.functional.normalize(output.pooler_output, dim=-1).numpy()
        for output in (
            model.get_image_features(processor(pictures, return_tensors="pt")["pixel_values"]),
            model.get_text_features(**tokens),
        )
    ]


def least_cosine(one, other):
    return (one * other).sum(axis=1).min()


@pytest.mark.parametrize("kind", FAMILIES)
def test_vectors_are_those_of_transformers_in_any_batch(
    encoders, checkpoints, pictures, texts, kind
):
    expected = theirs(checkpoints[kind], pictures, texts)
    encoder = encoders[kind]
    for items, encode, vectors in zip(
        (pictures, texts), (encoder.encode_images, encoder.encode_texts), expected, strict=True
    ):
        assert vectors.shape == (len(items), HIDDEN if kind == "siglip" else DIM)
        assert np.ptp(vectors, axis=0).min() > 0.2  # they differ
        assert least_cosine(encode(items), vectors) > LEAST
        assert least_cosine(np.concatenate([encode([item]) for item in items]), vectors) > LEAST
        assert least_cosine(encode(items[::-1])[::-1], vectors) > LEAST


@pytest.mark.parametrize("side", [112, 512])
@pytest.mark.parametrize("kind", OTHERS)
def test_pictures_of_other_sides_have_the_vectors_of_transformers(
    tmp_path, pictures, texts, kind, side
):
    folder = build_tiny_model(kind, tmp_path / "base", side=side)
    variant = Variants(tmp_path).add("tiny", folder)
    assert variant.image_side == side
    got = Encoder.load(variant, device="cpu").encode_images(pictures[:6])
    assert least_cosine(got, theirs(folder, pictures[:6], texts[:1])[0]) > LEAST


@pytest.mark.parametrize("kind", OTHERS)
def test_picture_settings_move_vectors_as_they_do_in_transformers(
    tmp_path, checkpoints, encoders, pictures, texts, kind
):
    folder = shutil.copytree(checkpoints[kind], tmp_path / "base")
    edit(
        folder / "preprocessor_config.json",
        resample=2,
        image_mean=[0.4, 0.5, 0.6],
        image_std=[0.2, 0.25, 0.3],
    )
    variant = Variants(tmp_path).add("tiny", folder)
    assert variant.fingerprint != encoders[kind].variant.fingerprint
    got = Encoder.load(variant, device="cpu").encode_images(pictures)
    assert least_cosine(got, theirs(folder, pictures, texts[:1])[0]) > LEAST
    assert least_cosine(got, encoders[kind].encode_images(pictures)) < 0.99


@pytest.mark.parametrize("kind", OTHERS)
def test_settings_that_a_file_leaves_out_are_those_of_transformers(
    tmp_path, checkpoints, encoders, texts, kind
):
    """A default beside CLIP's own, such as the activation, would give other vectors."""
    folder = shutil.copytree(checkpoints[kind], tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    left_out = ("hidden_act", "layer_norm_eps", "attention_dropout", "projection_size")
    for section in ("text_config", "vision_config"):
        config[section] = {k: v for k, v in config[section].items() if k not in left_out}
    (folder / "config.json").write_text(json.dumps(config))
    got = Encoder.load(Variants(tmp_path).add("tiny", folder), device="cpu").encode_texts(texts)
    np.testing.assert_allclose(got, encoders[kind].encode_texts(texts), atol=1e-6)


def test_siglip_reads_texts_in_lower_case_whatever_class_its_file_names(encoders, texts):
    """The hub's SigLIP 2 names Gemma's class, which keeps the case that it was not trained on."""
    upper, lower = encoders["siglip"].encode_texts(["Red SHOES, size 4", "red shoes, size 4"])
    np.testing.assert_array_equal(upper, lower)


def test_siglip_1_reads_texts_without_punctuation(tmp_path, checkpoints):
    folder = shutil.copytree(checkpoints["siglip"], tmp_path / "base")
    edit(folder / "tokenizer_config.json", tokenizer_class="SiglipTokenizer")
    encoder = Encoder.load(Variants(tmp_path).add("tiny", folder), device="cpu")
    one, other = encoder.encode_texts([" Men's  Shoes, red!", "mens shoes red"])
    np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # PEFT uses an old name of transformers'
@pytest.mark.parametrize("kind", OTHERS)
def test_an_adapter_is_merged_and_reloaded_as_it_was_trained(
    tmp_path, checkpoints, encoders, pictures, texts, kind
):
    lora = FAMILIES[kind].lora
    targets = [*lora.attention, *lora.feed_forward, *lora.projections, lora.embedding]
    adapter = build_adapter(checkpoints[kind], tmp_path / "adapter", 1, target_modules=targets)
    variants = Variants(tmp_path)
    base, none, tuned = (
        Encoder.load(variants.add(name, checkpoints[kind], **more), device="cpu")
        for name, more in (
            ("base", {}),
            ("none", {"adapter": adapter, "adapter_weight": 0.0}),
            ("tuned", {"adapter": adapter}),
        )
    )
    adapted = PeftModel.from_pretrained(AutoModel.from_pretrained(checkpoints[kind]), adapter)
    trained = theirs(checkpoints[kind], pictures, texts, adapted.eval().base_model.model)
    for encode, items, expected in zip(
        ("encode_images", "encode_texts"), (pictures, texts), trained, strict=True
    ):
        vectors = getattr(base, encode)(items)
        assert least_cosine(getattr(none, encode)(items), vectors) > LEAST
        assert least_cosine(getattr(tuned, encode)(items), expected) > LEAST
        assert least_cosine(vectors, expected) < 0.9


@pytest.mark.filterwarnings("ignore::FutureWarning")  # PEFT uses an old name of transformers'
@pytest.mark.parametrize("kind", FAMILIES)
def test_every_layer_for_an_adapter_is_there_and_learns(checkpoints, kind):
    lora = FAMILIES[kind].lora
    for names in (lora.attention, lora.feed_forward, lora.projections, (lora.embedding,)):
        model = AutoModel.from_pretrained(checkpoints[kind])
        adapted = get_peft_model(model, LoraConfig(r=2, target_modules=list(names)))
        image = model.get_image_features(torch.randn(2, 3, 32, 32)).pooler_output
        text = model.get_text_features(torch.tensor([[0, 5, 7, 2], [0, 9, 8, 2]])).pooler_output
        (image.sum() + text.sum()).backward()
        learning = defaultdict(float)  # the one factor of an adapter that starts at 0 learns
        for name, weights in adapted.named_parameters():
            if "lora_" in name:
                layer = name.partition(".lora_")[0]
                learning[layer] += 0 if weights.grad is None else float(weights.grad.abs().sum())
        assert all(learning.values()), [layer for layer, moved in learning.items() if not moved]
        for name in names:
            assert any(layer.endswith(name) for layer in learning), name


@pytest.mark.parametrize("kind", FAMILIES)
def test_scale_and_bias_are_parameters_of_the_model(checkpoints, kind):
    family = FAMILIES[kind]
    names = dict(AutoModel.from_pretrained(checkpoints[kind]).named_parameters())
    assert family.scale in names
    assert (family.bias in names) == (family.loss == "sigmoid")


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("rule", ["padding", "text_pooling", "cleans"])
def test_the_fingerprint_moves_with_the_familys_rules(
    tmp_path, checkpoints, monkeypatch, kind, rule
):
    before = Variants(tmp_path).add("before", checkpoints[kind])
    changed = dataclasses.replace(FAMILIES[kind], **{rule: "another"})
    table = MappingProxyType({**FAMILIES, kind: changed})
    monkeypatch.setattr("encoder.checkpoint.FAMILIES", table)
    with pytest.raises(EncoderError, match="tokenizer"):
        before.checkpoint()


def test_a_pad_token_is_needed_where_texts_are_filled_up(tmp_path, checkpoints):
    folder = shutil.copytree(checkpoints["siglip"], tmp_path / "base")
    edit(folder / "tokenizer_config.json", pad_token=None)
    with pytest.raises(EncoderError, match="no pad token"):
        Variants(tmp_path).add("tiny", folder)


def test_chinese_clip_is_read_with_the_vocabulary_that_the_hub_has(
    tmp_path, checkpoints, encoders, texts
):
    folder = shutil.copytree(checkpoints["chinese_clip"], tmp_path / "base")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)))
    (folder / "tokenizer.json").unlink()
    variants = Variants(tmp_path)
    encoder = Encoder.load(variants.add("tiny", folder, keep_base=True), device="cpu")
    expected = encoders["chinese_clip"].encode_texts(texts)
    np.testing.assert_allclose(encoder.encode_texts(texts), expected, atol=1e-6)


def test_a_tokenizer_without_its_end_token_is_refused(tmp_path, checkpoints):
    folder = shutil.copytree(checkpoints["siglip"], tmp_path / "base")
    edit(folder / "tokenizer.json", post_processor=None)
    with pytest.raises(EncoderError, match="does not end texts"):
        Variants(tmp_path).add("tiny", folder)


def test_a_tokenizer_of_a_smaller_model_is_refused(tmp_path, checkpoints):
    folder = shutil.copytree(checkpoints["siglip"], tmp_path / "base")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoints["chinese_clip"] / name, folder / name)
    with pytest.raises(EncoderError, match="do not belong together"):
        Variants(tmp_path).add("tiny", folder)
