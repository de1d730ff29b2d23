"""What was typed, read: operators, misspelt words, odd input; through the engine."""

import json

import pytest

from qdrant.model import Filters, Point, Spec
from qdrant.store import open_store
from qdrant.word_settings import WordSettings
from qdrant.words import Words
from search.engine import Engine
from search.query import MAX_TEXT, Query, QueryError
from search.shop import open_shop
from tests import shop

MATCHES = ["hybrid", "words", "vectors"]


def search(engine, text, match="words", k=20):
    return engine.search(Query(text, k=k, match=match, fold=False))


def ids(found):
    return {result.id for result in found.results}


KETTLES = {f"kettle-{colour}" for colour in shop.COLOURS}
OLIVE = {"kettle-olive", "lipstick-olive"}


@pytest.mark.parametrize("match", MATCHES)
def test_a_phrase_in_quotes_occurs_in_every_result(engine, match):
    assert ids(search(engine, 'olive "kettle in"', match)) == KETTLES  # in the description
    assert ids(search(engine, '"olive kettles"', match)) == {"kettle-olive"}
    assert ids(search(engine, '"lipstick kettle"', match)) == set()


@pytest.mark.parametrize("match", MATCHES)
def test_a_word_after_a_minus_occurs_in_no_result(engine, match):
    found = ids(search(engine, "olive -lipsticks", match))
    assert "kettle-olive" in found
    assert not any(name.startswith(("lipstick", "bare")) for name in found)
    found = ids(search(engine, 'olive -"olive kettle"', match))
    assert "lipstick-olive" in found
    assert "kettle-olive" not in found


def test_the_two_words_of_a_compound_count_one_after_another_alone(engine):
    assert ids(search(engine, "teal kettle")) > {"kettle-teal", "kettle-coral", "lipstick-teal"}
    found = search(engine, "tealkettle")
    assert (found.searched_for, ids(found)) == ("teal kettle", {"kettle-teal"})
    found = search(engine, "tealkettle", "hybrid")  # what is near to it by vectors follows
    assert found.results[0].id == "kettle-teal"
    assert len(found.results) > 10


def test_quotes_of_brands_and_other_languages_count(engine):
    assert ids(search(engine, "„Zenith“ olive")) == {"lipstick-olive", "kettle-olive"} | {
        f"{kind}-{colour}" for kind in ("kettle", "lipstick") for colour in ("crimson", "coral")
    }


@pytest.mark.parametrize("text", ['" "', '"', '"' * 3999, "-", "\u200f\u200b"])
def test_operators_and_unseen_characters_alone_are_refused(engine, text):
    with pytest.raises(QueryError, match="has no words: type words"):
        search(engine, text)


def test_the_filters_of_a_query_hold_beside_its_operators(engine):
    query = Query('"olive" -lipstick', filters=Filters(price_max=1), match="words")
    assert not engine.search(query).results


def test_a_query_of_negations_alone_is_refused_but_for_a_picture(engine):
    with pytest.raises(QueryError, match="“-olive -teal” says only what must not occur"):
        search(engine, "-olive -teal")
    pictured = Query("-olive", shop.draw("kettle-olive"), k=20, fold=False)
    found = ids(engine.search(pictured))
    assert found
    assert not found & OLIVE


def test_an_id_in_quotes_or_with_a_hyphen_apart_is_first(engine):
    for typed in ('"kettle-olive"', "kettle- olive", "KETTLE OLIVE"):
        assert search(engine, typed, "hybrid").results[0].id == "kettle-olive"


def test_misspelt_words_are_corrected_and_reported(engine):
    found = search(engine, "crimsn lipstik")
    assert found.searched_for == "crimson lipstick"
    assert found.results[0].id.startswith("lipstick-crimson")
    assert search(engine, "crimson lipsticks").searched_for == ""
    assert search(engine, '"lipstik"').searched_for == ""
    assert search(engine, "lipstik", "vectors").searched_for == ""
    assert search(engine, "olive -lipstik").searched_for == ""


def test_a_misspelt_word_is_as_good_as_the_right_one(engine):
    wrong, right = (search(engine, text, "hybrid") for text in ("olive ketttle", "olive kettle"))
    assert [each.id for each in wrong.results] == [each.id for each in right.results]


def test_each_result_says_which_words_it_has_and_where(engine):
    results = search(engine, "Olive kettles beauty", "hybrid").results
    found = {each.id: each.matched for each in results}
    assert found["kettle-olive"] == {
        "title": ("Olive", "kettles"),
        "description": ("Olive", "kettles"),
        "code": ("Olive", "kettles"),
    }
    assert found["lipstick-olive"] == {
        "title": ("Olive",),
        "category": ("beauty",),
        "description": ("Olive",),
        "code": ("Olive",),
    }
    assert found["twin-a"] == {}


def test_pictures_and_products_match_no_words(engine):
    for query in (Query(picture=shop.draw("kettle-olive")), Query(like="kettle-olive")):
        assert all(each.matched == {} for each in engine.search(query).results)


def test_results_hold_no_terms(engine):
    results = search(engine, "olive", "hybrid").results
    assert all("terms" not in each.product for each in results)
    assert "terms" not in engine.product("kettle-olive")
    assert "terms" not in engine.browse(Filters(), 1)[0].product


@pytest.mark.parametrize("match", ["hybrid", "words"])
@pytest.mark.parametrize("text", ["the and", "—", "…!"])
def test_a_text_without_searched_words_is_matched_by_vectors(engine, text, match):
    found = search(engine, text, match)
    assert len(found.results) == 20
    assert bool(found.notice) is (match == "words")


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "红色高跟鞋",
        "รองเท้าวิ่ง",
        "\u202eelttek\u202c",
        "\x00\x1b[31mkettle",
        "👠" * 20,
        "a\u0300\u0301\u0302" * 50,
        "kettle " * 500,
        "lipstik " * 499,
        "-a " * 1000 + "kettle",
        '"kettle" ' * 400,
    ],
)
def test_odd_texts_are_searched(engine, text, match):
    assert search(engine, text[:MAX_TEXT], match).results or match != "vectors"


def test_characters_that_are_not_seen_change_nothing(engine):
    hidden = search(engine, "\u200fol\u00adive\u200b ket\ufefftle")
    assert ids(hidden) == ids(search(engine, "olive kettle"))


def test_an_earlier_collection_is_searched_without_operators_and_its_renewal_is_named(
    engine, tmp_path
):
    variant = engine.variant
    settings = WordSettings()
    spec = Spec(variant.name, variant.fingerprint, variant.dim, vectors=("text",), words=settings)
    text = {"text": engine.encoder.encode_texts(["kettle"])[0]}
    words = {"words": Words(settings).document("olive kettle")}
    with open_store(tmp_path) as store:
        store.build(spec, [Point("a", {"title": "olive kettle"}, text, words)])
        earlier = Engine(variant, store, lambda: engine.encoder)
        found = earlier.search(Query('"olive kettle" -steel', match="words"))
        assert [each.id for each in found.results] == ["a"]
        assert found.results[0].matched == {}
        assert "`vitrine ingest vectors --variant tiny` builds it anew" in found.notice
        assert earlier.vocabulary_problem == ""


@pytest.fixture
def damaged(home, tmp_path):
    """A shop whose vocabulary is damaged."""
    copied = shop.copy(home, tmp_path / "home")
    with open_shop(copied) as opened:
        found = opened.engine("tiny")
        found.vocabulary.path.write_bytes(b"damaged")
        yield found


def test_a_damaged_vocabulary_is_reported_and_the_search_goes_on(damaged):
    assert ids(search(damaged, "olive lipstik")) == OLIVE
    assert "missing or damaged. `vitrine ingest vectors" in damaged.vocabulary_problem


def test_the_command_line_names_corrections_notices_and_matched_words(search_command):
    shown = search_command("olive lipstik", "--explain", "--k", "1", "--match", "words")
    assert "Searched for “olive lipstick”." in shown.stderr
    assert "title: olive lipstick" in shown.stdout
    found = json.loads(search_command("olive lipstik", "--json", "--match", "words").stdout)
    assert found["searched_for"] == "olive lipstick"
    assert found["results"][0]["matched"]["title"] == ["olive", "lipstick"]
    assert "no words that are searched" in search_command("the of", "--match", "words").stderr
    refused = search_command("--", "-olive")
    assert refused.exit_code == 1
    assert "says only what must not occur" in refused.stderr
