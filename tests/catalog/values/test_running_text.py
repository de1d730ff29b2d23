import math
from decimal import Decimal

import pytest

from catalog import values


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("  A\u00a0 wide\tspace \n", "A wide space"),
        ("2½ qt, 10² cm, ﬁ ™", "2½ qt, 10² cm, ﬁ ™"),
        ("cafe\u0301", "café"),
        ("L'Oréal 日本 👩\u200d🔧", "L'Oréal 日本 👩\u200d🔧"),
        ("<b>bold</b> &amp;", "bold &"),
        ("a\x00b\ufeff\ud800c", "abc"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("NaN", ""),
        (" n/a ", ""),
        (None, ""),
        (math.nan, ""),
        (12.0, "12"),
        (12.5, "12.5"),
        (["one", None, "two"], "one two"),
        (Decimal("4.50"), "4.50"),
        (b"bytes", "bytes"),
    ],
)
def test_text_is_normalised_and_missing_values_are_empty(written, clean):
    assert values.text(written) == clean


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ({"id": 9, "name": "Lamps", "slug": "lamps"}, "Lamps"),
        ({"@type": "Brand", "name": "Acme"}, "Acme"),
        ({"#text": "Acme", "@id": "7"}, "Acme"),
        ({"rendered": "<p>Brass &amp; oak</p>"}, "Brass & oak"),
        ({"value": 2.5, "unit": "kg"}, "2.5 kg"),
        ({"value": {"label": "Red"}}, "Red"),
        ('{"id": 9, "name": "Lamps"}', "Lamps"),
        ("['Brass lamp.', 'Oak foot.']", "Brass lamp. Oak foot."),
        ({"Use": "For a desk.", "Care": "Dust it dry."}, "For a desk. Dust it dry."),
        ({"time": 5, "blocks": [{"id": "a", "data": {"text": "Brass."}}, {"data": {}}]}, "Brass."),
        ({"type": "root", "children": [{"children": [{"value": "Oak."}]}]}, "Oak."),
        ({"id": 9, "slug": "lamps"}, ""),
        ({"Rank": {"Lamps": 3}}, ""),
        ("[2026] lamp", "[2026] lamp"),
        ("[2026]", "[2026]"),
        ("{brass}", "{brass}"),
    ],
)
def test_an_object_gives_its_text_and_never_its_names(written, clean):
    assert values.text(written) == clean


def test_windows_characters_that_were_read_as_latin_1_are_restored():
    assert values.text("it\x92s \x8016") == "it’s €16"


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("35 Â°C, Itâ€™s a cafÃ© â„¢", "35 °C, It’s a café ™"),
        ("<p>MÃ¼ller</p>", "Müller"),
        ("CAFÉ®, Größe 2½ ² – “à”", "CAFÉ®, Größe 2½ ² – “à”"),
    ],
)
def test_text_that_was_encoded_twice_is_restored(written, clean):
    assert values.text(written) == clean


@pytest.mark.parametrize(
    "written",
    [
        ["Brass", "Oak foot"],
        '["Brass", "Oak foot"]',
        "Brass\nOak foot\n",
        "• Brass • Oak foot",
        "- Brass\n- Oak foot",
        "* Brass\r\n* Oak foot",
        "Brass | Oak foot",
        "✓ Brass ✓ Oak foot",
        "<ul><li>Brass</li><li>Oak foot</li></ul>",
        "Brass<br>Oak foot",
        [{"value": "Brass"}, {"value": "Oak foot"}],
        [["Brass"], None, "", "Oak foot"],
    ],
)
def test_bullet_points_are_read_from_every_notation(written):
    assert values.texts(written) == ("Brass", "Oak foot")


@pytest.mark.parametrize("written", ["Wi-Fi - fast", "2 * 3", "A|B", "One sentence. And another."])
def test_one_text_is_one_bullet_point(written):
    assert values.texts(written) == (written,)


@pytest.mark.parametrize(
    ("written", "identity"),
    [
        (" 0012 ", "0012"),
        ("ﬁ &amp; <b>", "ﬁ &amp; <b>"),
        ('="0012"', "0012"),
        ("'0012", "0012"),
        ("'n Co", "'n Co"),
        ("4006381333931.0", "4006381333931"),  # as pandas writes it
        ("1.0", "1.0"),
        (12.0, "12"),
        ({"$oid": "5f1c"}, "5f1c"),
        ({"id": 7, "name": "Lamp"}, "7"),
        (["0012"], "0012"),
        (["0012", "0013"], ""),
        ("n/a", ""),
        (None, ""),
        (True, ""),
        ({}, ""),
    ],
)
def test_an_identifier_is_kept_as_written(written, identity):
    assert values.identifier(written) == identity
