"""One shop of the exports of every convention: read without a flag, and found by a search."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from search.__main__ import app as search_app
from tests.ingest.commands import run_here

EXPORTS = Path(__file__).parents[1] / "catalog" / "exports"
OF_WEB = "berkeley.json"  # its pictures lie on the web, which no test fetches from


@dataclass(frozen=True)
class Wanted:
    """A search, and the product that it finds: within a department and a price, if it has them.

    A currency is named where it is not the one that most products of this shop have.
    """

    words: str
    product: str
    category: str
    price_max: float | None = None
    currency: str = ""


WANTED = {
    "google.tsv": Wanted("Lumoral", "GM-1", "Home", 120),
    "google_prefixed.csv": Wanted("Glowick", "GP-1", "Home", 120),
    "google.xml": Wanted("Candelux", "GX-1", "Home", 120),
    "shopify.csv": Wanted("Northquay", "HJ-S", "Apparel & Accessories", 90),
    "shopify_2025.csv": Wanted("Brinewear", "TS-GREY", "Apparel & Accessories", 30),
    "shopify_api.jsonl": Wanted("Fernhollow", "MB-1", "Blankets", 80),
    "woocommerce.csv": Wanted("Emberside", "103", "Kitchen", 14),
    "woocommerce_german.csv": Wanted("Waldhorst", "201", "Küche", 40),
    "woocommerce_rest.jsonl": Wanted("Rotgut", "301", "Cookware", 130),
    "magento.csv": Wanted("Kestrel", "DUF-S", "Gear", 35),
    "berkeley.json": Wanted("Quillcrest", "B0T1", "SOFA"),
    "reviews_2023.jsonl": Wanted("Dewfold", "B0MIST", "All Beauty", 12),
    "openfoodfacts.csv": Wanted("Grainward", "3017620422003", "Snacks"),
    "hm.csv": Wanted("linen", "0555010001", "Menswear"),
    "styles.csv": Wanted("Velvora", "90001", "Footwear"),
    "flipkart.csv": Wanted("Jutewala", "c2d7", "Home Furnishing", 400),
    "amazon_2020.csv": Wanted("Windrose", "4c69", "Toys & Games", 25, "USD"),
    "amazon_sales.csv": Wanted("Braidon", "B0CABLE", "Computers&Accessories", 400, "INR"),
    "amazon_pages.csv": Wanted("Frostline", "https://store.example/dp/B0COOL", "appliances"),
    "amazon_listing.csv": Wanted("Stillpeak", "YOGA-N", "yoga-mats", 60),
    "etsy.csv": Wanted("fern print", "FERN-1", "", 20, "GBP"),
    "bigcommerce.csv": Wanted("hammock", "HAM-R", "Garden", 60),
    "wix.csv": Wanted("Hivewick", "CAN-10", "Home", 20),
    "squarespace.csv": Wanted("teapot", "TEA-W", "tea", 48),
    "prestashop.csv": Wanted("Tischler", "55", "Office", 410),
    "shopware.csv": Wanted("Tonnenbau", "SW-1.1", "Garden", 65),
    "opencart.csv": Wanted("Ardoise", "611", "", 35),
    "akeneo.csv": Wanted("pocket projector", "AK-1", "projectors", 260),
    "commerce_cloud.xml": Wanted("Weidling woven", "SC-1", "storage"),
    "ebay.csv": Wanted("Capstan beanie", "BEANIE-M", "", 14),
    "awin.csv": Wanted("Filzwerk", "7001", "Shoes", 40),
    "wix_2024.csv": Wanted("Björkman", "TRAY-S", "", 30),
    "bigcommerce_options.csv": Wanted("Ankerplatz", "DS-40", "Shoes", 50),
    "shopify_graphql.json": Wanted("Seadrift", "OIL-N", "Bags", 65, "CAD"),
    "commercetools.json": Wanted("Loomstead dune", "DUNE-S", "Women", 80),
    "commercetools.csv": Wanted("Loomstead pier", "PIER-S", "Women", 100),
    "medusa.json": Wanted("reed flute", "RF-C", "Music", 35),
    "vendure.json": Wanted("Papierwerk", "STAR-30", "Lamps", 25, "GBP"),
    "bigcommerce_api.json": Wanted("Vitrum", "BELL-S", "", 40),
    "shopware_api.json": Wanted("Moorguss", "SWA-7", "", 90),
    "magento_api.json": Wanted("Brunnen canteen", "CAN-5", "", 18),
    "ecwid.csv": Wanted("Wollball", "BALL", "Toys", 12),
    "oxid.csv": Wanted("Windholz", "KB-1", "", 480),
    "xtcommerce.csv": Wanted("Bockwerk", "BOCK-1", "Garten", 34),
    "magento_1.csv": Wanted("Dreibein", "STOOL", "Furniture", 150),
    "yandex.xml": Wanted("Искра", "9012", "Кухня", 3000, "RUB"),
    "ceneo.xml": Wanted("Garmet", "126", "Dom", 80),
    "facebook.csv": Wanted("Drizzleby", "CAPE-Y", "Apparel & Accessories", 40, "USD"),
    "schema_org.jsonl": Wanted("Papyral notebook", "FN-1", "Stationery", 13, "USD"),
}


def draw_pictures(home: Path, folder: Path) -> None:
    """A picture for every local address of the catalogue: no two are alike."""
    with Catalogue(home, create=False) as catalogue:
        addresses = {address for product in catalogue.products() for address in product.images}
    for number, address in enumerate(sorted(addresses)):
        if address.startswith(str(folder)):
            colour = (number * 37 % 256, number * 101 % 256, number * 53 % 256)
            Path(address).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (48, 48), colour).save(address)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    """The shop, filled through the command line without a flag."""
    folder = tmp_path_factory.mktemp("feeds")
    home, feeds = folder / "home", folder / "feeds"
    shutil.copytree(EXPORTS, feeds)
    (feeds / "images").mkdir()  # where the pictures of two data sets lie beside their tables
    Variants(home).add("tiny", tiny_clip)
    for name in WANTED:
        if name != OF_WEB:
            done = run_here(home, "products", feeds / name)
            assert done.status == 0, done.stderr
    draw_pictures(home, feeds)
    images = json.loads(run_here(home, "images", "--json").stdout)
    assert images["failed"] == {}
    assert run_here(home, "products", feeds / OF_WEB).status == 0
    assert run_here(home, "vectors").status == 0
    return home


@pytest.mark.parametrize("name", WANTED)
def test_a_product_of_each_export_is_found_in_its_department_for_its_price_with_its_picture(
    home, name
):
    wanted = WANTED[name]
    filters = ["--category", wanted.category] if wanted.category else []
    filters += ["--price-max", str(wanted.price_max)] if wanted.price_max else []
    filters += ["--where", f"currency={wanted.currency}"] if wanted.currency else []
    done = CliRunner().invoke(
        search_app,
        [wanted.words, *filters, "--match", "words", "--json"],
        env={"VITRINE_HOME": str(home), "QDRANT_URL": None},
    )
    found = json.loads(done.stdout)
    results = {each["id"]: each for each in (*found["results"], *found["without_picture"])}
    assert wanted.product in results
    assert ("picture" in results[wanted.product]["product"]) == (name != OF_WEB)
