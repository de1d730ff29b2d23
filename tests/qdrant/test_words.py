import numpy as np
import pytest
from qdrant_edge import Bm25, Bm25Config

from qdrant.errors import StoreError
from qdrant.word_settings import WordSettings
from qdrant.words import (
    LANGUAGES,
    Words,
    _spaced,
    count_words,
    detect_language,
    split_fields,
)

ENGLISH = Words(WordSettings("en", 5.0))


def terms(words: Words, text: str) -> set[int]:
    found = words.query(text)
    return set(found.indices.tolist()) if found else set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shoes", "Shoe"),
        ("running", "run"),
        ("crème brûlée", "creme brulee"),
        ("KX-200", "kx 200"),
        ("the red kettle", "red kettle"),
        ("\uff23\uff21\uff34 cm\u00b2", "cat cm2"),
        ("ket\u00adtle\u200b", "\u200fkettle"),
    ],
)
def test_case_endings_accents_hyphens_and_stop_words_make_no_difference(one: str, other: str):
    assert terms(ENGLISH, one) == terms(ENGLISH, other)


def test_a_language_has_its_own_endings_and_stop_words():
    german = Words(WordSettings("de", 5.0))
    assert terms(german, "die roten Schuhe") == terms(german, "rote Schuhe")
    assert terms(german, "the kettle") != terms(german, "kettle")


@pytest.mark.parametrize("text", ["", "the of and", "— …", "\u200b"])
def test_a_text_without_searchable_words_has_no_vector(text: str):
    assert ENGLISH.query(text) is None
    assert ENGLISH.document(text) is None
    assert not ENGLISH.has_words(text)


@pytest.mark.parametrize(("typed", "found"), [("ARROW", True), (" Ar-row ", True), ("bow", False)])
def test_the_query_for_a_brand_has_the_term_of_that_brand_alone(typed: str, found: bool):
    query = ENGLISH.query("", brand=typed)
    arrow = ENGLISH.document("arrow shirt", brand="Arrow")
    woman = ENGLISH.document("arrow shirt", brand="Arrow Woman")
    assert query
    assert arrow
    assert woman
    assert (query.indices[0] in arrow.indices) is found
    assert query.indices[0] not in woman.indices


def test_a_brand_of_stop_words_is_found():
    document, query = ENGLISH.document("shirt", brand="AND"), ENGLISH.query("and", brand="and")
    assert document
    assert query
    assert set(query.indices) <= set(document.indices)


def test_terms_are_in_order_stemmed_and_folded_stop_words_too():
    assert ENGLISH.terms("The Réd T-Shirts") == ENGLISH.terms("the red t shirt")
    assert ENGLISH.terms("red the") != ENGLISH.terms("the red")
    assert len(ENGLISH.terms("the red t-shirt")) == 4


@pytest.mark.parametrize("run", ["红色高跟鞋", "รองเท้าวิ่ง"])
def test_a_part_of_a_run_without_blanks_is_a_sequence_of_its_terms(run: str):
    whole, part = " ".join(ENGLISH.terms(run)), " ".join(ENGLISH.terms(run[1:4]))
    assert part in whole


def test_the_terms_of_fields_and_their_values_are_told_apart():
    fields = {"title": ["Red kettle"], "category": ["Kitchen", "Kettles"], "description": ["of"]}
    ((_, written),) = ENGLISH.documents([fields])
    found = split_fields(written)
    assert list(found) == ["title", "brand", "category", "attribute", "description", "code"]
    assert found["title"] == f" {' '.join(ENGLISH.terms('red kettles'))} "
    assert found["category"].split() == [*ENGLISH.terms("kitchen"), "z", *ENGLISH.terms("kettle")]
    assert (found["brand"].split(), found["description"]) == ([], " _of ")
    assert split_fields("no terms") == {}


def test_the_settings_decide_how_much_a_repeated_word_counts():
    binary = Words(WordSettings("en", 5.0, k=0.0))
    found = binary.document("kettle kettle lid")
    assert found
    assert set(found.values.tolist()) == {1.0}


@pytest.mark.parametrize(
    ("document", "query"),
    [("红色高跟鞋", "高跟"), ("ランニングシューズ", "シューズ"), ("รองเท้าวิ่ง", "เท้า")],
)
def test_scripts_without_blanks_are_searched_by_pairs_of_characters(document: str, query: str):
    found = ENGLISH.document(document)
    assert found
    assert terms(ENGLISH, query) <= set(found.indices.tolist())


def test_a_term_counts_for_more_where_it_comes_often_and_for_less_in_a_long_text():
    def weight(text: str) -> float:
        found = ENGLISH.document(text)
        return dict(zip(found.indices.tolist(), found.values, strict=True))[kettle]

    (kettle,) = terms(ENGLISH, "kettle")
    assert weight("kettle") < weight("kettle kettle") < 2 * weight("kettle")
    assert weight("kettle " + "steel copper iron " * 20) < weight("kettle steel")


@pytest.mark.parametrize("language", ["en", "de", "ru"])
@pytest.mark.parametrize(
    "text",
    [
        "The red T-Shirt, 100 % cotton (t-shirt); RED/blue",
        "Größe 38½: Ärmelloses Kleid ‚№2‘, O’Neill & Søn",
        "कॉटन शर्ट कॉटन ᾼΣΑΣ ΟΔΟΣ",
        "红色高跟鞋 shoe高跟 高跟高跟高跟 รองเท้าวิ่ง",
        "ЧАЙНИК из стали; чайник ½l ﬁne ²",
    ],
)
def test_a_vector_is_the_one_that_the_engine_makes_of_the_whole_text(language: str, text: str):
    settings = WordSettings(language, 37.3, k=1.3, b=0.35, title=3, description=2)
    words = Words(settings)
    engine = Bm25(
        Bm25Config(k=1.3, b=0.35, avg_len=37.3, language=LANGUAGES[language], ascii_folding=True)
    )
    fields = {"title": [text], "attribute": ["red", "Größe"], "description": ["kettle", text]}
    for _ in range(2):  # of what is kept, too
        (own, _), (other, _) = words.documents([fields, {"title": ["kettle lid"]}])
        for found, whole in (
            (own, " ".join([text] * 3 + ["red", "Größe"] + ["kettle", text] * 2)),
            (other, " ".join(["kettle lid"] * 3)),
        ):
            assert found
            expected = engine.embed_document(_spaced(whole))
            by_index = dict(zip(expected.indices, np.float32(expected.values), strict=True))
            assert dict(zip(found.indices.tolist(), found.values, strict=True)) == by_index
            assert found.indices.tolist() == sorted(by_index)


def test_words_are_counted_stop_words_and_pairs_too():
    assert count_words("the red kettle") == 3
    assert count_words("红色高跟鞋") == 4


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "a steel kettle with a lid for the stove and the table"),
        ("de", "ein Kessel aus Stahl mit einem Deckel für den Herd und den Tisch"),
        ("fr", "une bouilloire en acier avec un couvercle pour la cuisine et la table"),
        ("es", "una tetera de acero con una tapa para la cocina y la mesa"),
        ("ru", "чайник из стали с крышкой для плиты и не только для нее"),
        ("en", "Kessel Stahl Deckel"),
        ("en", ""),
    ],
)
def test_a_language_is_detected_by_its_stop_words_and_is_english_where_there_are_few(
    language: str, text: str
):
    assert detect_language(text * 5) == language


def test_a_language_without_an_embedder_is_refused():
    with pytest.raises(StoreError, match=r"language 'tlh' cannot be embedded; those of ar, .* can"):
        Words(WordSettings("tlh"))
