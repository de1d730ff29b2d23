"""`vitrine convert`: open_clip's checkpoints become those of transformers, with the same vectors.

The expected vectors come from a plain forward pass over the tensors under their old names.
"""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from typer.testing import CliRunner

from encoder import conversion
from encoder.__main__ import app
from encoder.conversion import NAMES, convert
from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.variants import Variants
from tests.encoder.open_clip import LAYERS, PATCH, SIDE, WIDTH, build_open_clip
from tests.encoder.test_command import error_of
from tests.tiny_models import TOKENS


@pytest.fixture
def source(tmp_path):
    """A function that writes a random open_clip checkpoint of a kind."""
    return lambda kind: build_open_clip(kind, tmp_path / f"open-{kind}")


class Forward:
    """The forward pass of a ViT CLIP or ViT SigLIP over tensors under open_clip's names."""

    def __init__(self, folder, kind):
        self.tensors, self.kind = load_file(folder / "open_clip_model.safetensors"), kind

    def norm(self, x, name, eps=1e-5):
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return functional.layer_norm(x, (WIDTH,), weight, bias, 1e-6 if self.siglip else eps)

    @property
    def siglip(self):
        return self.kind == "siglip"

    def linear(self, x, name):
        return functional.linear(x, self.tensors[f"{name}weight"], self.tensors[f"{name}bias"])

    def gelu(self, x, text):
        if not self.siglip:
            return x * torch.sigmoid(1.702 * x)
        return functional.gelu(x, approximate="tanh" if text else "none")

    def layers(self, x, name, names, *, text):
        packed, out, first, second, inner, outer = names
        for layer in range(LAYERS):
            start = f"{name}.{layer}."
            states = self.linear(self.norm(x, start + first), start + packed)
            query, key, value = states.chunk(3, dim=-1)
            causal = text and not self.siglip
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
            x = x + self.linear(seen, f"{start}{out}.")
            states = self.gelu(self.linear(self.norm(x, start + second), f"{start}{inner}."), text)
            x = x + self.linear(states, f"{start}{outer}.")
        return x

    RESBLOCK = ("attn.in_proj_", "attn.out_proj", "ln_1", "ln_2", "mlp.c_fc", "mlp.c_proj")
    TIMM = ("attn.qkv.", "attn.proj", "norm1", "norm2", "mlp.fc1", "mlp.fc2")

    def text(self, ids):
        start, tensors = "text." if self.siglip else "", self.tensors
        x = tensors[f"{start}token_embedding.weight"][ids]
        x = x + tensors[f"{start}positional_embedding"][: ids.shape[1]]
        x = self.layers(x, f"{start}transformer.resblocks", self.RESBLOCK, text=True)
        x = self.norm(x, f"{start}ln_final")
        if self.siglip:
            return self.linear(x[:, -1], "text.text_projection.")
        return x[torch.arange(len(ids)), ids.argmax(dim=-1)] @ tensors["text_projection"]

    def image(self, pixels):
        tensors = self.tensors
        if not self.siglip:
            x = functional.conv2d(pixels, tensors["visual.conv1.weight"], stride=PATCH)
            x = x.flatten(2).transpose(1, 2)
            first = tensors["visual.class_embedding"].expand(len(x), 1, WIDTH)
            x = torch.cat([first, x], dim=1) + tensors["visual.positional_embedding"]
            x = self.norm(x, "visual.ln_pre")
            x = self.layers(x, "visual.transformer.resblocks", self.RESBLOCK, text=False)
            return self.norm(x[:, 0], "visual.ln_post") @ tensors["visual.proj"]
        name = "visual.trunk.patch_embed.proj"
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        x = functional.conv2d(pixels, weight, bias, stride=PATCH).flatten(2).transpose(1, 2)
        x = x + tensors["visual.trunk.pos_embed"]
        x = self.layers(x, "visual.trunk.blocks", self.TIMM, text=False)
        x, pool = self.norm(x, "visual.trunk.norm"), "visual.trunk.attn_pool"
        query = self.linear(tensors[f"{pool}.latent"].expand(len(x), 1, WIDTH), f"{pool}.q.")
        key, value = self.linear(x, f"{pool}.kv.").chunk(2, dim=-1)
        x = functional.scaled_dot_product_attention(query, key, value)
        x = self.linear(x, f"{pool}.proj.")[:, 0]
        states = self.linear(self.norm(x, f"{pool}.norm"), f"{pool}.mlp.fc1.")
        return x + self.linear(self.gelu(states, text=False), f"{pool}.mlp.fc2.")


@pytest.mark.parametrize("kind", NAMES)
def test_a_converted_checkpoint_has_the_vectors_of_open_clip(
    source, tmp_path, pictures, texts, kind
):
    folder = source(kind)
    checkpoint = convert(str(folder), tmp_path / "converted")
    variant = Variants(tmp_path).add("tiny", tmp_path / "converted")
    encoder, forward = Encoder.load(variant, device="cpu"), Forward(folder, kind)
    mean, std = (np.float32(each) for each in (checkpoint.processor.mean, checkpoint.processor.std))
    pixels = np.stack([checkpoint.processor.pixels(picture) for picture in pictures]) / 255
    values = torch.from_numpy(((pixels - mean) / std).astype(np.float32).transpose(0, 3, 1, 2))
    tokens = checkpoint.tokenizer()(texts)
    ids = torch.zeros(len(tokens), TOKENS, dtype=torch.long)  # as open_clip fills up texts
    for row, each in zip(ids, tokens, strict=True):
        row[: len(each)] = torch.tensor(each)
    for got, expected in (
        (encoder.encode_images(pictures), forward.image(values)),
        (encoder.encode_texts(texts), forward.text(ids)),
    ):
        unit = functional.normalize(expected, dim=-1).numpy()
        assert np.ptp(unit, axis=0).max() > 0.1  # they differ
        assert (got * unit).sum(axis=1).min() > 0.99999


def test_pictures_and_texts_are_prepared_as_the_configuration_says(source, tmp_path):
    checkpoint = convert(str(source("siglip")), tmp_path / "converted")
    assert checkpoint.processor.exact == (SIDE, SIDE)
    assert (checkpoint.processor.resample, checkpoint.processor.crop) == (2, ())
    assert checkpoint.tokenizer()(["Men's SHOES!"]) == checkpoint.tokenizer()(["mens shoes"])
    plain = convert(str(source("clip")), tmp_path / "plain")
    assert (plain.processor.shortest, plain.processor.crop) == (SIDE, (SIDE, SIDE))


def edit(file, change):
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("clip", lambda c: c["model_cfg"]["vision_cfg"].update(layers=[3, 4]), "layers"),
        ("clip", lambda c: c["model_cfg"]["vision_cfg"].update(attentional_pool=True), "attention"),
        ("clip", lambda c: c["model_cfg"]["text_cfg"].update(hf_model_name="x"), "hf_model_name"),
        ("clip", lambda c: c["model_cfg"]["text_cfg"].update(pool_type="last"), "neither a ViT"),
        ("clip", lambda c: c["model_cfg"]["vision_cfg"].update(layers=3), "is not of the clip"),
        ("clip", lambda c: c["preprocess_cfg"].update(resize_mode="longest"), "resize_mode"),
        ("clip", lambda c: c.pop("model_cfg"), "model_cfg"),
        (
            "siglip",
            lambda c: c["model_cfg"]["vision_cfg"].update(timm_model_name="convnext_base"),
            "convnext_base that is neither",
        ),
        ("siglip", lambda c: c["model_cfg"]["text_cfg"].update(layers=1), "is not of the siglip"),
    ],
)
def test_other_models_are_refused_and_nothing_is_left(source, tmp_path, kind, change, says):
    folder = source(kind)
    edit(folder / "open_clip_config.json", change)
    with pytest.raises(EncoderError, match=says):
        convert(str(folder), tmp_path / "out" / "converted")
    assert list(tmp_path.glob("out/*")) == []


def test_what_is_no_open_clip_checkpoint_is_refused(source, tmp_path, tiny_clip):
    with pytest.raises(EncoderError, match=r"no open_clip_config\.json"):
        convert(str(tiny_clip), tmp_path / "converted")
    folder = source("clip")
    with pytest.raises(EncoderError, match="is not empty"):
        convert(str(folder), folder)
    (folder / "open_clip_model.safetensors").rename(folder / "open_clip_pytorch_model.bin")
    with pytest.raises(EncoderError, match="safetensors only"):
        convert(str(folder), tmp_path / "converted")


def test_a_tensor_that_the_table_has_not_is_named(source, tmp_path):
    folder = source("clip")
    tensors = load_file(folder / "open_clip_model.safetensors")
    tensors["visual.transformer.resblocks.0.ls_1.gamma"] = torch.ones(WIDTH)
    save_file(tensors, folder / "open_clip_model.safetensors")
    with pytest.raises(EncoderError, match=r"holds visual.transformer.resblocks.0.ls_1.gamma"):
        convert(str(folder), tmp_path / "converted")


def test_a_folder_that_another_conversion_has_filled_meanwhile_is_left_as_it_is(
    source, tmp_path, monkeypatch
):
    folder = tmp_path / "made"

    def write(*arguments):
        folder.mkdir()
        (folder / "config.json").write_text("another's")
        return write_model(*arguments)

    write_model = conversion._write_model
    monkeypatch.setattr(conversion, "_write_model", write)
    with pytest.raises(EncoderError, match="made exists and is not empty: name a new folder"):
        convert(str(source("clip")), folder)
    assert (folder / "config.json").read_text() == "another's"
    assert not list(tmp_path.glob(".made-*"))


def test_the_command_converts_with_a_tokenizer_from_elsewhere(source, tmp_path):
    folder = source("siglip")
    words = tmp_path / "words"
    words.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.move(folder / name, words / name)
    target = tmp_path / "converted"
    done = CliRunner().invoke(
        app, ["convert", str(folder), str(target), "--tokenizer", str(words), "--json"]
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {
        "folder": str(target),
        "model_type": "siglip",
        "dim": WIDTH,
        "image_side": SIDE,
        "max_tokens": TOKENS,
    }
    assert "is not empty" in error_of(
        CliRunner().invoke(app, ["convert", str(folder), str(target)])
    )
