"""Words under any settings, without a collection of them."""

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.searched_texts import searched_texts
from eval.part_rankings import Found
from eval.word_index import WordIndex
from eval.word_tuning import WORDS_ALONE, TriedWords
from ingest.words import searched_text
from qdrant.model import Ranking, VectorQuery
from qdrant.word_settings import WordSettings
from qdrant.words import Words

NOUNS = ("kettle", "teapot", "lamp", "towel", "basket", "mirror")
COLOURS = ("teal", "olive", "coral", "navy", "ivory")


def products(rng):
    """Titles of two words, and descriptions that name other products more than once."""
    made = []
    for number, (noun, colour) in enumerate((n, c) for n in NOUNS for c in COLOURS):
        others = " ".join(rng.choice(NOUNS, 6).tolist())
        made.append(
            Product(
                f"p{number:02}",
                f"{colour} {noun}",
                brand=("Ollerby", "Tern & Co", "Navy")[number % 3],
                description=f"Goes with {others}, also in {rng.choice(COLOURS)}.",
                attributes={"Colour": colour, "Size": str(number)},
            )
        )
    return made


@pytest.fixture(scope="module")
def made():
    return products(np.random.default_rng(0))


@pytest.mark.parametrize(
    "settings",
    [
        WordSettings("en", 20.0),
        WordSettings("en", 25.0, k=2.0, b=0.8, title=8, attribute=3),
        WordSettings("en", 10.0, title=1, brand=0, description=0),
    ],
)
def test_scores_are_those_of_word_vectors_with_their_idf(made, settings):
    texts = ["teal kettle", "navy", "tern & co", "the", "zzz", "lamps, 17"]
    words = Words(settings)
    vectors = [
        words.document(searched_text(searched_texts(each), settings), brand=each.brand)
        for each in made
    ]
    weights = [dict(zip(each.indices.tolist(), each.values, strict=True)) for each in vectors]
    searched = WordIndex(made, texts, "en").search(settings, 30)
    for text, hits in zip(texts, searched, strict=True):
        query = words.query(text, brand=text)
        expected = {}
        for term in query.indices.tolist():
            having = [number for number, each in enumerate(weights) if term in each]
            idf = np.log(1 + (len(made) - len(having) + 0.5) / (len(having) + 0.5))
            for number in having:
                name = made[number].id
                expected[name] = expected.get(name, 0) + idf * weights[number][term]
        assert dict(zip(hits.ids, hits.scores, strict=True)) == pytest.approx(expected, rel=1e-6)
        order = sorted(
            zip(hits.ids, hits.scores, strict=True), key=lambda each: (-each[1], each[0])
        )
        assert [product for product, _ in order] == hits.ids


def test_scores_are_those_of_the_collection(shop, store):
    settings = store.collection("tiny").words
    texts = ["olive kettle", "acme", "a lipstick in coral"]
    with Catalogue(shop, create=False) as catalogue:
        index = WordIndex(catalogue.products(), texts, settings.language)
    words = Words(settings)
    queries = [VectorQuery("words", words.query(text, brand=text), 5) for text in texts]
    for hits, found in zip(
        index.search(settings, 5), store.search_batch("tiny", queries), strict=True
    ):
        assert hits.scores == pytest.approx([hit.score for hit in found], rel=1e-5)
    assert index.measured(settings) == settings


def test_no_more_hits_than_the_depth_and_ties_by_id(made):
    [hits] = WordIndex(made, ["teapot"], "en").search(WordSettings(b=0, description=0), 3)
    assert hits.ids == ["p05", "p06", "p07"]


def test_queries_without_words_and_an_empty_catalogue_find_nothing(made):
    assert WordIndex(made, ["", "!"], "en").search(WordSettings(), 5) == [
        Ranking([], []),
        Ranking([], []),
    ]
    empty = WordIndex([], ["teapot"], "en")
    assert empty.search(empty.measured(WordSettings()), 5) == [Ranking([], [])]


def test_titles_and_brands_that_are_the_query_are_named(made):
    index = WordIndex(made, ["Teal-Kettle", "tern and co", "TERN & CO"], "en")
    assert index.exact[0] == {"p00": "title"}
    assert index.exact[1] == {}
    assert list(index.exact[2].values()) == ["brand"] * 10


@pytest.fixture(scope="module")
def tried(made):
    """Queries for a noun, answered by titles, where descriptions count most at present."""
    texts = [noun for noun in NOUNS for _ in range(4)]
    grades = [{each.id: 1 for each in made if noun in each.title} for noun in texts]
    present = WordSettings("en", 20.0, title=1, description=3)
    index = WordIndex(made, texts, "en")
    hits = index.search(present, 50)
    found = [Found({}, {"words": each}, text) for each, text in zip(hits, texts, strict=True)]
    return TriedWords(found, grades, present, index)


def test_the_field_that_has_the_answers_counts_more(tried):
    chosen = tried.choose(np.arange(24))
    assert chosen.title > chosen.description
    rows = np.arange(24)
    better, before = (
        tried.rankings(words).ndcg(WORDS_ALONE, rows).mean() for words in (chosen, tried.present)
    )
    assert better == 1.0
    assert before < 0.9


def test_words_stay_without_an_index_and_for_queries_with_operators(made, tried):
    found = [Found({}, {"words": Ranking(["p03"], [1.0])})]
    alone = TriedWords(found, [{"p00": 1}], WordSettings())
    assert alone.choose(np.arange(1)) == WordSettings()
    filtered = TriedWords(found, [{"p00": 1}], WordSettings(), WordIndex(made, [""], "en"))
    assert filtered.rankings(WordSettings(title=8)).ids == [["p03"]]
