"""Embedders: sentence-transformers' models for texts and pictures, in place of a dual encoder."""

import importlib.util
import json
import shutil
import socket

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.runtimes.machine import load_openvino
from encoder.runtimes.preparation import prepare
from encoder.variants import Variants
from tests.encoder.conftest import drop_weights, edit
from tests.tiny_embedder import BEGIN, EMBEDDER_DIM, EMBEDDER_TOKENS, IMAGE, build_tiny_embedder
from tests.tiny_models import build_tiny_text_model

PROMPTS = {"query": "find: ", "document": "item: "}
LEAST = 0.99999


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_tiny_embedder(tmp_path_factory.mktemp("embedder") / "model", PROMPTS)


@pytest.fixture(scope="module")
def embedding(tmp_path_factory, folder):
    """A variant of it."""
    return Variants(tmp_path_factory.mktemp("home")).add("seeing", folder, keep_base=True)


@pytest.fixture(scope="module")
def seeing(embedding):
    return Encoder.load(embedding, device="cpu", batch_size=4)


@pytest.fixture(scope="module")
def theirs(folder):
    return SentenceTransformer(str(folder), device="cpu")


@pytest.fixture
def copied(tmp_path, folder):
    return shutil.copytree(folder, tmp_path / "copied")


def as_text(text):
    return [{"role": "user", "content": [{"type": "text", "text": text}]}]


def cosines(left, right):
    return (left * right).sum(axis=1)


def documents(encoder, texts):
    vectors = np.zeros((len(texts), encoder.variant.text_dim), dtype=np.float32)
    for batch in encoder.stream_documents(enumerate(texts)):
        assert batch.failed == []
        vectors[batch.keys] = batch.vectors
    return vectors


def test_texts_and_pictures_have_the_vectors_of_sentence_transformers(
    seeing, theirs, texts, pictures
):
    texts, pictures = [text[:40] for text in texts[:9]], pictures[:6]
    messages = [as_text(text) for text in texts]
    queries, items = theirs.encode_query(messages), theirs.encode_document(messages)
    assert cosines(seeing.encode_texts(texts), queries).min() > LEAST
    assert cosines(seeing.encode_queries(texts), queries).min() > LEAST
    assert cosines(documents(seeing, texts), items).min() > LEAST
    assert cosines(queries, items).max() < LEAST  # the prompts differ
    images = seeing.encode_images(pictures)
    assert (images.dtype, images.shape) == (np.float32, (6, EMBEDDER_DIM))
    assert cosines(images, theirs.encode_document(pictures)).min() > LEAST
    one_by_one = np.concatenate([seeing.encode_images([picture]) for picture in pictures])
    assert cosines(images, one_by_one).min() > LEAST


def test_a_text_is_never_opened_as_a_picture(seeing, theirs, pictures, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("a text was fetched")

    file = tmp_path / "a.png"
    pictures[0].convert("RGB").save(file)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    texts = [str(file), "https://127.0.0.1:9/a.png", "data:image/png;base64,AAAA"]
    expected = theirs.encode_query([as_text(text) for text in texts])
    assert cosines(seeing.encode_texts(texts), expected).min() > LEAST
    picture = seeing.encode_images(pictures[:1])
    assert cosines(theirs.encode_document([str(file)]), picture).min() > LEAST  # theirs opens it
    assert cosines(documents(seeing, texts), picture).max() < 0.999


def test_special_tokens_in_a_text_are_text(seeing):
    vectors = documents(seeing, [BEGIN, IMAGE, f"a {BEGIN} b", "\ud800", ""])
    assert np.isfinite(vectors).all()


def test_a_variant_of_an_embedder_has_one_space(embedding):
    assert embedding.vectors == ("image", "text", "fused")
    assert (embedding.dim, embedding.text_dim) == (EMBEDDER_DIM, EMBEDDER_DIM)
    assert (embedding.max_tokens, embedding.image_side) == (EMBEDDER_TOKENS, 0)
    assert "of any side" in (embedding.folder / "README.md").read_text()


def test_matryoshka_keeps_the_first_numbers(tmp_path, folder, seeing, pictures):
    short = Variants(tmp_path).add("short", folder, dim=4)
    assert (short.dim, short.text_dim) == (4, 4)
    encoder = Encoder.load(short, device="cpu")
    for encode, items in (("encode_images", pictures[:3]), ("encode_queries", ["a", "the shoe"])):
        whole = getattr(seeing, encode)(items)[:, :4]
        expected = whole / np.linalg.norm(whole, axis=1, keepdims=True)
        np.testing.assert_allclose(getattr(encoder, encode)(items), expected, atol=1e-5)


def test_fingerprints_depend_on_dimension_prompts_template_and_weights(tmp_path, copied, embedding):
    variants = Variants(tmp_path)
    made = [embedding, variants.add("short", copied, dim=8)]
    for number, (file, changes) in enumerate(
        (
            ("config_sentence_transformers.json", {"prompts": {"query": "q: ", "document": ""}}),
            ("processor_config.json", {"image_seq_length": 4, "note": "another"}),
        )
    ):
        edit(copied / file, **changes)
        made.append(variants.add(f"changed_{number}", copied))
    (copied / "chat_template.jinja").write_text("{{ messages[0].content[0].text }}<begin-image>")
    with pytest.raises(EncoderError, match="has changed since variant 'changed_1'"):
        made[-1].checkpoint()
    assert len({each.fingerprint for each in made}) == len(made)
    assert len({each.manifest.image_fingerprint for each in made}) == len(made)


def test_variants_of_one_embedder_share_it_in_memory(tmp_path, folder):
    variants = Variants(tmp_path)
    one, other = (
        Encoder.load(variants.add(name, folder, template=name), device="cpu")
        for name in ("title", "title_description")
    )
    assert one.text_encoder is other.text_encoder
    assert one.variant.manifest.image_fingerprint == other.variant.manifest.image_fingerprint


def test_an_installation_has_its_own_copy_of_an_embedder(tmp_path, tiny_clip, copied):
    variants = Variants(tmp_path / "home")
    variant = variants.add("seeing", copied, keep_base=True)
    shutil.rmtree(copied)
    assert variant.checkpoint().folder.parent == tmp_path / "home" / "checkpoints"
    variants.add("seeing", tiny_clip, keep_base=True, force=True)
    assert [each.name[:5] for each in (tmp_path / "home/checkpoints").iterdir()] == ["base-"]


def test_a_text_model_may_stand_beside_it(tmp_path, folder):
    words = build_tiny_text_model(tmp_path / "words")
    variant = Variants(tmp_path).add("both", folder, text_model=words)
    encoder = Encoder.load(variant, device="cpu")
    assert encoder.encode_queries(["a"]).shape == (1, variant.text_dim)
    assert encoder.encode_texts(["a"]).shape == (1, EMBEDDER_DIM) != (1, variant.text_dim)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: edit(f / "config.json", auto_map={"AutoModel": "x.X"}), "auto_map"),
        (
            lambda f: edit(f / "sentence_bert_config.json", tokenizer_name_or_path="acme/x"),
            "tokenizer_name_or_path",
        ),
        (
            lambda f: edit(
                f / "sentence_bert_config.json",
                modality_config={"text": {"method": "save_pretrained", "method_output_name": ""}},
            ),
            "save_pretrained",
        ),
        (lambda f: edit(f / "sentence_bert_config.json", transformer_task="any-to-any"), "any-to-"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), "cannot be loaded"),
        (lambda f: (f / "model.safetensors").unlink(), "safetensors only"),
        (lambda f: drop_weights(f, "vision_tower"), "weights of the embedder .* lack"),
        (lambda f: (f / "processor_config.json").unlink(), "reads no pictures|cannot be loaded"),
        (lambda f: (f / "1_Pooling/config.json").unlink(), "cannot be loaded"),
        (lambda f: edit(f / "config.json", model_type="of_tomorrow"), "of_tomorrow"),
        (lambda f: edit(f / "config.json", dtype="evil"), "dtype"),
        (lambda f: edit(f / "tokenizer_config.json", model_max_length=0), "model_max_length"),
        (lambda f: (f / "chat_template.jinja").write_text("{% for"), "end of template"),
    ],
)
def test_what_is_no_embedder_or_would_run_code_is_refused(tmp_path, copied, spoil, says):
    spoil(copied)
    with pytest.raises(EncoderError, match=says):
        Variants(tmp_path).add("seeing", copied)
    assert not Variants(tmp_path).list()


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="it is installed")
def test_a_processor_that_needs_another_library_names_it(tmp_path, copied):
    (copied / "processor_config.json").unlink()
    (copied / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "processor_class": "Qwen3VLProcessor",
                "image_processor_type": "Qwen2VLImageProcessor",
            }
        )
    )
    with pytest.raises(EncoderError, match="needs torchvision, which is not installed"):
        Variants(tmp_path).add("seeing", copied)


@pytest.mark.skipif(load_openvino() is None, reason="OpenVINO is not installed")
def test_an_embedder_is_not_converted_for_openvino(embedding, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNTIME", "auto")
    assert prepare(embedding, "auto", None) == []
    with pytest.raises(EncoderError, match="runs in float32"):
        prepare(embedding, "int8", None)


def test_what_is_for_the_other_kind_of_base_is_refused(
    tmp_path, tiny_clip, folder, adapter, embedding
):
    variants = Variants(tmp_path)
    with pytest.raises(EncoderError, match="--dim is for embedders"):
        variants.add("short", tiny_clip, dim=4)
    with pytest.raises(EncoderError, match="adapters are for dual encoders"):
        variants.add("adapted", folder, adapter=adapter)
    with pytest.raises(EncoderError, match=f"--dim 99 is above the {EMBEDDER_DIM} numbers"):
        variants.add("long", folder, dim=99)
    with pytest.raises(EncoderError, match="runs in float32"):
        Encoder.load(embedding, precision="bfloat16", device="cpu")
    assert not variants.list()
