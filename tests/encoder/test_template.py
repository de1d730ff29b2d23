"""Product texts: named parts without holes."""

import re
from types import SimpleNamespace

import pytest

from encoder.errors import VariantInvalid
from encoder.template import PARTS, TEMPLATES, Template, find_template
from vitrine.text import fold

SHOE = {"title": "Runner", "brand": "Acme", "category": "Shoes", "description": "Light and quick."}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("title", "Runner"),
        ("title_description", "Runner. Light and quick."),
        ("title_brand_category", "Runner, Acme, Shoes"),
        ("summary", "Runner. Light and quick."),
        ("reference", "Product title is: Runner\nProduct description is: Light and quick."),
    ],
)
def test_each_named_template_makes_its_text(name, text):
    assert find_template(name).render(SHOE) == text


def test_a_product_is_made_into_text_with_its_features_and_its_summary():
    shoe = SimpleNamespace(**SHOE, features=("Grips.", "Dries."))
    made = find_template("{title}, {features} ({summary})")
    assert made.product_text(shoe, "A shoe.") == "Runner, Grips. Dries. (A shoe.)"
    assert made.product_text(shoe, None) == "Runner, Grips. Dries."


def test_a_summary_replaces_title_and_description():
    assert find_template("summary").render({**SHOE, "summary": "A shoe."}) == "A shoe."
    assert find_template("summary").uses_summary
    assert [name for name, made in TEMPLATES.items() if made.uses_summary] == ["summary"]


@pytest.mark.parametrize(
    ("form", "missing", "text"),
    [
        ("{title}. {description}", ["description"], "Runner"),
        ("{title}. {description}", ["title"], "Light and quick."),
        ("{title}, {brand}, {category}", ["brand"], "Runner, Shoes"),
        ("{title} ({brand}) {category}", ["brand"], "Runner Shoes"),
        ("{title} ({brand})", [], "Runner (Acme)"),
        ('"{title}" by {brand} for sale', [], '"Runner" by Acme for sale'),
        ("{title} by {brand} for sale", ["brand"], "Runner for sale"),
        ("A photo of {title}", ["title"], ""),
        ("Title: {title}\nBrand: {brand}", ["title"], "Brand: Acme"),
    ],
)
def test_a_missing_part_leaves_with_its_label_and_leaves_no_hole(form, missing, text):
    fields = {part: text for part, text in SHOE.items() if part not in missing}
    assert find_template(form).render(fields) == text
    assert find_template(form).render({**fields, **dict.fromkeys(missing, " \n ")}) == text


def test_a_title_that_ends_a_sentence_gets_no_second_full_stop():
    fields = {"title": "Runner!", "description": "Light"}
    assert find_template("title_description").render(fields) == "Runner! Light"


def test_white_space_inside_a_part_is_folded():
    assert find_template("title").render({"title": " Run\n\tner  2 "}) == "Run ner 2"


def test_braces_in_a_product_are_only_text():
    assert find_template("title").render({"title": "{brand} {0} {"}) == "{brand} {0} {"


def test_the_reference_template_folds_to_ascii_and_is_cut_at_512_characters():
    text = find_template("reference").render(
        {"title": "L’Oréal “№5” – ﬁn", "description": "x" * 600}
    )
    assert text.startswith('Product title is: L\'Oral "No5" - fin\nProduct description is: xxx')
    assert len(text) == 512


def test_without_any_part_the_text_is_empty():
    assert all(made.render({}) == "" for made in TEMPLATES.values())


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("titel", "title_description"),
        ("{colour}", "{description}"),
        ("{title!r}", "{title!r}"),
        ("{title:>9}", "{title:>9}"),
        ("{}", "names {}"),
        ("{title", "braces"),
        ("{{title}}", "no part"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_the_remedy(form, says):
    with pytest.raises(VariantInvalid, match=re.escape(says)):
        find_template(form)


def test_every_part_can_be_used():
    form = " ".join(f"{{{part}}}" for part in PARTS)
    assert Template("all", form).render({part: part for part in PARTS}) == " ".join(PARTS)


def test_a_product_has_the_same_text_whether_it_was_stored_folded_or_as_written():
    written = {"title": "Baking dish 2½ qt ™", "description": "ﬁts\u00a0in any oven"}
    stored_folded = {name: fold(text) for name, text in written.items()}
    text = find_template("title_description").render(written)
    assert text == find_template("title_description").render(stored_folded)
    assert text == "Baking dish 21⁄2 qt TM. fits in any oven"
