"""Training products, and those held out."""

import itertools
import json

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from finetune.errors import FinetuneError
from finetune.examples import LOST_PICTURE, NO_PICTURE, NOT_SAMPLED
from finetune.split import Split, check_split, draw_split
from tests.finetune.conftest import draw, drawn_products, fill, read


def test_products_without_a_picture_are_left_out_and_counted(tmp_path):
    made = drawn_products()[:6]
    bare = [(Product("bare", "a bare one"), b"")]
    home = fill(tmp_path, made + bare)
    with Catalogue(home, create=False) as catalogue:
        lost = read(home).rows[0]
        catalogue.pictures.path(lost.picture).unlink()
    examples = read(home)
    assert len(examples) == 5
    assert examples.left_out == {NO_PICTURE: 1, LOST_PICTURE: 1}


def test_a_catalogue_without_a_picture_says_what_to_run(tmp_path):
    with pytest.raises(FinetuneError, match="vitrine ingest images"):
        read(fill(tmp_path, [(Product("bare", "a bare one"), b"")]))


def test_a_view_that_a_product_has_no_words_for_is_not_drawn(tmp_path):
    wordless = [(Product("one", "the one"), draw("teal", "bar"))]
    assert read(fill(tmp_path, wordless)).rows[0].views == ("the one",)


def test_products_of_one_title_or_picture_are_positives_and_those_of_one_parent_are_not(tmp_path):
    photo = draw("teal", "bar")
    home = fill(
        tmp_path,
        [
            (Product("a", "Red Lipstick"), draw("crimson", "bar")),
            (Product("b", "red  lipstick!", parent="p"), photo),
            (Product("c", "pink lipstick"), photo),
            (Product("d", "gloss", parent="p"), draw("coral", "bar")),
            (Product("e", "mascara"), draw("black", "bar")),
        ],
    )
    examples = read(home)
    assert examples.positives(range(5)).astype(int).tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]
    siblings = examples.siblings(range(5)) & ~examples.positives(range(5))
    assert np.argwhere(siblings).tolist() == [[1, 3], [3, 1]]
    assert list(examples.groups) == ["a", "a", "a", "a", "e"]


def test_the_fingerprint_follows_texts_and_pictures(tmp_path):
    made = drawn_products()[:4]
    before = read(fill(tmp_path / "one", made)).fingerprint
    assert read(fill(tmp_path / "two", made)).fingerprint == before
    product, data = made[0]
    changed = Product(product.id, product.title + "s", description=product.description)
    assert read(fill(tmp_path / "three", [(changed, data), *made[1:]])).fingerprint != before
    other = [(product, draw("plum", "cross")), *made[1:]]
    assert read(fill(tmp_path / "four", other)).fingerprint != before


def test_a_sample_keeps_groups_whole_and_is_the_same_every_time(tmp_path):
    made = drawn_products()[:8]
    twins = [(Product(f"{p.id}-twin", p.title), data) for p, data in made]
    home = fill(tmp_path, made + twins)
    examples = read(home, sample=7, seed=3)
    assert len(examples) == 6  # a seventh would tear a pair apart
    assert examples.left_out == {NOT_SAMPLED: 10}
    assert all(examples.groups.count(group) == 2 for group in examples.groups)
    assert read(home, sample=7, seed=3).rows == examples.rows
    assert read(home, sample=7, seed=4).rows != examples.rows


def test_a_sample_is_drawn_from_the_products_that_have_a_picture(tmp_path):
    bare = [(Product(f"bare-{n}", f"bare thing {n}"), b"") for n in range(90)]
    bare.append((Product("of-a-group", drawn_products()[0][0].title), b""))
    home = fill(tmp_path, drawn_products() + bare)
    examples = read(home, sample=20)
    assert len(examples) == 20
    assert examples.left_out == {NO_PICTURE: 91, NOT_SAMPLED: 12}


def test_a_split_never_tears_a_group_apart(tmp_path):
    made = drawn_products()
    twins = [(Product(f"{p.id}-twin", p.title), data) for p, data in made[:10]]
    examples = read(fill(tmp_path, made + twins))
    split = draw_split(examples, seed=0, validation=0.2, test=0.2)
    assert split.counts() == {"train": 26, "validation": 8, "test": 8}
    parts = [
        {examples.groups[examples.row_of[name]] for name in part}
        for part in (split.train, split.validation, split.test)
    ]
    assert not any(one & other for one, other in itertools.combinations(parts, 2))
    assert draw_split(examples, seed=0, validation=0.2, test=0.2) == split
    assert draw_split(examples, seed=1, validation=0.2, test=0.2) != split


def test_a_group_larger_than_a_share_is_trained_on(tmp_path):
    same = [
        (Product(f"shade-{n}", "one title"), data)
        for n, (_, data) in enumerate(drawn_products()[:20])
    ]
    examples = read(fill(tmp_path, drawn_products()[20:] + same))
    split = draw_split(examples, seed=0, validation=0.2, test=0.2)
    assert {name for name in split.train if name.startswith("shade")} == {p.id for p, _ in same}
    assert len(split.validation) == len(split.test) == 6


def test_a_split_is_written_down(tmp_path):
    Split(["a"], ["b"], ["c"]).write(tmp_path / "split.json", {"seed": 7})
    assert json.loads((tmp_path / "split.json").read_text()) == {
        "seed": 7, "train": ["a"], "validation": ["b"], "test": ["c"],
    }  # fmt: skip


def whole(examples, validation=2):
    names = [example.id for example in examples.rows]
    return Split(names[validation:], names[:validation])


def test_fewer_products_than_a_batch_are_an_error_with_the_remedy(examples):
    with pytest.raises(FinetuneError, match=r"training products \(30\) than a batch of 128"):
        check_split(examples, whole(examples), 128)


def test_one_product_is_too_few(tmp_path):
    examples = read(fill(tmp_path, drawn_products()[:1]))
    split = draw_split(examples, seed=0, validation=0.1, test=0.1)
    with pytest.raises(FinetuneError, match=r"training products \(1\) than a batch of 8"):
        check_split(examples, split, 8)


def test_products_that_all_have_one_picture_are_an_error(tmp_path):
    photo = draw("teal", "bar")
    examples = read(fill(tmp_path, [(product, photo) for product, _ in drawn_products()]))
    with pytest.raises(FinetuneError, match="have the same picture"):
        check_split(examples, whole(examples), 8)


def test_products_of_one_article_are_an_error(tmp_path):
    same = [(Product(p.id, p.title, parent="one"), data) for p, data in drawn_products()]
    examples = read(fill(tmp_path, same))
    with pytest.raises(FinetuneError, match="are one article"):
        check_split(examples, whole(examples), 8)


def test_a_validation_of_one_product_is_an_error(examples):
    with pytest.raises(FinetuneError, match="larger validation share"):
        check_split(examples, whole(examples, 1), 8)
