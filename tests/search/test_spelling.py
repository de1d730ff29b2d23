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
}


@pytest.fixture(scope="module")
def speller(tmp_path_factory):
    return Speller(make(tmp_path_factory.mktemp("vocabulary"), TITLES))


def correct(speller: Speller, text: str) -> str:
    def occurs(phrase: str) -> bool:
        return any(f" {phrase} " in f" {title.casefold()} " for title in TITLES)

    return speller.correct(text, WORDS, occurs)


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
