"""The checkpoint in the repository: small, open to transformers, and good enough for the demo."""

import numpy as np
import pytest
import torch
from transformers import CLIPModel, CLIPTokenizer

from demo import CHECKPOINT, demand, shop
from demo.measure import Exam, Question, open_encoder, sit
from pictures.store import decode

LIMIT = 10 * 2**20  # bytes, in the repository
ASKED = ("lipstick", "hair_dryer", "washing_machine", "kettle")
FLOOR = 0.85  # nDCG@10; over the whole shop and all queries it is higher


@pytest.fixture(scope="module")
def encoder():
    return open_encoder(CHECKPOINT)


@pytest.fixture(scope="module")
def exam() -> Exam:
    """All products of four kinds among some of every other, and the queries for those kinds."""
    articles = list(shop.articles())
    sample = [
        each
        for number, each in enumerate(articles)
        if each.image and each.id != shop.BROKEN and (each.look.kind in ASKED or number % 12 == 0)
    ]
    asked = [each for each in demand.demands(articles) if each.look.kind in ASKED]
    return Exam(
        ids=[each.id for each in sample],
        texts=[f"{each.title}. {each.description}" for each in sample],
        pictures=[decode(shop.picture(each)) for each in sample],
        questions=[
            Question(
                each.id,
                each.text,
                decode(demand.picture(each)) if each.image else None,
                each.relevant(articles),
            )
            for each in asked
        ],
    )


def test_the_checkpoint_is_at_most_ten_megabytes():
    assert sum(file.stat().st_size for file in CHECKPOINT.iterdir()) <= LIMIT


def test_transformers_opens_the_checkpoint():
    model = CLIPModel.from_pretrained(CHECKPOINT, dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(CHECKPOINT)
    assert model.config.text_config.vocab_size == len(tokenizer)
    assert model.config.text_config.eos_token_id == tokenizer.eos_token_id
    assert all(torch.isfinite(weights).all() for weights in model.parameters())


def test_shop_texts_are_read_whole():
    tokenizer = CLIPTokenizer.from_pretrained(CHECKPOINT)
    texts = [f"{each.title}. {each.description}" for each in shop.articles()]
    lengths = [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]
    assert np.mean(np.array(lengths) <= tokenizer.model_max_length) > 0.98


def test_red_matte_lipstick_finds_red_matte_lipsticks(encoder, exam):
    image, text = encoder.encode_images(exam.pictures), encoder.encode_texts(exam.texts)
    looks = {each.id: each.look for each in shop.articles()}
    asked = encoder.encode_texts(["red matte lipstick"])[0]
    best = np.argsort(-((image + text) @ asked))[:3]
    for place in best:
        look = looks[exam.ids[place]]
        assert (look.kind, look.colour) == ("lipstick", "red")


def test_a_drawn_washing_machine_finds_washing_machines(encoder, exam):
    image = encoder.encode_images(exam.pictures)
    drawn = next(
        each
        for each in demand.demands(list(shop.articles()))
        if each.look.kind == "washing_machine" and not each.text
    )
    asked = encoder.encode_images([decode(demand.picture(drawn))])[0]
    best = np.argsort(-(image @ asked))[:10]
    assert all(exam.ids[place].startswith("washing-machine") for place in best)


def test_the_demo_queries_are_answered_well(encoder, exam):
    marks = {(mark.questions, mark.vector): mark for mark in sit(encoder, exam)}
    assert marks["all", "fused"].count == 48
    assert marks["all", "fused"].ndcg >= FLOOR
    assert marks["text", "image"].ndcg >= FLOOR - 0.05
