"""Training on some categories: what is mixed in, and what is forgotten on the others."""

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from catalog.product import Product
from finetune.__main__ import app
from finetune.batches import Batches
from finetune.errors import FinetuneError
from finetune.split import draw_split
from tests.finetune.conftest import COLOURS, QUICK, SHAPES, draw, fill, read

# Discs and squares are of one category, bars and crosses of another.
CATEGORY = dict(zip(SHAPES, ("Round", "Round", "Straight", "Straight"), strict=True))
SETTINGS = dataclasses.replace(QUICK, categories=("Round",), batch=4)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """32 products; a bar of the colour of a disc shares its title."""
    made = [
        (
            Product(
                id=f"{shape}-{colour}",
                title="teal disc" if (shape, colour) == ("bar", "teal") else f"{colour} {shape}",
                category=CATEGORY[shape],
            ),
            draw(colour, shape),
        )
        for shape in SHAPES
        for colour in COLOURS
    ]
    return fill(tmp_path_factory.mktemp("categories") / "home", made)


@pytest.fixture(scope="module")
def split(home):
    return draw_split(read(home), seed=0, validation=0.2, test=0.2, categories=("Round",))


def test_only_products_of_the_categories_are_trained_on_and_others_are_held_out(home, split):
    names = {part: {name.split("-")[0] for name in ids} for part, ids in split.parts().items()}
    assert names["train"] | names["validation"] | names["test"] == {"disc", "square"}
    assert names["mixed"] | names["others"] == {"bar", "cross"}
    assert split.counts() == {
        "train": 10, "validation": 3, "test": 3, "mixed": 8, "others": 7,
    }  # fmt: skip
    everything = [name for ids in split.parts().values() for name in ids]
    assert len(everything) == len(set(everything)) == 31
    # It shares its title with a product that may be trained on.
    assert "bar-teal" not in everything


def test_a_share_of_each_epoch_is_mixed_in(home, split, checkpoint):
    settings = dataclasses.replace(SETTINGS, mix=0.375, batch=16)
    batches = Batches(read(home), split.train, checkpoint, settings, mixed=split.mixed)
    assert batches.per_epoch == 1
    first, second = (next(batches.epoch(epoch)) for epoch in (0, 1))
    assert len(first.positives) == 16  # 10 and 6
    assert (first.pixels != second.pixels).any()
    none = dataclasses.replace(settings, mix=0.0)
    assert Batches(read(home), split.train, checkpoint, none, mixed=split.mixed).per_epoch == 0


def test_an_unknown_category_is_an_error_with_those_that_are_there(home):
    with pytest.raises(FinetuneError, match=r"'Curved'.*one of 'Round', 'Straight'"):
        draw_split(read(home), seed=0, validation=0.2, test=0.2, categories=("Curved",))


def test_what_is_forgotten_on_other_categories_is_reported(home, tiny_clip, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    words = ["--base", tiny_clip, "--cpu", "--recipe", "reference", "--category", "Round"]
    words += ["--batch", 4, "--learning-rate", 0.1, "--epochs", 1, "--variant", "round"]
    words += ["--set", "validation=0.2", "--set", "test=0.2"]
    ran, shown = (
        CliRunner().invoke(app, [str(word) for word in (*words, *more)])
        for more in (["--json"], [])
    )
    assert ran.exit_code == 0, ran.stderr
    forgotten = json.loads(ran.stdout)["heldout"]["forgotten"]
    assert (forgotten["n"], forgotten["measure"]) == (7, "nDCG@10")
    assert "On products of other categories" in shown.stdout
    folder = home / "variants" / "round"
    assert len(json.loads((folder / "split.json").read_text())["others"]) == 7
    card = (folder / "README.md").read_text()
    assert "7 products of categories that were not trained on" in " ".join(card.split())
    settings = json.loads((folder / "manifest.json").read_text())["notes"]["settings"]
    assert (settings["categories"], settings["mix"]) == (["Round"], 0.2)


def test_settings_of_categories_are_not_written_where_there_are_none():
    assert not {"categories", "mix"} & set(QUICK.facts())
