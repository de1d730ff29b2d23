import pytest

from app.reasons import bold_words, other_reasons
from search.fusion import PartScore
from search.results import Result


@pytest.mark.parametrize(
    ("title", "words", "shown"),
    [
        ("Red Kettle", ["red"], "**Red** Kettle"),
        ("Kettles, reduced", ["kettle", "red"], "**Kettles**, reduced"),
        ("A café (small)", ["cafe"], "A **café** \\(small\\)"),
        ("red*red", ["red"], "**red**\\***red**"),
        ("日本の急須", ["急須"], "日本の**急須**"),
        ("no words", [], "no words"),
        ("a  b\nred", ["red"], "a b **red**"),
    ],
)
def test_the_forms_of_matched_words_are_bold_and_the_rest_is_plain_text(title, words, shown):
    assert bold_words(title, words) == shown


def found(parts=("words",), **matched):
    scores = {name: PartScore(1, 0.5) for name in parts}
    return Result(1, "a", 0.5, "hybrid", {}, scores, matched=matched)


def test_a_word_is_named_once_in_the_first_field_that_has_it():
    result = found(title=("red",), brand=("acme",), description=("acme", "red", "mat*te"))
    shown = other_reasons(result, of_text=True)
    assert shown == "Brand: **acme** · Description: **mat\\*te**"
    assert other_reasons(found(title=("red",)), of_text=True) == ""


def test_a_product_without_words_of_the_query_is_said_to_be_alike():
    assert other_reasons(found(["text", "image"]), of_text=True) == "Looks similar"
    assert other_reasons(found(["text"]), of_text=True) == "Similar in meaning"
    assert other_reasons(found(["image"]), of_text=False) == ""
