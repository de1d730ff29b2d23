"""The encoder: the vectors of transformers, whatever the batch, the order or the bad input."""

import gc
import threading
import weakref

import numpy as np
import pytest
from PIL import Image
from transformers import CLIPModel

from encoder.encoder import Encoder
from encoder.variants import Variants
from tests.encoder.conftest import build_adapter, picture_features, text_features
from tests.tiny_clip import build_tiny_clip


def add(home, base, **more):
    return Variants(home).add("tiny", base, **more)


def test_pictures_have_the_vectors_of_transformers(encoder, tiny_clip, pictures):
    expected = picture_features(CLIPModel.from_pretrained(tiny_clip), tiny_clip, pictures)
    got = encoder.encode_images(pictures)
    assert got.dtype == np.float32
    assert np.ptp(expected, axis=0).min() > 0.2  # the pictures have different vectors
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_texts_have_the_vectors_of_transformers(encoder, tiny_clip, texts):
    expected = text_features(CLIPModel.from_pretrained(tiny_clip), tiny_clip, texts)
    got = encoder.encode_texts(texts)
    assert got.dtype == np.float32
    assert np.ptp(expected, axis=0).min() > 0.2
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_an_older_configuration_that_reads_texts_at_the_highest_token_works(tmp_path, texts):
    """openai's files say eos_token_id 2, and transformers then looks for the highest number."""
    base = build_tiny_clip(tmp_path / "base")
    config = (base / "config.json").read_text()
    (base / "config.json").write_text(config.replace('"eos_token_id": 523', '"eos_token_id": 2'))
    model = CLIPModel.from_pretrained(base)
    assert model.text_model.eos_token_id == 2
    encoder = Encoder.load(add(tmp_path, base), device="cpu")
    np.testing.assert_allclose(
        encoder.encode_texts(texts), text_features(model, base, texts), atol=1e-5
    )


def test_vectors_do_not_depend_on_the_batch_they_were_in(encoder, pictures, texts):
    single = np.concatenate([encoder.encode_images([picture]) for picture in pictures])
    np.testing.assert_allclose(encoder.encode_images(pictures), single, atol=1e-5)
    back = encoder.encode_images(pictures[::-1])[::-1]
    np.testing.assert_allclose(back, single, atol=1e-5)
    single = np.concatenate([encoder.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode_texts(texts), single, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(texts[::-1])[::-1], single, atol=1e-5)


def test_vectors_are_unit_and_none_for_none(encoder, texts):
    lengths = np.linalg.norm(encoder.encode_texts(texts), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
    assert encoder.encode_texts([]).shape == encoder.encode_images([]).shape == (0, encoder.dim)
    assert list(encoder.stream_texts([])) == list(encoder.stream_images([], Image.open)) == []


def test_a_text_is_cut_at_what_the_model_reads(encoder):
    long = "a " * 50_000
    cut, short = encoder.encode_texts([long, "a " * 30])
    np.testing.assert_allclose(cut, short, atol=1e-6)
    shorter = encoder.encode_texts(["a " * 29])[0]
    assert cut @ shorter < 1 - 1e-5


@pytest.mark.parametrize("text", ["", " \n\t", "x" * 100_000, "\ud800", "\0", "<|endoftext|>"])
def test_any_text_at_all_has_a_vector(encoder, text):
    assert np.isfinite(encoder.encode_texts([text])).all()


def test_a_title_that_spells_the_end_mark_is_read_past_it(encoder):
    one, other = encoder.encode_texts(["a <|endoftext|> shoe", "a <|endoftext|> hat"])
    assert one @ other < 0.999


def test_several_threads_may_share_an_encoder(encoder, texts, pictures):
    expected_texts, expected_pictures = encoder.encode_texts(texts), encoder.encode_images(pictures)
    got: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def work(number):
        got[number] = encoder.encode_texts(texts), encoder.encode_images(pictures)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for of_texts, of_pictures in got.values():
        np.testing.assert_allclose(of_texts, expected_texts, atol=1e-5)
        np.testing.assert_allclose(of_pictures, expected_pictures, atol=1e-5)
    assert len(got) == 3


def test_variants_of_one_model_share_it_in_memory_as_long_as_one_uses_it(tmp_path, texts):
    base = build_tiny_clip(tmp_path / "base", seed=9)  # no other test has it in memory
    adapter = build_adapter(base, tmp_path / "adapter", seed=1)
    variants = Variants(tmp_path)
    first = Encoder.load(variants.add("first", base), device="cpu")
    titles = Encoder.load(variants.add("titles", base, template="title"), device="cpu")
    tuned = Encoder.load(variants.add("tuned", base, adapter=adapter), device="cpu")
    assert titles._model.model is first._model.model
    assert tuned._model.model is not first._model.model
    model = weakref.ref(first._model.model)
    del first
    assert np.isfinite(titles.encode_texts(texts)).all()
    del titles
    gc.collect()
    assert model() is None
