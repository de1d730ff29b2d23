"""Bases of other families than CLIP: their loss, their layers, and the variant they become."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.numpy import load_file

from encoder.checkpoint import Checkpoint
from encoder.encoder import Encoder
from encoder.families import FAMILIES
from encoder.variants import Variants
from finetune.candidates import CANDIDATES, candidates_for
from finetune.checkpoint import merge_variant
from finetune.errors import FinetuneError
from finetune.job import train
from finetune.loss import sigmoid_loss
from finetune.model import Model
from finetune.retrieval import encoder_of
from finetune.split import draw_split
from finetune.trainer import Trainer
from tests.finetune.conftest import QUICK
from tests.finetune.test_gradients import gradients_of
from tests.tiny_models import build_tiny_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def base(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return Checkpoint.in_folder(build_tiny_model(request.param, folder))


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    return build_tiny_model("siglip", tmp_path_factory.mktemp("siglip"))


def vectors_of(encoder):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    images = encoder.encode_images([Image.fromarray(each) for each in pixels])
    return np.concatenate([images, encoder.encode_texts(["teal disc", "a", "navy bar"])])


def test_every_candidate_has_an_adapter_on_layers_of_both_encoders(base):
    candidates = candidates_for(QUICK, base.family.lora, ())
    assert set(candidates) == set(CANDIDATES)
    for name, settings in candidates.items():
        trained = Model.load(base, settings, CPU).trained
        for encoder in ("vision_model", "text_model"):
            assert any(encoder in weight and ".lora_A" in weight for weight in trained), name
        assert any("embedding" in weight for weight in trained) == ("tokens" in name)


def test_an_adapter_trained_saved_and_merged_gives_what_was_trained(base, examples, tmp_path):
    settings = candidates_for(QUICK, base.family.lora, ())["tokens"]
    split = draw_split(examples, seed=0, validation=0.2, test=0.2)
    training = Trainer(base, examples, split, Accelerator(cpu=True)).training(settings)
    untrained = vectors_of(encoder_of(training.model, 16))
    training.run()
    trained = vectors_of(encoder_of(training.model, 16))
    training.model.save_adapter(tmp_path / "adapter")
    variants = Variants(tmp_path)
    tuned = variants.add("tuned", base.folder, adapter=tmp_path / "adapter")
    np.testing.assert_allclose(
        vectors_of(Encoder.load(tuned, device="cpu")), trained, rtol=0, atol=1e-5
    )
    assert np.abs(trained - untrained).max() > 1e-3
    merged = variants.add("merged", merge_variant(tuned, tmp_path / "out"))
    np.testing.assert_allclose(
        vectors_of(Encoder.load(merged, device="cpu")), trained, rtol=0, atol=1e-5
    )
    none = variants.add("none", base.folder, adapter=tmp_path / "adapter", adapter_weight=0.0)
    np.testing.assert_allclose(
        vectors_of(Encoder.load(none, device="cpu")), untrained, rtol=0, atol=1e-5
    )


def test_siglip_is_trained_with_its_own_loss_and_becomes_a_variant_and_a_checkpoint(
    siglip, shop, tmp_path
):
    home = shutil.copytree(shop, tmp_path / "home")
    settings = dataclasses.replace(QUICK, targets=("q_proj", "token_embedding"))
    result = train(home, "lora", settings, base=str(siglip), cpu=True)
    assert result.variant.manifest.notes["settings"]["objective"] == "sigmoid"
    adapter = load_file(result.variant.adapter_folder / "adapter_model.safetensors")
    assert all("lora_" in name for name in adapter)
    merged = Variants(tmp_path).add("merged", merge_variant(result.variant, tmp_path / "out"))
    ours, theirs = (
        vectors_of(Encoder.load(each, device="cpu")) for each in (result.variant, merged)
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("one_thread")
def test_the_gradients_of_the_sigmoid_loss_are_those_of_one_plain_pass(examples, siglip):
    settings = dataclasses.replace(QUICK, method="full", micro_batch=3, dropout=0.0)
    found, loss, model, batch, _ = gradients_of(
        examples, Checkpoint.in_folder(siglip), settings, Accelerator(cpu=True)
    )
    model.dual_encoder.zero_grad()
    image = model.image_features(torch.from_numpy(batch.pixels))
    text = model.text_features(batch.tokens)
    image, text = (torch.nn.functional.normalize(each, dim=-1) for each in (image, text))
    positives = torch.from_numpy(batch.positives)
    plain = sigmoid_loss(image, text, model.scale, model.bias, positives)
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), rel=1e-5)
    for name, weight in model.trained.items():
        torch.testing.assert_close(found[name], weight.grad, rtol=1e-4, atol=1e-4)
    assert {"logit_scale", "logit_bias"} <= set(found)


def test_siglip_can_be_trained_with_the_contrastive_loss_and_clip_not_with_the_sigmoid_one(
    siglip, checkpoint
):
    settings = dataclasses.replace(QUICK, objective="contrastive")
    assert Model.load(Checkpoint.in_folder(siglip), settings, CPU).trained
    with pytest.raises(FinetuneError, match="has no bias"):
        Model.load(checkpoint, dataclasses.replace(QUICK, objective="sigmoid"), CPU)
