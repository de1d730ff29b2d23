"""The shop as a file of products: counts, kinds, pictures, and nothing of the training data."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from PIL import Image
from typer.testing import CliRunner

from catalog.product import Product
from catalog.readers import read_products
from demo import shop
from demo.__main__ import app
from demo.style import Style, Words, draw_styles, kinds
from demo.training_data import load_drawn_set, make_brand, write_caption, write_description
from demo.wording import sentences, titled
from pictures.decoder import decode
from pictures.errors import PictureError
from pictures.sources import open_file

PRODUCTS = list(shop.make_products())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    assert shop.write_shop(folder, limit=48, workers=1) == 48
    return folder


def test_the_shop_has_1200_products_of_16_kinds_in_two_categories():
    assert len(PRODUCTS) == 1200
    assert len({each.id for each in PRODUCTS}) == 1200
    assert set(Counter(each.style.kind for each in PRODUCTS).values()) == {75}
    categories = Counter(each.category for each in PRODUCTS)
    assert categories == {"Beauty": 600, "Appliances": 600}


def test_two_runs_make_the_same_shop(folder, tmp_path):
    shop.write_shop(tmp_path, limit=48, workers=1)
    names = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    assert names == sorted(f.relative_to(tmp_path) for f in tmp_path.rglob("*") if f.is_file())
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_several_processes_draw_what_one_draws(folder, tmp_path):
    shop.write_shop(tmp_path, limit=16, workers=2)
    pictures = list((tmp_path / shop.IMAGES).iterdir())
    assert len(pictures) == 16
    for file in pictures:
        name = file.stem
        product = next(each for each in PRODUCTS if each.id == name)
        assert file.read_bytes() == shop.picture(product)


def test_the_ordinary_reader_takes_every_product(folder):
    products = list(read_products(folder / shop.PRODUCTS, category_field="category"))
    assert all(isinstance(product, Product) for product in products)
    for product in products:
        assert product.title
        assert product.description
        assert product.brand in sentences("shop")["brands"][product.category]
        assert product.price > 0
        assert 1 <= product.rating <= 5
        assert product.rating_count > 0
        assert product.link.endswith(product.id)
        for address in product.images:
            assert open_file(Path(address)).size == (224, 224)


def test_a_few_products_have_no_picture_and_one_has_a_truncated_one():
    bare = [each for each in PRODUCTS if not each.image]
    assert 8 <= len(bare) <= 16
    assert {each.category for each in bare} == {"Beauty", "Appliances"}
    broken = next(each for each in PRODUCTS if each.id == shop.BROKEN)
    assert broken.image
    with pytest.raises(PictureError) as caught:
        decode(shop.picture(broken))
    assert caught.value.reason == "truncated"


def test_styles_repeat_only_when_a_kind_has_no_more():
    for kind in kinds().values():
        styles = draw_styles(kind, 40, Random(1))
        assert len(set(styles)) == 40


def test_price_depends_on_kind_and_size():
    for kind in kinds().values():
        low, high = kind.price
        prices = [each.price for each in PRODUCTS if each.style.kind == kind.name]
        assert int(low) <= min(prices)
        assert max(prices) <= high + 1
    fridges = [each for each in PRODUCTS if each.style.kind == "refrigerator"]
    means = [
        sum(each.price for each in fridges if each.style.size == size)
        / sum(each.style.size == size for each in fridges)
        for size in ("small", "large")
    ]
    assert means[0] < means[1]


def test_shop_and_training_share_no_brand_no_sentence_and_no_picture(tmp_path):
    training, sold = sentences("training"), sentences("shop")
    for part in ("titles", "descriptions"):
        assert not set(training[part]) & set(sold[part])
    fillers = {text.lower() for some in sold["fillers"].values() for text in some}
    assert not {text.lower() for text in training["fillers"]} & fillers
    brands = {brand.lower() for some in sold["brands"].values() for brand in some}
    rng = Random(0)
    assert not {make_brand(rng) for _ in range(5000)} & brands
    texts = {f"{each.title}. {each.description}".lower() for each in PRODUCTS}
    styles = [each.style for each in PRODUCTS]
    assert not {write_description(style, rng).text.lower() for style in styles} & texts
    assert not {write_caption(style, rng).text.lower() for style in styles} & texts
    drawn = load_drawn_set(tmp_path, per_kind=1, side=96)
    trained_on = {picture.tobytes() for picture in drawn.pictures}
    assert len(trained_on) == 16
    first = [each for each in PRODUCTS if each.id.endswith("-001")]
    for each in first:
        picture = decode(shop.picture(each)).resize((96, 96), Image.Resampling.BICUBIC)
        assert picture.tobytes() not in trained_on


def test_shop_and_query_words_differ_and_training_has_both():
    def check(words: Words) -> None:
        assert not set(words.shop) & set(words.query)
        assert set(words.shop) | set(words.query) <= set(words.known)

    for kind in kinds().values():
        check(kind.words)
        for values in kind.values.values():
            for words in values.values():
                check(words)


def test_a_title_keeps_units_lower_case():
    assert (
        titled("blue kettle (matte, 30 ml) by Nordvik") == "Blue Kettle (Matte, 30 ml) by Nordvik"
    )


def test_make_writes_the_notice_of_the_page(folder):
    notice = (folder / "demo.md").read_text(encoding="utf-8")
    assert "demo shop" in notice
    assert "make shop PRODUCTS=" in notice


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = CliRunner().invoke(app, ["make", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert "a file is where a folder should be" in result.stderr
    assert "Traceback" not in result.output


def test_a_row_is_plain_json(folder):
    rows = [json.loads(line) for line in (folder / shop.PRODUCTS).read_text().splitlines()]
    assert {
        "id", "title", "description", "features", "brand", "category", "price",
        "rating", "rating_count", "details", "link", "image",
    } == set(rows[0])  # fmt: skip


def test_styles_are_of_their_kind():
    for each in PRODUCTS:
        assert isinstance(each.style, Style)
        for name, values in kinds()[each.style.kind].values.items():
            assert getattr(each.style, name) in values
