import pytest

from catalog.values import languages, text, texts

LISTED = [
    {"language_tag": "en_US", "value": "Two-seat sofa"},
    {"language_tag": "de_DE", "value": "Sofa für zwei"},
]
NAMED = {"en-US": "Two-seat sofa", "de": "Sofa für zwei", "fr": None}
LINKED_DATA = [
    {"@value": "Two-seat sofa", "@language": "en"},
    {"@value": "Sofa für zwei", "@language": "de"},
]
ATTRIBUTES = [
    {"#text": "Two-seat sofa", "@xml:lang": "en"},
    {"#text": "Sofa für zwei", "@xml:lang": "de"},
]
LOCALES = [
    {"locale": "en_US", "data": "Two-seat sofa"},
    {"locale": "de_DE", "data": "Sofa für zwei"},
]
ALL = [LISTED, NAMED, LINKED_DATA, ATTRIBUTES, LOCALES, str(LISTED), str(NAMED)]


@pytest.mark.parametrize("written", ALL)
def test_a_tagged_text_is_given_in_the_language_that_is_wanted(written):
    assert text(written, "de") == "Sofa für zwei"
    assert text(written, "de-AT") == "Sofa für zwei"
    assert text(written, "EN") == "Two-seat sofa"


@pytest.mark.parametrize("written", ALL)
def test_without_that_language_it_is_given_in_the_first(written):
    assert text(written) == "Two-seat sofa"
    assert text(written, "it") == "Two-seat sofa"


def test_without_a_wish_the_commonest_language_of_the_cell_is_taken():
    points = [*LISTED, {"language_tag": "de_DE", "value": "Aus Eiche"}]
    assert texts(points) == ("Sofa für zwei", "Aus Eiche")
    assert texts(points, "en_US") == ("Two-seat sofa",)


def test_the_exact_region_comes_before_another():
    written = {"en_US": "color", "en_GB": "colour"}
    assert text(written, "en-gb") == "colour"
    assert text(written, "en_AU") == "color"


def test_the_languages_of_a_cell_are_listed():
    assert languages(LISTED) == ("en_US", "de_DE")
    assert languages({"en": "a", "x-default": "b"}) == ("en",)
    assert languages({"id": 7}) == languages({"name": "a"}) == languages("en") == ()


@pytest.mark.parametrize(
    "written", [{"id": "sofa"}, {"id": 7, "name": "Sofa"}, {"no": "x"}, {"S": "small", "M": "b"}]
)
def test_names_of_fields_are_no_languages(written):
    assert languages(written) == ()
