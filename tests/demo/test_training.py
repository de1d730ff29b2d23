"""The training: its texts name what they claim to, positives are true, and two steps run."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from demo.model import PROCESSOR, TEXT_TOKENS, make_model, make_tokenizer, save_checkpoint
from demo.style import Style, every_style, kinds, words_of
from demo.training import SETTINGS, Plan, fit, positives_of
from demo.training_data import (
    DrawnSet,
    load_drawn_set,
    write_caption,
    write_corpus,
    write_description,
)
from demo.wording import Wording
from encoder.model import normalize_pixels

SIDE = 96


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> DrawnSet:
    return load_drawn_set(tmp_path_factory.mktemp("cache"), per_kind=1, side=SIDE)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return make_tokenizer(write_corpus(200))


def test_a_caption_names_the_kind_and_the_attributes_that_it_lists():
    rng = Random(3)
    for style in every_style(kinds()["kettle"])[::5]:
        caption = write_caption(style, rng)
        assert any(word in caption.text for word in kinds()["kettle"].words.known)
        for name in caption.names:
            assert any(word in caption.text for word in words_of(style, name).known)


def test_a_description_has_the_attributes_that_it_lists():
    rng = Random(4)
    for style in every_style(kinds()["perfume"])[::3]:
        text = write_description(style, rng)
        for name in text.names:
            assert any(word in text.text for word in words_of(style, name).known)


def test_a_text_is_true_of_every_style_that_shares_what_it_names():
    red = Style("kettle", "red", "matte", "jug", "small")
    blue = Style("kettle", "blue", "matte", "jug", "small")
    toaster = Style("toaster", "red", "matte", "boxy", "small")
    texts = [
        Wording("red kettle", frozenset({"colour"})),
        Wording("kettle", frozenset()),
        Wording("small red toaster", frozenset({"colour", "size"})),
    ]
    expected = [[True, True, False], [False, True, False], [False, False, True]]
    assert positives_of([red, blue, toaster], texts).tolist() == expected


def test_the_tokenizer_has_a_token_for_every_byte(tokenizer):
    for text in ("crème brûlée ☕ 唇膏", "ß", "\x07"):
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.eos_token_id) == 1
    assert len(tokenizer("word " * 500, truncation=True)["input_ids"]) == TEXT_TOKENS


def test_two_steps_change_the_weights_and_the_checkpoint_gives_the_same_vectors(
    drawn, tokenizer, tmp_path
):
    torch.manual_seed(0)
    model = make_model(tokenizer)
    before = model.visual_projection.weight.detach().clone()
    seen = []
    plan = Plan(per_kind=1, steps=2, settings=replace(SETTINGS, batch=16))
    fit(model, tokenizer, drawn, plan, lambda step, loss: seen.append((step, loss)))
    assert [step for step, _ in seen] == [1, 2]
    assert all(np.isfinite(loss) for _, loss in seen)
    assert not torch.equal(before, model.visual_projection.weight)

    save_checkpoint(model, tokenizer, tmp_path)
    opened = CLIPModel.from_pretrained(tmp_path, dtype=torch.float32).eval()
    tokens = CLIPTokenizer.from_pretrained(tmp_path)("red kettle", return_tensors="pt")
    pictures = normalize_pixels(torch.from_numpy(drawn.pictures[:2].copy()), PROCESSOR)
    with torch.no_grad():
        for one, other in (
            (model.get_text_features(**tokens), opened.get_text_features(**tokens)),
            (model.get_image_features(pictures), opened.get_image_features(pictures)),
        ):
            same = torch.cosine_similarity(one.pooler_output, other.pooler_output)
            assert same.min() > 0.999
    assert json.loads((tmp_path / "config.json").read_text())["text_config"]["eos_token_id"] != 2


def test_training_prepares_pixels_as_the_saved_processor_does(drawn, tokenizer, tmp_path):
    save_checkpoint(make_model(tokenizer), tokenizer, tmp_path)
    processor = CLIPImageProcessorPil.from_pretrained(tmp_path)
    theirs = processor(images=[np.array(drawn.pictures[0])], return_tensors="pt")["pixel_values"]
    ours = normalize_pixels(torch.from_numpy(drawn.pictures[:1].copy()), PROCESSOR)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_drawn_pictures_are_kept_and_read_again(tmp_path):
    first = load_drawn_set(tmp_path, per_kind=1, side=32)
    [file] = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    again = load_drawn_set(tmp_path, per_kind=1, side=32)
    assert file.stat().st_mtime_ns == written
    assert first.styles == again.styles
    assert np.array_equal(first.pictures, again.pictures)
    assert len(first) == len(kinds())
