import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.errors import EncoderError, VariantInvalid, VariantMissing
from encoder.variant import MANIFEST
from encoder.variants import Variants
from eval import EvalError
from eval.baseline import ENGINES
from eval.evaluation import evaluate
from eval.queries import LabelledQuery, QuerySet
from eval.results import per_query
from eval.settings import Settings
from eval.slices import rows_by_label
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from pictures.decode_workers import DecodeWorkers
from pictures.decoder import decode
from qdrant.errors import CollectionMissing
from tests.shop import COLOURS, build, rows, write_source
from tests.tiny_clip import build_tiny_clip
from vitrine import VitrineError

QUICK = Settings(("tiny",), resamples=200)
TEAL = LabelledQuery("teal", "something teal", relevant={"kettle-teal": 1, "lipstick-teal": 2})


def stored(catalogue, product):
    [picture] = [each.picture for each in catalogue.entries() if each.product.id == product]
    return str(catalogue.pictures.path(picture))


def query_set(*queries):
    return QuerySet("set", queries)


def test_every_engine_comes_to_the_same_measures(shop, queries):
    outcomes = {}
    for engine in ENGINES:
        evaluation = evaluate(shop, queries, replace(QUICK, engine=engine))
        outcomes[engine] = evaluation.outcomes["tiny"]
        assert len(evaluation.queries) == len(queries)
    for engine, outcome in outcomes.items():
        for measure, values in outcomes["qdrant"].scores.items():
            assert outcome.scores[measure] == pytest.approx(values, abs=1e-5, nan_ok=True), engine


def test_relevant_products_found_first_have_the_highest_scores(shop, catalogue):
    """A picture finds itself among pictures: the engine and the measures agree."""
    picture = stored(catalogue, "kettle-teal")
    query = LabelledQuery("own", picture=picture, relevant={"kettle-teal": 1})
    evaluation = evaluate(shop, query_set(query), replace(QUICK, vectors=("image",)))
    scores = evaluation.outcomes["tiny"].scores
    assert scores["nDCG@10"][0] == scores["Recall@1"][0] == 1
    assert evaluation.outcomes["tiny"].ranked["own"][0][1] == pytest.approx(1, abs=1e-3)
    assert evaluation.counts["repeating"] == 1


def test_the_measures_are_those_of_the_kept_results(shop):
    evaluation = evaluate(shop, query_set(TEAL), QUICK)
    outcome = evaluation.outcomes["tiny"]
    shown = [name for name, _ in outcome.ranked["teal"]]
    assert len(shown) == 12
    first = min(shown.index("kettle-teal"), shown.index("lipstick-teal")) + 1
    assert outcome.scores["MRR"][0] == pytest.approx(1 / first)
    scores = [score for _, score in outcome.ranked["teal"]]
    assert scores == sorted(scores, reverse=True)
    assert outcome.scores["AvgMeanSimilarity@5"][0] == pytest.approx(np.mean(scores[:5]))


def test_two_variants_are_measured_on_the_same_queries_and_compared(shop, queries):
    evaluation = evaluate(shop, queries, replace(QUICK, variants=("tiny", "other")))
    assert list(evaluation.outcomes) == ["tiny", "other"]
    assert {(each.first, each.second) for each in evaluation.differences} == {("tiny", "other")}
    gap = evaluation.differences[0]
    means = [outcome.scores["nDCG@10"].mean() for outcome in evaluation.outcomes.values()]
    assert gap.value == pytest.approx(means[1] - means[0])


def test_titles_and_pictures_of_one_product_group_are_one_cluster(shop, queries):
    evaluation = evaluate(shop, queries, replace(QUICK, variants=("tiny", "other")))
    kinds = [query.kind for query in evaluation.queries]
    assert kinds.count("title → picture") == kinds.count("picture → text") == 12
    assert evaluation.counts["measured"] == 25
    assert evaluation.counts["clusters"] == 13
    whole = evaluation.slices[0].estimates["tiny"]["MRR"]
    assert (whole.n, whole.clusters) == (25, 13)
    [titles] = [part for part in evaluation.slices if part.label == "title → picture"]
    assert titles.estimates["tiny"]["MRR"].clusters == 12
    assert {(each.n, each.clusters) for each in evaluation.differences} == {(25, 13)}


def test_slices_by_kind_and_category_hold_their_own_queries(shop, queries):
    evaluation = evaluate(shop, queries, QUICK)
    labels = {(part.sort, part.label): part for part in evaluation.slices}
    assert ("kind", "title → picture") in labels
    beauty = labels["category", "Beauty"]
    assert {evaluation.queries[row].category for row in beauty.rows} == {"Beauty"}
    scores = evaluation.outcomes["tiny"].scores["MRR"][beauty.rows]
    assert beauty.estimates["tiny"]["MRR"].value == pytest.approx(scores.mean())
    assert evaluation.slices[0].label == "all queries"


def test_within_its_category_a_query_finds_only_that(shop):
    query = replace(TEAL, category="Beauty")
    for engine in ENGINES:
        settings = replace(QUICK, within_category=True, engine=engine)
        evaluation = evaluate(shop, query_set(query), settings)
        found = [name for name, _ in evaluation.outcomes["tiny"].ranked["teal"]]
        assert sorted(found) == sorted(f"lipstick-{colour}" for colour in COLOURS)
        assert evaluation.qrels == {"teal": {"lipstick-teal": 2}}
        assert evaluation.slices[0].baseline["Recall@1"] == pytest.approx(1 / 6)


def test_a_query_is_scored_against_its_own_vector(shop):
    query = replace(TEAL, vector="text")
    plain = LabelledQuery("plain", "plain towel", relevant={"plain": 1}, vector="text")
    evaluation = evaluate(shop, query_set(query, plain), QUICK)
    assert evaluation.outcomes["tiny"].scores["Recall@50"].tolist() == [1, 1]


def test_queries_without_a_product_to_find_are_excluded_and_counted(shop):
    queries = query_set(
        TEAL,
        LabelledQuery("unknown", "gone", relevant={"gone": 1, "kettle-teal": 0}),
        LabelledQuery("none", "nothing"),
        LabelledQuery("hidden", "towel", relevant={"plain": 1}),
        LabelledQuery("half", "navy", relevant={"kettle-navy": 1, "lost": 1}),
    )
    evaluation = evaluate(shop, queries, QUICK)
    assert [query.id for query in evaluation.queries] == ["teal", "half"]
    assert evaluation.qrels["half"] == {"kettle-navy": 1}
    assert evaluation.slices[0].estimates["tiny"]["MRR"].n == 2
    assert evaluation.counts == {
        "queries": 5,
        "measured": 2,
        "clusters": 2,
        "without_relevant": 3,
        "unknown_products": 2,
        "hidden_products": 1,
    }


def test_an_unreadable_picture_excludes_its_query_unless_text_may_replace_it(shop, tmp_path):
    lost = LabelledQuery(
        "lost", "teal", str(tmp_path / "no.jpg"), relevant={"kettle-teal": 1}, vector="image"
    )
    bare = replace(lost, id="bare", text="")
    evaluation = evaluate(shop, query_set(TEAL, lost, bare), QUICK)
    assert [query.id for query in evaluation.queries] == ["teal"]
    assert set(evaluation.failed) == {"lost", "bare"}
    assert "no.jpg" in evaluation.failed["lost"]
    assert evaluation.counts["without_picture"] == 2
    evaluation = evaluate(shop, query_set(TEAL, lost, bare), replace(QUICK, text_fallback=True))
    assert [query.id for query in evaluation.queries] == ["teal", "lost"]
    assert evaluation.counts["by_text_alone"] == 1
    with pytest.raises(EvalError, match=r"no\.jpg"):
        evaluate(shop, query_set(bare), QUICK)


def test_an_unexpected_error_of_one_picture_is_recorded_and_the_others_are_measured(
    shop, catalogue, monkeypatch
):
    own = LabelledQuery(
        "own", picture=stored(catalogue, "kettle-teal"), relevant={"kettle-teal": 1}
    )
    odd = replace(own, id="odd", picture=stored(catalogue, "kettle-navy"))

    def open_untrusted(data, address):
        if address == odd.picture:
            raise LookupError("no such codec")
        return decode(data, address)

    monkeypatch.setattr("eval.retrieval.open_untrusted", open_untrusted)
    evaluation = evaluate(shop, query_set(own, odd), QUICK)
    assert [query.id for query in evaluation.queries] == ["own"]
    assert "unexpected LookupError: no such codec" in evaluation.failed["odd"]
    assert per_query(evaluation)["failed"] == evaluation.failed


def test_an_error_that_concerns_every_picture_ends_the_evaluation(shop, catalogue, monkeypatch):
    own = LabelledQuery(
        "own", picture=stored(catalogue, "kettle-teal"), relevant={"kettle-teal": 1}
    )
    closed = DecodeWorkers(1)
    closed.close()
    monkeypatch.setattr("eval.retrieval.open_untrusted", closed.decode)
    with pytest.raises(VitrineError, match="have been closed"):
        evaluate(shop, query_set(own), QUICK)


def test_a_picture_that_is_stored_and_not_yet_embedded_is_excluded_by_every_engine(
    tmp_path, tiny_clip
):
    late = {"id": "late", "title": "late kettle", "category": "Appliances"}
    build(tmp_path, tiny_clip, [*rows(), late])
    source = write_source(tmp_path / "source", [*rows(), late | {"image": "late.png"}])
    load_products(tmp_path, source, category_field="category")
    fetch_images(tmp_path)
    query = LabelledQuery("late", "late kettle", relevant={"late": 1}, vector="image")
    for engine in ENGINES:
        evaluation = evaluate(tmp_path, query_set(TEAL, query), replace(QUICK, engine=engine))
        assert [query.id for query in evaluation.queries] == ["teal"]
        assert evaluation.counts["hidden_products"] == 1


def test_text_and_picture_together_are_one_query(shop, catalogue):
    picture = stored(catalogue, "kettle-teal")
    both = replace(TEAL, id="both", picture=picture)
    bare = replace(both, id="bare", text="")
    evaluation = evaluate(shop, query_set(TEAL, both, bare), QUICK)
    ranked = evaluation.outcomes["tiny"].ranked
    assert ranked["both"] != ranked["teal"]
    assert ranked["both"] != ranked["bare"]
    truths = evaluation.outcomes["tiny"].scores["GroundTruthSimilarity"]
    assert truths[0] == pytest.approx(truths[1], abs=1e-6)  # by the text alone, as defined
    assert math.isnan(truths[2])
    shown = dict(ranked["both"])
    own = evaluate(shop, query_set(both), QUICK).outcomes["tiny"].similarity.relevant
    assert own == pytest.approx([shown["kettle-teal"], shown["lipstick-teal"]], abs=1e-5)


def test_queries_of_the_same_words_are_each_measured(shop):
    twin = replace(TEAL, id="twin")
    other = LabelledQuery("navy", "something navy", relevant={"kettle-navy": 1})
    outcome = evaluate(shop, query_set(TEAL, twin, other), QUICK).outcomes["tiny"]
    assert outcome.ranked["teal"] == outcome.ranked["twin"] != outcome.ranked["navy"]
    single = evaluate(shop, query_set(other), QUICK).outcomes["tiny"]
    for measure, values in single.scores.items():
        assert outcome.scores[measure][2] == pytest.approx(values[0], abs=1e-6)


def test_one_query_is_measured_without_an_interval(shop):
    evaluation = evaluate(shop, query_set(TEAL), replace(QUICK, variants=("tiny", "other")))
    estimate = evaluation.slices[0].estimates["tiny"]["nDCG@10"]
    assert estimate.n == 1
    assert math.isnan(estimate.low)
    assert not any(each.winner for each in evaluation.differences)


def test_products_that_all_tie_are_shown_by_id_in_every_engine(tmp_path, tiny_clip):
    same = [
        {"id": f"p{number:02}", "title": "same mug", "category": "K", "image": "x-teal.png"}
        for number in range(40)
    ]
    rows = [{"id": "x-teal", "title": "same mug", "category": "K", "image": "x-teal.png"}, *same]
    build(tmp_path, tiny_clip, rows)
    query = LabelledQuery("q", "mug", relevant={"p39": 1})
    for engine in ENGINES:
        settings = replace(QUICK, depth=50, engine=engine)
        evaluation = evaluate(tmp_path, query_set(query), settings)
        found = [name for name, _ in evaluation.outcomes["tiny"].ranked["q"]]
        assert found == sorted(found)
        assert evaluation.outcomes["tiny"].scores["MRR"][0] == pytest.approx(1 / 40)
        assert evaluation.outcomes["tiny"].diagnostics.random_cosine["image–image"] > 0.999


def test_queries_are_not_scored_against_what_they_are_made_of(shop, queries):
    with pytest.raises(EvalError, match="scored against `image` only"):
        evaluate(shop, queries, replace(QUICK, vectors=("fused",)))


def test_a_query_that_repeats_the_title_of_its_product_is_counted(shop):
    title = LabelledQuery("t", "Teal  KETTLE", relevant={"kettle-teal": 1})
    assert evaluate(shop, query_set(title, TEAL), QUICK).counts["repeating"] == 1
    assert (
        "repeating"
        not in evaluate(shop, query_set(title), replace(QUICK, vectors=("image",))).counts
    )


def test_queries_of_another_catalogue_are_distinguished_from_a_wrong_vector(shop):
    stranger = LabelledQuery("s", "red", relevant={"B000": 1})
    with pytest.raises(EvalError, match="Not one of their 1 product ids"):
        evaluate(shop, query_set(stranger), QUICK)
    hidden = LabelledQuery("h", "towel", relevant={"plain": 1})
    with pytest.raises(EvalError, match="--vector text"):
        evaluate(shop, query_set(hidden), QUICK)
    unmatched = QuerySet("file", (LabelledQuery("u", "red"),), {"not_found": 5})
    with pytest.raises(EvalError, match="5 products of the file, not found in the catalogue"):
        evaluate(shop, unmatched, QUICK)


def test_a_variant_that_cannot_be_searched_is_an_error(shop, tmp_path, tiny_clip):
    with pytest.raises(VariantMissing):
        evaluate(shop, query_set(TEAL), replace(QUICK, variants=("nobody",)))
    with pytest.raises(EvalError, match="no vector “sound”; take image, text, fused"):
        evaluate(shop, query_set(TEAL), replace(QUICK, vectors=("sound",)))
    with pytest.raises(EvalError, match="engine “elastic”; take qdrant, exact, faiss"):
        evaluate(shop, query_set(TEAL), replace(QUICK, engine="elastic"))
    Variants(tmp_path).add("tiny", tiny_clip)
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert([Product(id="a", title="mug")])
    with pytest.raises(CollectionMissing, match="ingest vectors --variant tiny"):
        evaluate(tmp_path, query_set(TEAL), QUICK)
    with pytest.raises(CollectionMissing, match="ingest vectors --variant tiny"):
        evaluate(tmp_path, query_set(TEAL), replace(QUICK, engine="faiss"))


def test_a_damaged_variant_among_several_is_reported_before_any_search(shop, tmp_path):
    home = shutil.copytree(shop, tmp_path / "home")
    both, notified = replace(QUICK, variants=("tiny", "third")), []
    checkpoint = build_tiny_clip(tmp_path / "clip", seed=2)
    Variants(home).add("third", checkpoint)
    embed_products(home, "third")
    with (checkpoint / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        weights.write(b"\xff")
    with pytest.raises(EncoderError, match="has changed since variant 'third'"):
        evaluate(home, query_set(TEAL), both, notified.append)
    (home / "variants" / "third" / MANIFEST).write_text("{")
    with pytest.raises(VariantInvalid, match="cannot be read as a manifest"):
        evaluate(home, query_set(TEAL), both, notified.append)
    assert notified == []


def test_the_error_of_a_text_that_no_search_accepts_names_its_query(shop):
    novel = LabelledQuery("novel", "word " * 2000, relevant={"kettle-teal": 1})
    with pytest.raises(EvalError, match="Query novel cannot be searched"):
        evaluate(shop, query_set(novel), QUICK)


def test_a_category_that_no_query_has_is_an_error(queries):
    with pytest.raises(EvalError, match="Shoes; they have Appliances, Beauty"):
        queries.of(["Shoes"])
    assert {query.category for query in queries.of(["Beauty"])} == {"Beauty"}


def test_rows_are_grouped_by_label_the_most_frequent_first():
    grouped = rows_by_label(["b", "a", "", "b"])
    assert list(grouped) == ["b", "a"]
    assert grouped["b"].tolist() == [0, 3]
