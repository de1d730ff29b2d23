"""A trained checkpoint on real photos: the vectors mean what they should."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.template import find_template
from encoder.variants import Variants

pytestmark = pytest.mark.realdata

PRODUCTS = 240


@pytest.fixture(scope="module")
def checkpoint(realdata):
    folder = realdata.parent / "models" / "clip-photo-small"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return folder


@pytest.fixture(scope="module")
def photo(checkpoint, tmp_path_factory):
    return Encoder.load(Variants(tmp_path_factory.mktemp("home")).add("photo", checkpoint))


@pytest.fixture(scope="module")
def products(realdata):
    """Products with titles of their own, since one title for two is no mistake of the encoder."""
    with (realdata / "fashion" / "products.jsonl").open(encoding="utf-8") as lines:
        rows = {row["title"]: row for row in map(json.loads, lines)}
    step = len(rows) // PRODUCTS
    return list(rows.values())[::step][:PRODUCTS]


@pytest.fixture(scope="module")
def files(realdata, products):
    return [realdata / "fashion" / row["image"] for row in products]


@pytest.fixture(scope="module")
def vectors(photo, files):
    return np.concatenate([batch.vectors for batch in photo.stream_images(files, Image.open)])


def test_a_title_finds_its_photo_among_the_first_ten(photo, products, vectors):
    titles = photo.encode_texts([find_template("title").render(row) for row in products])
    scores = titles @ vectors.T
    ranks = (scores > np.diag(scores)[:, None]).sum(axis=1)
    assert (ranks < 10).mean() > 0.7  # chance is 10 of 240


@torch.inference_mode()
def test_real_photos_have_the_vectors_of_transformers(checkpoint, files, vectors):
    model = CLIPModel.from_pretrained(checkpoint)
    processor = CLIPImageProcessorPil.from_pretrained(checkpoint)
    pixels = processor([Image.open(file) for file in files[:40]], return_tensors="pt")
    features = model.get_image_features(**pixels).pooler_output
    expected = torch.nn.functional.normalize(features, dim=-1).numpy()
    np.testing.assert_allclose(vectors[:40], expected, atol=1e-5)


@pytest.mark.parametrize(("name", "admitted"), [("photo", False), ("fashion", True)])
def test_the_probe_judges_bfloat16_as_real_photos_do(
    realdata, files, tmp_path, monkeypatch, name, admitted
):
    folder = realdata.parent / "models" / f"clip-{name}-small"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    variant = Variants(tmp_path).add(name, folder)
    if not admitted:
        with pytest.raises(EncoderError, match="bfloat16"):
            Encoder.load(variant, precision="bfloat16", device="cpu")
        monkeypatch.setattr("encoder.precision.LEAST_COSINE", -1)
    exact, short = (
        np.concatenate([batch.vectors for batch in encoder.stream_images(files, Image.open)])
        for encoder in (
            Encoder.load(variant, device="cpu"),
            Encoder.load(variant, precision="bfloat16", device="cpu"),
        )
    )
    assert ((exact * short).sum(axis=1).min() >= 0.999) == admitted


def test_sentence_transformers_reads_the_same_checkpoint_alike(checkpoint, photo, products):
    from sentence_transformers import SentenceTransformer

    texts = [row["title"] for row in products[:20]]
    peer = SentenceTransformer(str(checkpoint), device="cpu")
    theirs = peer.encode([{"text": text} for text in texts], normalize_embeddings=True)
    np.testing.assert_allclose(photo.encode_texts(texts), theirs, atol=1e-5)
