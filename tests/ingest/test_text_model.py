"""A variant with a text model: its own text vectors beside the pictures of the dual encoder."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from encoder.encoder import Encoder
from encoder.variants import Variants
from eval.__main__ import app as eval_app
from ingest.export import export_products
from ingest.merge import merge_vectors
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.store import open_store
from search.__main__ import app
from search.query import Query, QueryError
from search.shop import open_shop
from tests import shop
from tests.tiny_models import TEXT_DIM, build_tiny_text_model


@pytest.fixture(scope="module")
def text_model(tmp_path_factory):
    return build_tiny_text_model(tmp_path_factory.mktemp("words") / "model")


@pytest.fixture(scope="module")
def worded(tmp_path_factory, tiny_clip, text_model):
    """A shop under `tiny`, and under `words` with a text model; one product has no picture."""
    bare = {"id": "bare", "title": "navy kettle without a picture", "category": "Appliances"}
    home = shop.build(tmp_path_factory.mktemp("shop"), tiny_clip, [*shop.rows(), bare])
    Variants(home).add("words", tiny_clip, text_model=text_model)
    embed_products(home, "words")
    return home


@pytest.fixture
def command(worded, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(worded))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [*words, "--variant", "words"])


def test_pictures_are_not_encoded_again_and_texts_have_their_own_dimension(worded):
    figures = embed_products(worded, "words")
    assert (figures["encoded"], figures["failed"]) == (0, {})
    with open_store(worded) as store:
        collection = store.collection("words")
        assert collection.vectors == ("image", "text")
        assert (collection.dim_of("image"), collection.dim_of("text")) == (16, TEXT_DIM)
        assert (collection.precision, collection.text_precision) == ("float32", "float32")
        both = [
            store.retrieve(name, ["kettle-navy"], vectors=True)["kettle-navy"].vectors
            for name in ("tiny", "words")
        ]
    np.testing.assert_allclose(both[0]["image"], both[1]["image"], atol=1e-6)
    assert set(both[1]) == {"image", "text"}
    assert len(both[1]["text"]) == TEXT_DIM


def test_a_second_variant_with_the_text_model_encodes_nothing_again(worded, tiny_clip, text_model):
    Variants(worded).add("again", tiny_clip, text_model=text_model, template="title_description")
    Variants(worded).add("titles", tiny_clip, text_model=text_model, template="title")
    assert embed_products(worded, "again")["encoded"] == 0
    assert embed_products(worded, "titles")["encoded"] == 12  # texts; that of `bare` is the same


def test_verification_finds_no_fault_and_export_has_both_lengths(worded, tmp_path):
    import pyarrow.parquet as pq

    assert verify_collection(worded, "words")["faults"] == {}
    export_products(worded, "words", tmp_path / "out")
    row = pq.read_table(tmp_path / "out" / "vectors.parquet").to_pylist()[-1]
    assert (len(row["text"]), len(row["image"])) == (TEXT_DIM, 16)


def test_words_are_compared_with_words_and_pictures_with_both(worded):
    query = "navy kettle. A kettle in navy."
    encoder = Encoder.load(Variants(worded).get("words"), device="cpu")
    picture = shop.draw("kettle-navy")
    with open_shop(worded) as opened, open_store(worded) as store:
        engine = opened.engine("words")
        texts = engine.search(Query(query, k=13, match="vectors")).results
        assert (texts[0].id, texts[0].vector) == ("kettle-navy", "text")
        assert texts[0].score == pytest.approx(1, abs=1e-5)
        assert len(texts) == 13
        images = engine.search(Query(query, k=13, vector="image"))
        [vector] = encoder.encode_texts([query])
        stored = store.retrieve("words", [images.results[0].id], vectors=True)
        cosine = stored[images.results[0].id].vectors["image"] @ vector
        assert images.results[0].score == pytest.approx(float(cosine), abs=1e-5)
        assert [each.id for each in images.without_picture] == ["bare"]
        seen = engine.search(Query(picture=picture, k=2))
        assert seen.results[0].vector == "image"
        assert seen.without_picture == ()
        assert (
            engine.search(Query("red", picture, k=2, match="vectors")).results[0].vector == "image"
        )
        assert engine.search(Query(like="kettle-navy", k=2)).results[0].vector == "image"
        assert engine.search(Query(like="bare", k=2)).results[0].vector == "text"
        assert {each.vector for each in engine.browse(Query("x").filters, 5)} == {"image"}
        assert len(engine.search(Query("navy", match="hybrid", k=5)).results) == 5


def test_what_two_models_cannot_answer_is_said(worded):
    with open_shop(worded) as opened:
        engine = opened.engine("words")
        with pytest.raises(QueryError, match=r"no `fused` vectors.*Search image or text"):
            engine.search(Query("navy", vector="fused"))
        with pytest.raises(QueryError, match="reads no pictures"):
            engine.search(Query(picture=shop.draw("kettle-navy"), vector="text"))


def test_the_command_says_which_model_answers(command, worded, text_model):
    found = json.loads(command("navy", "--json").stdout)
    variant = Variants(worded).get("words")
    assert found["models"] == {"image": variant.base, "text": text_model.name}
    assert found["query"]["vector"] == "text"
    assert f"text by {text_model.name}" in command("navy").stderr
    of_one_model = CliRunner().invoke(app, ["navy", "--variant", "tiny"])
    assert of_one_model.stderr == f"tiny: {Variants(worded).get('tiny').base}\n"


def test_vectors_of_another_machine_are_merged(worded, tiny_clip, text_model, tmp_path):
    home = shop.build(tmp_path / "home", tiny_clip)
    Variants(home).add("words", tiny_clip, text_model=text_model)
    merged = merge_vectors(home, "words", [worded])
    assert merged["merged"] > 12
    assert embed_products(home, "words")["encoded"] == 0


def test_an_evaluation_measures_a_variant_with_a_text_model(worded, tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(worded))
    queries = tmp_path / "queries.jsonl"
    rows = [
        {"text": f"{colour} kettle", "relevant": [f"kettle-{colour}"]} for colour in shop.COLOURS
    ]
    queries.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["run", "--queries", str(queries), "--resamples", "200"]
    run = CliRunner().invoke(eval_app, [*words, "--variant", "words", "--variant", "tiny"])
    assert run.exit_code == 0, run.output
