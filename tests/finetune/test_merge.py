"""A variant as a plain checkpoint, and adapters that cannot be merged."""

import shutil

import numpy as np
import pytest
from PIL import Image

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.variants import Variants
from encoder.vectors import normalize
from finetune.checkpoint import merge_variant
from finetune.errors import FinetuneError
from finetune.job import train
from tests.finetune.conftest import QUICK, largest_file
from tests.tiny_clip import build_tiny_clip


@pytest.fixture(scope="module")
def home(shop, tiny_clip, tmp_path_factory):
    home = shutil.copytree(shop, tmp_path_factory.mktemp("merging") / "home")
    train(home, "lora", QUICK, base=str(tiny_clip), cpu=True)
    return home


@pytest.fixture(scope="module")
def merged(home):
    return merge_variant(Variants(home).get("lora"), home / "merged")


@pytest.fixture
def picture():
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8))


@pytest.fixture
def vectors(home, picture):
    """The variant's own, of one picture and one text."""
    encoder = Encoder.load(Variants(home).get("lora"), device="cpu")
    return encoder.encode_images([picture])[0], encoder.encode_texts(["teal disc"])[0]


def test_transformers_opens_it_and_gives_the_variants_vectors(merged, picture, vectors):
    import torch
    from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

    model = CLIPModel.from_pretrained(merged).eval()
    pixels = CLIPImageProcessor.from_pretrained(merged)(picture, return_tensors="pt")
    tokens = AutoTokenizer.from_pretrained(merged)(["teal disc"], return_tensors="pt")
    with torch.no_grad():
        image = model.get_image_features(**pixels).pooler_output[0].numpy()
        text = model.get_text_features(**tokens).pooler_output[0].numpy()
    assert normalize(image) @ vectors[0] > 0.9999
    np.testing.assert_allclose(normalize(text), vectors[1], rtol=0, atol=1e-5)


def test_sentence_transformers_opens_it_too(merged, picture, vectors):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(merged), device="cpu")
    assert normalize(model.encode([picture])[0]) @ vectors[0] > 0.9999
    assert normalize(model.encode([{"text": "teal disc"}])[0]) @ vectors[1] > 0.9999


def test_it_is_a_base_like_any_other(merged, picture, vectors, tmp_path):
    encoder = Encoder.load(Variants(tmp_path).add("again", merged), device="cpu")
    np.testing.assert_allclose(encoder.encode_images([picture])[0], vectors[0], atol=1e-5)


def test_at_weight_0_it_is_the_base(home, tiny_clip, picture, tmp_path):
    none = merge_variant(Variants(home).get("lora"), tmp_path / "none", adapter_weight=0.0)
    here = Variants(tmp_path)
    one, other = (
        Encoder.load(here.add(name, folder), device="cpu").encode_images([picture])
        for name, folder in (("none", none), ("base", tiny_clip))
    )
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_a_folder_that_holds_something_is_left_alone(home, merged):
    with pytest.raises(FinetuneError, match="name a new folder"):
        merge_variant(Variants(home).get("lora"), merged)


def test_a_disk_that_takes_no_more_is_an_error_with_the_folders_name(home, tmp_path):
    with largest_file(20_000), pytest.raises(OSError, match="File too large") as caught:
        merge_variant(Variants(home).get("lora"), tmp_path / "merged")
    assert caught.value.filename == str(tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [{}, {"hidden": 48}])
def test_an_adapter_of_another_base_is_an_error(home, tmp_path, shape):
    other = build_tiny_clip(tmp_path / "other", seed=9, **shape)
    variants = Variants(tmp_path)
    with pytest.raises(EncoderError, match="the base"):
        merge_variant(
            variants.add("wrong", other, adapter=home / "variants" / "lora" / "adapter"),
            tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


def test_a_damaged_adapter_is_an_error(home, tiny_clip, tmp_path):
    adapter = shutil.copytree(home / "variants" / "lora" / "adapter", tmp_path / "adapter")
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(EncoderError, match="damaged"):
        merge_variant(Variants(tmp_path).add("torn", tiny_clip, adapter=adapter), tmp_path / "out")


def test_an_adapter_that_changed_since_is_an_error(home, tmp_path):
    copy = shutil.copytree(home / "variants", tmp_path / "variants")
    weights = copy / "lora" / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    with pytest.raises(EncoderError, match="has changed"):
        merge_variant(Variants(tmp_path).get("lora"), tmp_path / "out")
