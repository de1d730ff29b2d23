"""The checkpoint in the repository: small, open to transformers, and good enough for the demo."""

import numpy as np
import pytest
import torch
from transformers import CLIPModel, CLIPTokenizer

from demo import CHECKPOINT, queries, shop
from demo.evaluation import LabelledQuery, QuerySet, evaluate, open_encoder
from pictures.decoder import decode

LIMIT = 10 * 2**20  # bytes, in the repository
KINDS = ("lipstick", "hair_dryer", "washing_machine", "kettle")
FLOOR = 0.85  # nDCG@10; over the whole shop and all queries it is higher


@pytest.fixture(scope="module")
def encoder():
    return open_encoder(CHECKPOINT)


@pytest.fixture(scope="module")
def query_set() -> QuerySet:
    """All products of four kinds among some of every other, and the queries for those kinds."""
    products = list(shop.make_products())
    sample = [
        each
        for number, each in enumerate(products)
        if each.image and each.id != shop.BROKEN and (each.style.kind in KINDS or number % 12 == 0)
    ]
    chosen = [each for each in queries.make_queries(products) if each.style.kind in KINDS]
    return QuerySet(
        ids=[each.id for each in sample],
        texts=[f"{each.title}. {each.description}" for each in sample],
        pictures=[decode(shop.picture(each)) for each in sample],
        queries=[
            LabelledQuery(
                each.id,
                each.text,
                decode(queries.picture(each)) if each.image else None,
                each.relevant(products),
            )
            for each in chosen
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
    texts = [f"{each.title}. {each.description}" for each in shop.make_products()]
    lengths = [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]
    assert np.mean(np.array(lengths) <= tokenizer.model_max_length) > 0.98


def test_red_matte_lipstick_finds_red_matte_lipsticks(encoder, query_set):
    image, text = encoder.encode_images(query_set.pictures), encoder.encode_texts(query_set.texts)
    styles = {each.id: each.style for each in shop.make_products()}
    query = encoder.encode_texts(["red matte lipstick"])[0]
    best = np.argsort(-((image + text) @ query))[:3]
    for place in best:
        style = styles[query_set.ids[place]]
        assert (style.kind, style.colour) == ("lipstick", "red")


def test_a_drawn_washing_machine_finds_washing_machines(encoder, query_set):
    image = encoder.encode_images(query_set.pictures)
    drawn = next(
        each
        for each in queries.make_queries(list(shop.make_products()))
        if each.style.kind == "washing_machine" and not each.text
    )
    query = encoder.encode_images([decode(queries.picture(drawn))])[0]
    best = np.argsort(-(image @ query))[:10]
    assert all(query_set.ids[place].startswith("washing-machine") for place in best)


def test_the_demo_queries_are_answered_well(encoder, query_set):
    scores = {(score.queries, score.vector): score for score in evaluate(encoder, query_set)}
    assert scores["all", "fused"].count == 48
    assert scores["all", "fused"].ndcg >= FLOOR
    assert scores["text", "image"].ndcg >= FLOOR - 0.05
