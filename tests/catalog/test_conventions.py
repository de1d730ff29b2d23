"""Made-up exports of each convention (tests/catalog/exports) are read without a word of help."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.conventions import CONVENTIONS, OWN_EXPORT, recognise
from catalog.product import Product
from catalog.readers import DroppedRow, read_products
from catalog.report import Report

EXPORTS = Path(__file__).parent / "exports"


@dataclass(frozen=True)
class Expected:
    """What a product of an export is."""

    title: str
    brand: str
    price: float | None
    path: str
    pictures: str
    parent: str = ""


LAMPS = "Home > Lighting > Reading Lamps"
CLOTHES = "Apparel & Accessories"
JUMPERS = f"{CLOTHES} > Clothing > Jumpers"
CABLES = "Computers&Accessories > Cables > USBCables"

PRODUCTS: dict[str, tuple[str, dict[str, Expected]]] = {
    "google.tsv": ("a Google Merchant Center feed", {
        "GM-1": Expected("Brass Reading Lamp", "Lumoral", 119, LAMPS, "gm-1 gm-1-side", "LAMP"),
        "GM-2": Expected("Steel Reading Lamp", "Lumoral", 139, LAMPS, "gm-2", "LAMP"),
    }),
    "google_prefixed.csv": ("a Google Merchant Center feed", {
        "GP-1": Expected("Brass Reading Lamp", "Glowick", 119, LAMPS, "gp-1 gp-1-side", "LAMP"),
        "GP-2": Expected("Steel Reading Lamp", "Glowick", 139, LAMPS, "gp-2", "LAMP"),
    }),
    "google.xml": ("a Google Merchant Center feed", {
        "GX-1": Expected("Brass Reading Lamp", "Candelux", 119, LAMPS, "gx-1 gx-1-side", "LAMP"),
        "GX-2": Expected("Steel Reading Lamp", "Candelux", 139, LAMPS, "gx-2", "LAMP"),
    }),
    "shopify.csv": ("a Shopify export", {
        "HJ-S": Expected("Harbour Jumper", "Northquay", 89, JUMPERS,
                         "jumper-front jumper-back jumper-knit", "harbour-jumper"),
        "HJ-M": Expected("Harbour Jumper", "Northquay", 92, JUMPERS,
                         "jumper-rust jumper-front jumper-back jumper-knit", "harbour-jumper"),
        "deck-cap": Expected("Deck Cap", "Northquay", 35, f"{CLOTHES} > Hats", "cap", "deck-cap"),
    }),
    "shopify_2025.csv": ("a Shopify export", {
        "TS-GREY": Expected("Tidal Scarf", "Brinewear", 29.5, f"{CLOTHES} > Scarves",
                            "scarf-grey scarf-blue", "tidal-scarf"),
        "TS-BLUE": Expected("Tidal Scarf", "Brinewear", 31.5, f"{CLOTHES} > Scarves",
                            "scarf-blue scarf-grey", "tidal-scarf"),
    }),
    "shopify_api.jsonl": ("products of Shopify's JSON", {
        "MB-1": Expected("Moss Blanket", "Fernhollow", 79, "Blankets", "blanket blanket-fold",
                         "moss-blanket"),
        "MB-2": Expected("Moss Blanket", "Fernhollow", 119, "Blankets", "blanket blanket-fold",
                         "moss-blanket"),
    }),
    "woocommerce.csv": ("a WooCommerce export", {
        "101": Expected("Enamel Kettle", "Emberside", 48, "Kitchen > Kettles",
                        "kettle kettle-lid"),
        "103": Expected("Stoneware Mug - Slate", "Emberside", 14, "Kitchen > Mugs",
                        "mug-slate mug", "102"),
        "104": Expected("Stoneware Mug - Chalk", "Emberside", 15, "Kitchen > Mugs", "mug", "102"),
        "105": Expected("Water Jug", "Emberside", 22, "Kitchen > Jugs", ""),
    }),
    "woocommerce_german.csv": ("a WooCommerce export", {
        "201": Expected("Eichenbrett", "Waldhorst", 39.9, "Küche > Bretter", "brett"),
    }),
    "woocommerce_rest.jsonl": ("products of WooCommerce's REST interface", {
        "301": Expected("Copper Pan", "Rotgut & Sons", 120, "Cookware", "pan pan-top"),
    }),
    "magento.csv": ("a Magento export", {
        "DUF-S": Expected("Trail Duffle-Small", "Kestrel Works", 34, "Gear > Bags",
                          "duffle-small duffle duffle-open", "DUF"),
        "DUF-L": Expected("Trail Duffle-Large", "Kestrel Works", 39, "Gear > Bags",
                          "duffle-large duffle duffle-open", "DUF"),
        "TIN": Expected("Match Tin", "Kestrel Works", 6.5, "Gear", "tin"),
    }),
    "berkeley.json": ("Amazon Berkeley Objects", {
        "B0T1": Expected("Two-Seat Sofa", "Quillcrest", None, "SOFA", "81abc 71def"),
    }),
    "reviews_2023.jsonl": ("Amazon Reviews 2023", {
        "B0MIST": Expected("Rosewater Mist", "Dewfold", 11.5, "All Beauty", "mist t", "B0MIST"),
    }),
    "openfoodfacts.csv": ("Open Food Facts", {
        "3017620422003": Expected("Hazelnut Oat Bar", "Grainward", None,
                                  "Snacks > Sweet snacks > Cereal bars", "bar"),
    }),
    "hm.csv": ("H&M articles", {
        "0555010001": Expected("Linen Shirt", "", None,
                               "Menswear > Garment Upper body > Shirt", "", "0555010"),
    }),
    "styles.csv": ("Fashion Product Images", {
        "90001": Expected("Velvora Women Red Heels", "", None, "Footwear > Shoes > Heels", ""),
    }),
    "flipkart.csv": ("a Flipkart export", {
        "c2d7": Expected("Jutewala Floor Mat", "Jutewala", 379,
                         "Home Furnishing > Floor Coverings > Mats", "mat mat-2"),
    }),
    "amazon_2020.csv": ("an Amazon export", {
        "4c69": Expected("Skyline Kite", "Windrose", 24.99,
                         "Toys & Games > Outdoor Play > Kites", "kite kite-tail"),
    }),
    "amazon_sales.csv": ("an Amazon export", {
        "B0CABLE": Expected("Braidon Charging Cable", "", 399, CABLES, "cable"),
    }),
    "amazon_pages.csv": ("an Amazon export", {
        "https://store.example/dp/B0COOL": Expected("Frostline Cooler 1.5 t", "", 32999,
                                                    "appliances > Air Conditioners", "cooler"),
    }),
    "amazon_listing.csv": ("an Amazon listing file", {
        "YOGA-N": Expected("Cork Yoga Mat", "Stillpeak", 58, "yoga-mats",
                           "yoga-natural yoga yoga-roll", "YOGA"),
    }),
    "ebay_report.csv": ("an eBay listing report", {
        "COMP-1": Expected("Brass Compass", "", 22.5, "Collectibles", ""),
    }),
    "etsy.csv": ("an Etsy export", {
        "FERN-1": Expected("Fern Print", "", 16, "", "fern fern-frame"),
    }),
    "bigcommerce.csv": ("a BigCommerce export", {
        "HAM-R": Expected("Canvas Hammock", "", 60, "Garden > Hammocks", "hammock hammock-bag",
                          "77"),
        "HAM-B": Expected("Canvas Hammock", "", 65, "Garden > Hammocks", "hammock hammock-bag",
                          "77"),
        "PEG": Expected("Tent Peg", "", 2.5, "Garden", "peg", "90"),
    }),
    "wix.csv": ("a Wix export", {
        "CAN-10": Expected("Beeswax Candle", "Hivewick", 18, "Home", "candle candle-lit", "p1"),
        "CAN-20": Expected("Beeswax Candle", "Hivewick", 26, "Home", "candle candle-lit", "p1"),
    }),
    "squarespace.csv": ("a Squarespace export", {
        "TEA-W": Expected("Slow Teapot", "", 48, "tea > pots", "teapot", "slow-teapot"),
        "TEA-G": Expected("Slow Teapot", "", 49, "tea > pots", "teapot", "slow-teapot"),
    }),
    "prestashop.csv": ("a PrestaShop export", {
        "55": Expected("Walnut Desk", "Tischler", 410, "Office", "desk desk-drawer"),
    }),
    "shopware.csv": ("a Shopware export", {
        "SW-1.1": Expected("Rain Barrel", "Tonnenbau", 64.5, "Garden", "barrel", "SW-1"),
    }),
    "opencart.csv": ("an OpenCart export", {
        "611": Expected("Slate Cheese Board", "Ardoise & Co", 34.5, "", "board"),
    }),
    "akeneo.csv": ("an Akeneo export", {
        "AK-1": Expected("Pocket Projector", "", 259, "projectors", "projector"),
    }),
    "commerce_cloud.xml": ("a Salesforce Commerce Cloud catalogue", {
        "SC-1": Expected("Woven Basket", "Weidling", None, "storage", "basket basket-top"),
        "SC-2": Expected("Tin Basket", "Weidling", None, "storage", "basket-tin"),
    }),
    "ebay.csv": ("an eBay listing file", {
        "BEANIE-R": Expected("Ribbed Beanie", "Capstan", 12.99, "",
                             "beanie-rust beanie beanie-back", "BEANIE"),
        "BEANIE-M": Expected("Ribbed Beanie", "Capstan", 13.99, "",
                             "beanie beanie-back beanie-rust", "BEANIE"),
        "PIN": Expected("Enamel Pin", "Capstan", 4.5, "", "pin", "PIN"),
    }),
    "awin.csv": ("an Awin feed", {
        "7001": Expected("Felted Slippers", "Filzwerk", 39.95, "Shoes > Slippers", "slippers"),
    }),
    "wix_2024.csv": ("a Wix export", {
        "TRAY-S": Expected("Birch Tray", "Björkman", 28, "", "tray tray-side", "birch-tray"),
        "TRAY-L": Expected("Birch Tray", "Björkman", 36, "", "tray tray-side", "birch-tray"),
    }),
    "bigcommerce_options.csv": ("a BigCommerce export", {
        "DS-40": Expected("Deck Shoe", "Ankerplatz", 49.95, "Shoes > Deck",
                          "deck deck-sole deck-blue", "75"),
        "DS-41": Expected("Deck Shoe", "Ankerplatz", 49.95, "Shoes > Deck",
                          "deck deck-sole deck-blue", "75"),
    }),
    "shopify_graphql.json": ("products of Shopify's JSON", {
        "OIL-N": Expected("Oilcloth Bag", "Seadrift", 65, "Bags", "oilcloth oilcloth-open",
                          "oilcloth-bag"),
        "OIL-S": Expected("Oilcloth Bag", "Seadrift", 69, "Bags", "oilcloth oilcloth-open",
                          "oilcloth-bag"),
        "FLOAT": Expected("Key Float", "Seadrift", 9, "Tools", "float", "key-float"),
    }),
    "commercetools.json": ("products of commercetools", {
        "DUNE-S": Expected("Dune Coat", "Loomstead", 79, "Women > Coats", "dune-sand", "dune"),
        "DUNE-N": Expected("Dune Coat", "Loomstead", 109, "Women > Coats", "dune-night", "dune"),
    }),
    "commercetools.csv": ("a commercetools export", {
        "PIER-S": Expected("Pier Coat", "Loomstead", 99, "Women > Coats", "pier-sand", "pier"),
        "PIER-N": Expected("Pier Coat", "Loomstead", 109, "Women > Coats", "pier-night", "pier"),
    }),
    "medusa.json": ("products of Medusa", {
        "RF-C": Expected("Reed Flute", "", 34.5, "Music", "flute flute-case", "reed-flute"),
        "RF-G": Expected("Reed Flute", "", 5900, "Music", "flute flute-case", "reed-flute"),
    }),
    "medusa_2.json": ("products of Medusa", {
        "RF-D": Expected("Reed Flute", "", 29, "Music", "flute flute-case", "reed-flute"),
    }),
    "vendure.json": ("products of Vendure", {
        "STAR-30": Expected("Star Lamp", "Papierwerk", 24, "Lamps", "star star-lit", "9"),
        "STAR-60": Expected("Star Lamp", "Papierwerk", 42, "Lamps", "star star-lit", "9"),
    }),
    "bigcommerce_api.json": ("products of BigCommerce's interface", {
        "BELL-S": Expected("Bell Jar", "Vitrum", 40, "", "bell bell-base", "88"),
        "BELL-L": Expected("Bell Jar", "Vitrum", 49, "", "bell-large bell bell-base", "88"),
    }),
    "shopware_api.json": ("products of Shopware's interface", {
        "SWA-7": Expected("Moss Lantern", "Moorguss", 89.9, "", "lantern"),
    }),
    "magento_api.json": ("products of Magento's interface", {
        "CAN-5": Expected("Hill Canteen", "Brunnen", 17.5, "", "canteen canteen-cap"),
    }),
    "square.csv": ("a Square export", {
        "SOAP-S": Expected("Ginger Soap", "", 6, "Bath", "", "SQ9"),
        "SOAP-L": Expected("Ginger Soap", "", 8, "Bath", "", "SQ9"),
    }),
    "ecwid.csv": ("an Ecwid export", {
        "BALL": Expected("Felt Ball", "Wollball", 12, "Toys > Balls", "ball ball-cut", "501"),
        "HOOP-L": Expected("Willow Hoop", "Wollball", 16, "Toys > Hoops", "hoop", "502"),
    }),
    "oxid.csv": ("an OXID export", {
        "KB-1": Expected("Drachenbrett", "Windholz", 479, "", "brett brett-unten"),
    }),
    "xtcommerce.csv": ("an xt:Commerce export", {
        "BOCK-1": Expected("Sägebock", "Bockwerk", 33.57, "Garten > Werkzeug", "bock"),
    }),
    "magento_1.csv": ("a Magento 1 export", {
        "STOOL": Expected("Oak Stool", "Dreibein", 149, "Furniture > Stools", "stool stool-top",
                          "STOOL"),
        "BENCH": Expected("Ash Bench", "Dreibein", 99, "Furniture > Benches", "bench", "BENCH"),
    }),
    "amazon_inventory.txt": ("an Amazon inventory report", {
        "TWINE-50": Expected("Garden Twine 50 m", "", 6.49, "", ""),
    }),
    "yandex.xml": ("a Yandex feed", {
        "9012": Expected("Чайник «Искра»", "Искра", 2990, "Кухня > Посуда > Чайники",
                         "chainik chainik-2"),
        "9013": Expected("Кружка", "Искра", 490, "Кухня > Посуда", "kruzhka", "77"),
    }),
    "ceneo.xml": ("a Ceneo feed", {
        "126": Expected("Garnek emaliowany", "Garmet", 79, "Dom > Kuchnia > Garnki",
                        "garnek garnek-2"),
        "127": Expected("Patelnia", "Garmet", 59, "Dom > Kuchnia > Patelnie", "patelnia"),
    }),
    "facebook.csv": ("a Google Merchant Center feed", {
        "CAPE-Y": Expected("Rain Cape", "Drizzleby", 39, f"{CLOTHES} > Clothing > Outerwear",
                           "cape", "CAPE"),
    }),
    "schema_org.jsonl": ("schema.org products", {
        "FN-1": Expected("Field Notebook", "Papyral", 12.5, "Stationery > Notebooks",
                         "notebook notebook-open"),
        "BLOT-A5": Expected("Blotter", "Papyral", 7.5, "", "blotter", "BLOT"),
        "PEN-F": Expected("Ink Pen, fine", "Papyral", 20, "Stationery > Pens", "pen", "PEN"),
        "PEN-B": Expected("Ink Pen, broad", "Papyral", 21, "Stationery > Pens", "pen-broad",
                          "PEN"),
    }),
}  # fmt: skip


def read(name: str, **choices) -> tuple[dict[str, Product], list[DroppedRow], Report]:
    reader = read_products(EXPORTS / name, **choices)
    items = list(reader)
    products = {item.id: item for item in items if isinstance(item, Product)}
    return products, [item for item in items if isinstance(item, DroppedRow)], reader.report


def stems(product: Product) -> str:
    return " ".join(Path(address).stem for address in product.images)


@pytest.mark.parametrize("name", PRODUCTS)
def test_an_export_is_recognised_and_read_without_a_flag(name):
    convention, expected = PRODUCTS[name]
    products, dropped, report = read(name)
    assert dropped == []
    assert report.convention == convention
    assert {
        identity: Expected(
            product.title,
            product.brand,
            product.price,
            " > ".join(next(iter(product.categories), ())),
            stems(product),
            product.parent,
        )
        for identity, product in products.items()
    } == expected


def test_every_convention_is_tried_and_no_two_have_the_same_columns():
    assert len({convention.columns for convention in CONVENTIONS}) == len(CONVENTIONS)
    tried = {convention for convention, _ in PRODUCTS.values()}
    assert {convention.name for convention in CONVENTIONS} == tried | {OWN_EXPORT.name}


def test_ids_and_categories_of_its_own_come_first_in_a_file_made_from_a_data_set(tmp_path):
    row = {"id": "cup-2", "parent_asin": "CUPS", "title": "Cup", "category": "Kitchen"}
    source = tmp_path / "made.jsonl"
    source.write_text(json.dumps(row | {"details": {"Colour": "blue"}}))
    [product] = read_products(source)
    assert (product.id, product.parent, product.category) == ("cup-2", "CUPS", "Kitchen")


def test_columns_of_a_plain_table_are_no_convention():
    row = dict.fromkeys(("id", "title", "price", "image", "brand", "category"), "x")
    assert recognise([row]) is None


@pytest.mark.parametrize(
    ("name", "product", "expected"),
    [
        ("google.tsv", "GM-1", {"color": "Brass", "material": "Metal", "condition": "new"}),
        ("shopify.csv", "HJ-M", {"Size": "M", "Colour": "Rust", "Type": "Knitwear",
                                 "Tags": "wool, winter"}),
        ("woocommerce.csv", "103", {"Colour": "Slate", "Weight (kg)": 0.4}),
        ("magento.csv", "DUF-S", {"manufacturer": "Kestrel Works", "activity": "Hiking, Travel",
                                  "color": "Olive", "size": "S", "weight": 2.0}),
        ("berkeley.json", "B0T1", {"color": "Sage", "Item weight": "45 kilograms"}),
        ("flipkart.csv", "c2d7", {"Material": "Jute", "Colour": "Natural"}),
        ("bigcommerce.csv", "HAM-R", {"Colour": "Red"}),
        ("prestashop.csv", "55", {"Material": "Walnut"}),
        ("bigcommerce_options.csv", "DS-41", {"Size": 41.0, "Laces": "Blue"}),
        ("ebay.csv", "BEANIE-M", {"Colour": "Moss"}),
        ("ebay.csv", "PIN", {"Colour": "Gold"}),
        ("commerce_cloud.xml", "SC-1", {"material": "willow", "colour": "natural"}),
        ("commerce_cloud.xml", "SC-2", {"material": "tin"}),
        ("shopify_graphql.json", "OIL-S", {"Colour": "Sand"}),
        ("shopify_graphql.json", "FLOAT", {}),
        ("awin.csv", "7001", {"colour": "grey"}),
        ("commercetools.json", "DUNE-N", {"colour": "Night", "brand": "Loomstead"}),
        ("medusa.json", "RF-G", {"Key": "G", "material": "Reed"}),
        ("medusa_2.json", "RF-D", {"Key": "D", "material": "Reed"}),
        ("vendure.json", "STAR-60", {"Width": "60 cm", "brand": "Papierwerk"}),
        ("bigcommerce_api.json", "BELL-L", {"Size": "Large", "Glass": "Clear", "sku": "BELL"}),
        ("shopware_api.json", "SWA-7", {"Finish": "Black"}),
        ("square.csv", "SOAP-L", {"Size": "Large"}),
        ("yandex.xml", "9012", {"Объём": "1.7 л", "Цвет": "белый"}),
        ("ceneo.xml", "126", {"Producent": "Garmet", "EAN": "4006381333931",
                               "Kolor": "szary"}),
        ("magento_1.csv", "STOOL", {"colour": "Oak"}),
        ("hm.csv", "0555010001", {"Graphical appearance": "Solid", "Colour group": "White",
                                  "Department": "Shirts", "Section": "Contemporary Casual",
                                  "Garment group": "Jersey"}),
    ],
)  # fmt: skip
def test_what_is_left_over_is_an_attribute_under_a_readable_name(name, product, expected):
    products, _, _ = read(name)
    assert products[product].attributes == expected


def test_currency_list_price_stock_and_article_numbers_are_read():
    lamp = read("google.tsv")[0]["GM-1"]
    assert (lamp.currency, lamp.list_price, lamp.in_stock) == ("EUR", 149, True)
    assert lamp.gtin == "4006381333931"
    assert read("shopify.csv")[0]["HJ-M"].in_stock is False
    assert read("woocommerce.csv")[0]["101"].categories == (("Kitchen", "Kettles"), ("Offers",))
    assert read("schema_org.jsonl")[0]["FN-1"].in_stock is True
    projector = read("akeneo.csv")[0]["AK-1"]
    assert (projector.currency, projector.list_price) == ("EUR", None)  # the other price is in USD
    assert read("ebay.csv")[0]["BEANIE-M"].in_stock is False
    kettle = read("yandex.xml")[0]["9012"]
    assert (kettle.currency, kettle.list_price, kettle.sku) == ("RUB", 3590, "ISK-17")
    assert read("ceneo.xml")[0]["126"].gtin == "4006381333931"
    coat = read("commercetools.json")[0]["DUNE-S"]
    assert (coat.currency, coat.list_price, coat.in_stock) == ("EUR", 99, True)


@pytest.mark.parametrize(
    ("name", "product", "currency", "list_price"),
    [
        ("medusa.json", "RF-C", "EUR", None),  # an integer is in cents
        ("medusa.json", "RF-G", "JPY", None),  # which the yen has not
        ("medusa_2.json", "RF-D", "EUR", 36.5),
        ("vendure.json", "STAR-30", "GBP", None),
    ],
)
def test_amounts_in_minor_units_are_those_of_their_currency(name, product, currency, list_price):
    found = read(name)[0][product]
    assert (found.currency, found.list_price) == (currency, list_price)


def test_rows_that_are_not_for_sale_and_those_that_only_add_are_counted():
    _, _, report = read("shopify.csv")
    assert (report.skipped, report.merged) == ({"not published": 1}, 1)
    _, _, report = read("magento.csv")
    assert (report.skipped, report.merged) == ({"a translation": 1}, 1)
    _, _, report = read("woocommerce.csv")
    assert (report.skipped, report.merged) == ({"not published": 1}, 1)
    _, _, report = read("bigcommerce_options.csv")
    assert (report.skipped, report.merged) == ({}, 2)


def test_a_language_may_be_chosen():
    assert read("berkeley.json", language="de")[0]["B0T1"].title == "Zweisitzer"


def test_an_id_that_all_variants_share_makes_one_product_with_every_picture():
    products, dropped, report = read("shopify.csv", fields={"id": "Handle"})
    assert list(products) == ["harbour-jumper", "deck-cap"]
    assert stems(products["harbour-jumper"]) == "jumper-front jumper-back jumper-knit"
    assert (dropped, report.merged) == ([], 2)


def test_a_chosen_column_replaces_that_of_the_convention():
    products, _, _ = read("shopify.csv", fields={"category": ["Type"], "image": ["Variant Image"]})
    assert products["HJ-M"].categories == (("Knitwear",),)
    assert stems(products["HJ-M"]) == "jumper-rust"
