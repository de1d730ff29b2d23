from dataclasses import replace

import pytest
from transformers import (
    AutoTokenizer,
    BartForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
)

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest import IngestError, job
from ingest.products import load_products
from ingest.summaries import prompt, write_summaries
from ingest.summarizer import Recipe, Summarizer
from tests import shop
from tests.tiny_bart import build_tiny_bart

LONG = "A kettle that whistles softly when the water is hot. " * 12


@pytest.fixture(scope="session")
def recipe(tmp_path_factory):
    folder = build_tiny_bart(tmp_path_factory.mktemp("bart"))
    return Recipe(checkpoint=str(folder), beams=2, longest=12, read=200, batch=2)


@pytest.fixture
def home(tmp_path, tiny_clip):
    Variants(tmp_path).add("tiny", tiny_clip)
    rows = shop.rows()[:5]
    rows[1]["description"] = rows[3]["description"] = LONG
    for row in rows:
        row["title"] = row["title"].split()[0]
        del row["image"]
    rows[0]["description"] = rows[2]["description"] = rows[4]["description"] = ""
    source = shop.write_source(tmp_path / "source", rows)
    load_products(tmp_path, source, category_field="category")
    return tmp_path


def texts(home):
    with Catalogue(home) as catalogue:
        return {entry.product.id: entry.summary for entry in catalogue.entries()}


def test_only_products_whose_text_the_variant_cuts_are_summarised(home, recipe):
    figures = write_summaries(home, "tiny", recipe=recipe)
    assert (figures["summarised"], figures["reused"], figures["fit"]) == (2, 0, 3)
    summarised = {name for name, text in texts(home).items() if text is not None}
    assert summarised == {"lipstick-teal", "lipstick-navy"}
    assert figures["cut_without"] > figures["cut_with"]


def test_every_product_is_summarised_with_every(home, recipe):
    assert write_summaries(home, "tiny", recipe=recipe, every=True)["summarised"] == 5


def test_a_text_that_the_model_fails_on_is_counted_and_the_others_are_summarised(
    home, recipe, monkeypatch, capsys
):
    generate = BartForConditionalGeneration.generate

    def fails_on_teal(model, **inputs):
        tokens = AutoTokenizer.from_pretrained(recipe.checkpoint)
        if any("teal" in text for text in tokens.batch_decode(inputs["input_ids"])):
            raise IndexError("index out of range in self")
        return generate(model, **inputs)

    monkeypatch.setattr(BartForConditionalGeneration, "generate", fails_on_teal)
    figures = write_summaries(home, "tiny", recipe=recipe, every=True)
    assert (figures["summarised"], figures["failed"]) == (4, {"unexpected IndexError": 1})
    assert [name for name, text in texts(home).items() if text is None] == ["lipstick-teal"]
    assert "lipstick-teal: unexpected IndexError: index out of range" in capsys.readouterr().err
    monkeypatch.undo()
    assert write_summaries(home, "tiny", recipe=recipe, every=True)["summarised"] == 1


@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
def test_a_machine_or_a_model_that_fails_on_everything_ends_the_job(
    home, recipe, monkeypatch, error
):
    def fails(model, **inputs):
        raise error

    monkeypatch.setattr(BartForConditionalGeneration, "generate", fails)
    monkeypatch.setattr(job, "MOST_FAILED", 3)
    with pytest.raises(error):
        write_summaries(home, "tiny", recipe=recipe, every=True)


def test_a_second_run_loads_no_model(home, recipe, monkeypatch):
    first = write_summaries(home, "tiny", recipe=recipe)
    monkeypatch.setattr(Summarizer, "load", lambda *_: pytest.fail("a model was loaded"))
    again = write_summaries(home, "tiny", recipe=recipe)
    assert (again["summarised"], again["reused"]) == (0, first["summarised"])


def test_a_changed_description_is_summarised_again_and_another_recipe_too(home, recipe):
    write_summaries(home, "tiny", recipe=recipe)
    rows = shop.rows()[:2]
    rows[1] |= {"title": "teal", "description": LONG + "Now in teal."}
    del rows[0]["image"], rows[1]["image"]
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    assert write_summaries(home, "tiny", recipe=recipe)["summarised"] >= 1
    other = Recipe(recipe.checkpoint, beams=1, longest=12, read=200, batch=2)
    assert write_summaries(home, "tiny", recipe=other)["reused"] == 0


def test_inputs_of_any_length_keep_their_keys(recipe):
    items = [(n, "word " * (1 + 37 * n % 90)) for n in range(11)]
    made = [pair for batch in Summarizer.load(recipe).stream(items) for pair in batch.done]
    single = dict(next(iter(Summarizer.load(recipe).stream([items[4]]))).done)
    assert sorted(key for key, _ in made) == list(range(11))
    assert dict(made)[4] == single[4]


def test_a_model_of_relative_positions_summarises_too(recipe, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(recipe.checkpoint)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    summarizer = Summarizer.load(replace(recipe, checkpoint=str(tmp_path), read=10_000))
    (batch,) = summarizer.stream([(1, "word " * 500)])
    assert [key for key, _ in batch.done] == [1]


def test_the_input_is_the_reference_systems_without_its_empty_parts(home):
    with Catalogue(home) as catalogue:
        product = catalogue.get(["lipstick-teal"])["lipstick-teal"]
    assert prompt(product).startswith("Product Title: teal\nDescription: A kettle that")
    assert "Features" not in prompt(product)


def test_a_checkpoint_that_is_not_available_is_an_error(home, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(IngestError, match="the other jobs work without them"):
        write_summaries(home, "tiny", recipe=Recipe(checkpoint="/nowhere/bart"))
