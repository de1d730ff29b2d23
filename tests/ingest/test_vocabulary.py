"""The vocabulary that `ingest vectors` makes beside a collection."""

from pathlib import Path

import pytest

from encoder.variants import Variants
from ingest.vectors import embed_products
from qdrant.vocabulary import FILE, Vocabulary
from tests import shop


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    return shop.build(tmp_path_factory.mktemp("shop"), tiny_clip)


def vocabulary(home: Path) -> Vocabulary:
    return Vocabulary(Variants(home).get("tiny").folder / FILE)


def test_a_vocabulary_has_the_words_brands_categories_and_titles_of_the_shop(home: Path):
    found = vocabulary(home)
    assert found.counts(["crimson", "lipstick", "acme", "beauty"]) == {
        "crimson": 2,
        "lipstick": 6,
        "acme": 6,
        "beauty": 6,
    }
    for kind, typed, text in (
        ("brand", "zen", "Zenith"),
        ("category", "app", "Appliances"),
        ("title", "olive k", "olive kettle"),
    ):
        assert [name.text for name in found.names(kind, typed.split(), 5)] == [text]


def test_a_vocabulary_is_made_again_where_it_is_missing_damaged_or_of_another_state(home: Path):
    made = vocabulary(home)
    state = made.state()
    embed_products(home, "tiny")
    assert made.state() == state
    made.path.write_bytes(b"damaged")
    embed_products(home, "tiny")
    assert made.counts(["lipstick"]) == {"lipstick": 6}
    made.path.unlink()
    embed_products(home, "tiny")
    assert made.counts(["lipstick"]) == {"lipstick": 6}


def test_a_vocabulary_that_cannot_be_written_is_reported_and_the_collection_stays(
    home: Path, capsys: pytest.CaptureFixture[str]
):
    made = vocabulary(home)
    made.path.unlink()
    unfinished = made.path.with_name(f"{made.path.name}.new")
    unfinished.mkdir()
    assert embed_products(home, "tiny")["points"] == 12
    assert "cannot be written" in capsys.readouterr().err
    unfinished.rmdir()
    embed_products(home, "tiny")
    assert made.source()
