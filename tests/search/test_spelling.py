"""Misspelt words, corrected by the vocabulary of a shop."""

import pytest

from search.spelling import Speller
from tests.search.vocabularies import WORDS, make

TITLES = {
    "matte lipstick": 9,
    "lip stick holder": 2,
    "leather boots": 5,
    "feather boots": 3,
    "eye liner pencil": 4,
    "sunglasses": 6,
    "the running shoes": 8,
    "Möbelpolitur": 3,
    "unique waffelmaker": 1,
    "KX2000 charger": 2,
    "let her rest": 4,
    "hair spray can": 1,
    "hairspray": 3,
}


@pytest.fixture(scope="module")
def speller(tmp_path_factory):
    return Speller(make(tmp_path_factory.mktemp("vocabulary"), TITLES))


def correct(speller: Speller, text: str) -> str:
    def occurrences(phrase: str) -> int:
        padded = {f" {title.casefold()} ": count for title, count in TITLES.items()}
        return sum(count for title, count in padded.items() if f" {phrase} " in title)

    return speller.correct(text, WORDS, occurrences)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lipstik", "lipstick"),  # left out
        ("matte lippstick", "matte lipstick"),  # inserted
        ("lipstuck", "lipstick"),  # replaced
        ("ilpstick", "lipstick"),  # exchanged, the first letter too
        ("lisptikc", "lipstick"),  # two edits of a long word
        ("LIPSTIK", "lipstick"),
        ("mobelpolitor", "möbelpolitur"),
        ("red lether bots", "red leather bots"),
    ],
)
def test_an_unknown_word_becomes_the_nearest_one(speller: Speller, typed: str, meant: str):
    assert correct(speller, typed) == meant


def test_of_words_as_near_the_first_letter_decides_and_then_frequency(speller: Speller):
    assert correct(speller, "featherr") == "feather"
    assert correct(speller, "weather") == "leather"


@pytest.mark.parametrize(
    "typed",
    [
        "feather",  # near to leather, and known
        "boot",  # another form of a known word
        "shoe runs",
        "kx2001",  # a product code
        "KX-2000x",
        "bots",  # of four letters
        "refrigerator",
        "waffelmakers unique",
        "wafflemaker",  # near to a word of one product
        "without",  # a stop word that the shop does not have
        "红色高跟鞋",
        "ab",
        "",
    ],
)
def test_known_words_codes_and_words_far_from_all_stay(speller: Speller, typed: str):
    assert correct(speller, typed) == typed


def test_words_are_split_and_joined_as_the_shop_writes_them(speller: Speller):
    assert correct(speller, "eyeliner") == "eye liner"
    assert correct(speller, "blue sun glasses") == "blue sunglasses"
    assert correct(speller, "lip stick") == "lip stick"  # both ways
    assert correct(speller, "eyelinerr") == "eyelinerr"


def test_a_word_is_split_where_that_is_more_frequent_and_not_into_stop_words(speller: Speller):
    assert correct(speller, "lether") == "leather"
    assert correct(speller, "runningshoes") == "running shoes"
    assert correct(speller, "restcan") == "restcan"


def test_words_that_are_kept_are_neither_corrected_nor_joined(speller: Speller):
    kept = {"sun", "lipstik"}
    assert speller.correct("sun glasses lipstik", WORDS, lambda _: 0, kept) == "sun glasses lipstik"


def test_the_words_of_a_long_text_are_corrected_up_to_a_number(speller: Speller):
    corrected = correct(
        speller, " ".join(["lipstik", "lipstck", "lipsick"] * 200 + ["qqqqqq"] * 50)
    )
    assert set(corrected.split()) == {"lipstick", "qqqqqq"}


def test_a_replaced_vocabulary_is_read_again(tmp_path):
    speller = Speller(make(tmp_path, {"kettles": 3}))
    assert correct(speller, "ketlles") == "kettles"
    make(tmp_path, {"kettlet": 3})
    assert correct(speller, "ketllet") == "kettlet"
