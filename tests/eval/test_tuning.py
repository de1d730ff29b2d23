"""Choosing and proving how a hybrid search weighs its parts."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from encoder.variants import Variants
from encoder.vectors import normalize
from eval import EvalError
from eval.__main__ import app
from eval.measures import score
from eval.part_rankings import Found, PartRankings, search_parts
from eval.tuning import choose, most_fusions, split, tune
from eval.word_tuning import Choice, TriedWords
from qdrant.model import Point, Ranking, Spec
from qdrant.store import open_store
from qdrant.word_settings import WordSettings, write_choice
from qdrant.words import Words
from search.engine import Engine
from search.fusion import METHODS, fuse
from search.query import Query
from search.settings import DEFAULT_SETTINGS, SearchSettings, settings_file, settings_object
from search.shop import open_shop

PRODUCTS = [f"p{number:02}" for number in range(30)]
NAMES = ["kettle", "tern", "mug", "pan", "loon", "lid", "jug"]
IMAGES = SearchSettings(weights={"image": 1.0})


def hits(rng, best):
    """Ten hits, some of equal score; the first is `best`."""
    others = [each for each in rng.permutation(PRODUCTS).tolist() if each != best][:9]
    scores = sorted(rng.integers(1, 8, 10).tolist(), reverse=True)
    return Ranking([best, *others], scores)


@pytest.fixture(scope="module")
def drawn():
    """Sixty queries; `text` has the one relevant product first, the other parts random ones."""
    rng = np.random.default_rng(0)
    found, qrels = [], {}
    for number in range(60):
        relevant, other = rng.choice(PRODUCTS, 2, replace=False).tolist()
        found.append(Found({}, {"words": hits(rng, other), "text": hits(rng, relevant)}))
        qrels[f"q{number}"] = {relevant: 1}
    found[3].exact = {PRODUCTS[5]: "code"}
    found[4].parts["words"] = Ranking()
    return found, qrels


@pytest.fixture(scope="module")
def rankings(drawn):
    found, qrels = drawn
    return PartRankings(found, list(qrels.values()))


@pytest.fixture(scope="module")
def tried(drawn):
    found, qrels = drawn
    return TriedWords(found, list(qrels.values()), WordSettings())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weights", [{"words": 1.0}, {"words": 0.3, "text": 0.7, "fused": 0.5}])
def test_rankings_fused_as_arrays_are_those_of_the_search(drawn, rankings, method, weights):
    found, qrels = drawn
    settings = SearchSettings(method, weights)
    ranked = {}
    for row, (query, each) in enumerate(zip(qrels, found, strict=True)):
        fused = [one for one in fuse(each.parts, weights, method).ids if one not in each.exact]
        ranked[query] = [*each.exact, *fused]
        assert rankings.ranked(settings, row, 50) == ranked[query]
    expected = score(qrels, ranked)["nDCG@10"]
    assert rankings.ndcg(settings, np.arange(60)) == pytest.approx(expected)


def test_the_part_that_finds_the_relevant_products_is_chosen_and_proved(drawn, tried):
    _, qrels = drawn
    messages = []
    present = SearchSettings(weights={"words": 1.0})
    tuning = tune(
        tried, qrels, np.arange(60), present, resamples=500, seed=0, notify=messages.append
    )
    weights = tuning.chosen.settings.weights
    assert weights["text"] > weights.get("words", 0)
    assert tuning.proved
    assert tuning.proof.estimates["tuned settings"]["nDCG@10"].n == 30
    assert tuning.cross_validation.estimates["tuned settings"]["nDCG@10"].n == 60
    assert "at most" in messages[0]


def test_present_settings_that_nothing_surpasses_stay(tried):
    best = choose(tried, np.arange(60), Choice(DEFAULT_SETTINGS, tried.present))
    assert choose(tried, np.arange(60), best) == best


def test_what_only_one_half_shows_is_not_proved(drawn, rankings):
    """Labels without any connection with the results."""
    found, _ = drawn
    rng = np.random.default_rng(1)
    qrels = {f"q{row}": {str(rng.choice(PRODUCTS)): 1} for row in range(60)}
    noise = TriedWords(found, list(qrels.values()), WordSettings())
    tuning = tune(noise, qrels, np.arange(60), DEFAULT_SETTINGS, resamples=500, seed=0)
    assert not tuning.proved


def test_queries_of_a_cluster_are_on_one_side_and_both_sides_alike_in_number():
    clusters = np.repeat(np.arange(50), np.arange(50) % 4 + 1)
    first, second = split(clusters, seed=3)
    assert not set(clusters[first]) & set(clusters[second])
    assert abs(len(first) - len(second)) <= 1
    assert sorted([*first, *second]) == list(range(len(clusters)))


def test_too_few_independent_queries_are_refused_with_the_number_needed():
    with pytest.raises(EvalError, match=r"There are 39 independent queries .* tuning needs 40"):
        split(np.repeat(np.arange(39), 3), seed=0)


def test_the_stated_number_of_fusions_is_not_exceeded(tried, monkeypatch):
    calls = []
    measure = PartRankings.ndcg
    monkeypatch.setattr(
        PartRankings, "ndcg", lambda *arguments: calls.append(1) or measure(*arguments)
    )
    choose(tried, np.arange(60), Choice(DEFAULT_SETTINGS, tried.present))
    assert len(calls) <= most_fusions(2)


def test_each_part_is_searched_as_the_hybrid_search_does(shop):
    with open_shop(shop) as opened:
        engine = opened.engine("tiny")
        texts = ["olive kettle", "kettle-olive"]
        found = search_parts(engine, [Query(text) for text in texts])
        rankings = PartRankings(found, [{"kettle-olive": 1}] * 2)
        settings = SearchSettings("rrf", {"words": 0.4, "text": 0.2, "fused": 0.3})
        hybrid = Engine(engine.variant, engine.store, lambda: engine.encoder, settings)
        for row, text in enumerate(texts):
            results = hybrid.search(Query(text, match="hybrid", k=13)).results
            assert rankings.ranked(settings, row, 13) == [result.id for result in results]
    assert found[1].exact == {"kettle-olive": "code"}


@pytest.fixture(scope="module")
def many(tmp_path_factory, tiny_clip):
    """An engine over 500 products of two brands, whose titles have one word of another one each."""
    folder = tmp_path_factory.mktemp("many")
    variant = Variants(folder).add("tiny", tiny_clip)
    drawn = normalize(np.random.default_rng(0).standard_normal((500, variant.dim)))
    words = Words(WordSettings())
    points = []
    for number, vector in enumerate(drawn.astype(np.float32)):
        title, brand = f"{NAMES[number % 7]} {number}", ("Tern", "Loon")[number % 2]
        searched = {"words": words.document(f"{title} {brand}", [f"p{number:03}"], brand)}
        facts = {"title": title, "brand": brand}
        points.append(Point(f"p{number:03}", facts, {"text": vector}, searched))
    spec = Spec("tiny", variant.fingerprint, variant.dim, vectors=("text",), words=WordSettings())
    with open_store(folder) as store:
        store.build(spec, points)
        yield Engine(variant, store)


@pytest.mark.parametrize("text", ["tern", "loon", "kettle 7", "kettle", "p003"])
def test_of_more_products_than_candidates_the_parts_are_those_of_the_search_too(many, text):
    rankings = PartRankings(search_parts(many, [Query(text)]), [{"p000": 1}])
    for method in METHODS:
        settings = SearchSettings(method, {"words": 0.8, "text": 0.3})
        hybrid = Engine(many.variant, many.store, lambda: many.encoder, settings)
        results = hybrid.search(Query(text, match="hybrid", k=50, fold=False)).results
        assert rankings.ranked(settings, 0, 50) == [each.id for each in results]


@pytest.fixture
def file(shop, monkeypatch):
    """The file of settings of `tiny`, which compares pictures alone until it is tuned."""
    monkeypatch.setenv("VITRINE_HOME", str(shop))
    settings = settings_file(Variants(shop).get("tiny"))
    settings.write(settings_object(IMAGES, {}))
    yield settings
    settings.path.unlink(missing_ok=True)
    settings.path.with_name("words.json").unlink(missing_ok=True)


def run(*words, expect=0):
    done = CliRunner().invoke(app, ["tune", "--variant", "tiny", "--resamples", "200", *words])
    assert done.exit_code == expect, done.output
    return done


def test_the_command_writes_settings_that_are_proved_better(file, typed_queries):
    printed = json.loads(run("--queries", str(typed_queries), "--json").stdout)
    assert printed["proved"] is printed["written"] is True
    assert printed["settings"]["weights"]["words"] > 0
    assert file.value == SearchSettings(**printed["settings"])
    renews = printed["words"] != printed["present_words"]
    assert file.path.with_name("words.json").exists() == renews
    notes = json.loads(file.path.read_text())["notes"]
    assert notes["chosen_on"] == printed["queries"]["chosen_on"]


def test_the_command_writes_nothing_where_it_is_not_to_or_nothing_is_proved(file, typed_queries):
    assert "Not written" in run("--queries", str(typed_queries), "--write", "never").stdout
    assert file.value == IMAGES
    file.write(settings_object(SearchSettings(weights={"words": 1.0}), {}))
    assert "Nothing was written: on" in run("--queries", str(typed_queries)).stdout
    assert file.value.weights == {"words": 1.0}


def test_the_command_shows_the_present_settings(file):
    shown = run("--show").stdout
    assert shown.startswith("tiny: margin, image 1 (")
    assert "tiny: words with title × 3, k 0.9, b 0.4" in shown
    assert "chosen" not in shown
    file.path.write_text("{")
    shown = run("--show")
    assert "tiny: margin, words 0.8" in shown.stdout
    assert "(default settings)" in shown.stdout
    assert "is damaged" in shown.stderr
    assert json.loads(run("--show", "--json").stdout)["problem"].startswith(str(file.path))


def test_words_that_were_chosen_are_shown_with_the_command_that_makes_them_count(file):
    write_choice(file.path.parent, {"title": 5, "brand": 0}, {})
    shown = " ".join(run("--show").stdout.split())
    assert "chosen: words with title × 5, brand × 0, k 0.9, b 0.4." in shown
    assert "once `vitrine ingest vectors --variant tiny` has run" in shown
    printed = json.loads(run("--show", "--json").stdout)
    assert (printed["words"]["title"], printed["chosen_words"]["title"]) == (3, 5)
    file.path.with_name("words.json").write_text("{")
    assert "words.json is damaged" in " ".join(run("--show").stderr.split())


def test_queries_that_cannot_tune_are_refused(file, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text(json.dumps({"text": "olive", "relevant": ["kettle-olive"]}) + "\n")
    assert "There are 1 independent queries" in run("--queries", str(few), expect=1).output
    few.write_text(json.dumps({"text": "olive", "relevant": ["kettle-olive"], "vector": "image"}))
    assert "a leak" in run("--queries", str(few), expect=1).output
    assert "Give --queries FILE" in run(expect=2).output
    assert "Take proved, always, never" in run("--show", "--write", "maybe", expect=2).output
