"""Columns that follow no convention are found by their words and by what they hold."""

import csv
import json
from pathlib import Path

import pytest

from catalog import CatalogError
from catalog.product import Product
from catalog.readers import read_products


def table(folder: Path, rows: list[dict[str, str]]) -> Path:
    with (folder / "feed.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return folder / "feed.csv"


def read(folder: Path, *rows: dict, **choices) -> list[Product]:
    """The products of rows: as CSV where every cell is a text, else as JSON."""
    if all(isinstance(cell, str) for row in rows for cell in row.values()):
        source = table(folder, list(rows))
    else:
        source = folder / "feed.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    products = list(read_products(source, **choices))
    assert all(isinstance(product, Product) for product in products), products
    return products


GERMAN = {"Artikelnummer": "L-1", "Bezeichnung": "Leselampe", "Preis": "149,00 €",
          "UVP": "169,00 €", "Hersteller": "Lumoral", "Warengruppe": "Wohnen > Leuchten",
          "Bild-URL": "bilder/l1.jpg", "Langtext": "Eine Lampe.", "Lagerbestand": "3",
          "EAN-Code": "4006381333931", "Farbe": "Messing"}  # fmt: skip
FRENCH = {"Référence": "L-1", "Désignation": "Lampe", "Prix TTC": "149,00 €",
          "Prix barré": "169,00 €", "Marque": "Lumoral", "Catégorie": "Maison > Lampes",
          "Photo": "bilder/l1.jpg", "Descriptif": "Une lampe.", "Disponibilité": "En stock",
          "Code EAN": "4006381333931", "Couleur": "Laiton"}  # fmt: skip
SPANISH = {"Código": "L-1", "Nombre del producto": "Lámpara", "Precio oferta": "149,00 €",
           "Precio": "169,00 €", "Marca": "Lumoral", "Categoría": "Hogar > Lámparas",
           "Imagen": "bilder/l1.jpg", "Descripción": "Una lámpara.", "Existencias": "3",
           "Código de barras": "4006381333931", "Color": "Latón"}  # fmt: skip


DUTCH = {"Artikelnummer": "L-1", "Productnaam": "Leeslamp", "Prijs": "149,00 €",
         "Adviesprijs": "169,00 €", "Merk": "Lumoral", "Categorie": "Wonen > Lampen",
         "Afbeelding": "bilder/l1.jpg", "Omschrijving": "Een lamp.", "Voorraad": "3",
         "EAN": "4006381333931", "Kleur": "Messing"}  # fmt: skip
POLISH = {"Indeks": "L-1", "Nazwa produktu": "Lampa", "Cena brutto": "149,00 EUR",
          "Cena katalogowa": "169,00 EUR", "Producent": "Lumoral", "Kategoria": "Dom > Lampy",
          "Zdjęcie": "bilder/l1.jpg", "Opis": "Lampa.", "Dostępność": "3",
          "Kod kreskowy": "4006381333931", "Kolor": "złoty"}  # fmt: skip
RUSSIAN = {"Артикул": "L-1", "Наименование": "Лампа", "Цена": "149,00 EUR",
           "Старая цена": "169,00 EUR", "Производитель": "Lumoral", "Категория": "Дом > Лампы",
           "Изображение": "bilder/l1.jpg", "Описание": "Лампа.", "Остаток": "3",
           "Штрихкод": "4006381333931", "Цвет": "латунь"}  # fmt: skip
ITALIAN = {"Codice articolo": "L-1", "Nome articolo": "Lampada", "Prezzo scontato": "€ 149,00",
           "Prezzo di listino": "€ 169,00", "Marca": "Lumoral", "Categoria": "Casa",
           "Sottocategoria": "Lampade", "Immagine principale": "bilder/l1.jpg",
           "Descrizione": "Una lampada.", "Disponibilità": "disponibile",
           "Codice EAN": "4006381333931", "Colore": "ottone"}  # fmt: skip
# With articles, prepositions, words about tax and of order, and a category in two columns.
LONG_GERMAN = {"Art.-Nr.": "L-1", "Artikelbezeichnung": "Lampe", "VK-Preis brutto": "149,00 €",
               "UVP": "169,00 €", "Hersteller": "Lumoral", "Warengruppe 1": "Wohnen",
               "Warengruppe 2": "Leuchten", "Bild-URL 1": "bilder/l1.jpg",
               "Langbeschreibung": "Eine Lampe.", "Lagerbestand": "3",
               "EAN/GTIN": "4006381333931", "Farbe": "Messing"}  # fmt: skip
LONG_FRENCH = {"Référence produit": "L-1", "Désignation du produit": "Lampe",
               "Prix de vente TTC": "149,00 €", "Prix barré": "169,00 €", "Fabricant": "Lumoral",
               "Rayon": "Maison", "Sous-rayon": "Lampes", "Photo principale": "bilder/l1.jpg",
               "Descriptif": "Une lampe.", "Disponibilité": "En stock",
               "Code-barres": "4006381333931", "Couleur": "Laiton"}  # fmt: skip
LONG_SPANISH = {"Referencia": "L-1", "Nombre del artículo": "Lámpara",
                "P.V.P. (IVA incl.)": "149,00 €", "Precio anterior": "169,00 €",
                "Fabricante": "Lumoral", "Sección": "Hogar", "Subsección": "Lámparas",
                "URL de la imagen": "bilder/l1.jpg", "Descripción larga": "Una lámpara.",
                "Existencias": "3", "Código de barras": "4006381333931",
                "Talla": "M"}  # fmt: skip
LONG_DUTCH = {"Artikelcode": "L-1", "Productnaam": "Leeslamp", "Prijs incl. btw": "€ 149,00",
              "Van prijs": "€ 169,00", "Merk": "Lumoral", "Categorie": "Wonen",
              "Subcategorie": "Lampen", "Afbeelding 1": "bilder/l1.jpg",
              "Omschrijving": "Een lamp.", "Voorraad": "3", "EAN-code": "4006381333931",
              "Kleur": "Messing"}  # fmt: skip
LANGUAGES = {"German": GERMAN, "French": FRENCH, "Spanish": SPANISH, "Dutch": DUTCH,
             "Polish": POLISH, "Russian": RUSSIAN, "Italian": ITALIAN, "long German": LONG_GERMAN,
             "long French": LONG_FRENCH, "long Spanish": LONG_SPANISH,
             "long Dutch": LONG_DUTCH}  # fmt: skip


@pytest.mark.parametrize("row", LANGUAGES.values(), ids=LANGUAGES)
def test_names_of_columns_are_known_in_several_languages(tmp_path, row):
    (lamp,) = read(tmp_path, row)
    assert (lamp.id, lamp.title, lamp.price) == ("L-1", list(row.values())[1], 149)
    assert (lamp.list_price, lamp.currency, lamp.brand) == (169, "EUR", "Lumoral")
    assert len(lamp.categories[0]) == 2
    assert lamp.images == (f"{tmp_path}/bilder/l1.jpg",)
    assert lamp.description.endswith(".")
    assert (lamp.in_stock, lamp.gtin) == (True, "4006381333931")
    assert list(lamp.attributes) == [list(row)[-1]]


@pytest.mark.parametrize(
    "names",
    [
        ("productId", "productName", "brandName", "imageUrl", "listPrice"),
        ("PRODUCT_ID", "PRODUCT_NAME", "BRAND_NAME", "IMAGE_URL", "LIST_PRICE"),
        ("g:id", "g:title", "g:brand", "g:image_link", "g:list-price"),
        ("id (internal)", "Title EN", "Brand [text]", "Main image", "List price (EUR)"),
        ("item no", "item name", "manufacturer", "Image 1", "MSRP"),
    ],
)
def test_case_separators_prefixes_and_remarks_do_not_matter(tmp_path, names):
    row = dict(zip(names, ("7", "Vase", "Kiln", "v.jpg", "30"), strict=True))
    (vase,) = read(tmp_path, row)
    assert (vase.id, vase.title, vase.brand, vase.price) == ("7", "Vase", "Kiln", 30)
    assert vase.images == (f"{tmp_path}/v.jpg",)


def test_the_thing_for_sale_may_stand_before_a_name_in_one_word(tmp_path):
    row = {"objectid": "7", "productname": "Vase", "itembrand": "Kiln", "productimage": "v.jpg"}
    (vase,) = read(tmp_path, row)
    assert (vase.id, vase.title, vase.brand) == ("7", "Vase", "Kiln")
    assert vase.images == (f"{tmp_path}/v.jpg",)


@pytest.mark.parametrize(
    ("columns", "price", "currency"),
    [
        ({"price_usd": "9.50"}, 9.5, "USD"),
        ({"Price (INR)": "950"}, 950, "INR"),
        ({"price-CHF": "9.50"}, 9.5, "CHF"),
        ({"priceEUR": "9,50"}, 9.5, "EUR"),
        ({"price_usd": "9.50 EUR"}, 9.5, "EUR"),  # the cell is right
        ({"price_usd": "9.50", "currency": "CAD"}, 9.5, "CAD"),
        ({"price_top": "9.50"}, None, ""),  # a word before it is a currency
    ],
)
def test_a_price_column_may_have_its_currency_in_its_name(tmp_path, columns, price, currency):
    (vase,) = read(tmp_path, {"id": "1", "title": "Vase"} | columns)
    assert (vase.price, vase.currency) == (price, currency)


def test_a_higher_price_in_another_currency_is_no_list_price(tmp_path):
    row = {"id": "1", "title": "Vase", "price_eur": "9", "price_usd": "11", "list_price_eur": "10"}
    (vase,) = read(tmp_path, row)
    assert (vase.price, vase.currency, vase.list_price) == (9, "EUR", 10)


def test_details_are_a_description_where_they_are_a_text(tmp_path):
    row = {"id": "1", "title": "Vase", "details": "Thrown by hand, glazed in blue."}
    assert read(tmp_path, row)[0].description == "Thrown by hand, glazed in blue."
    (vase,) = read(tmp_path, {**row, "details": {"Colour": "blue", "Height": "20 cm"}})
    assert (vase.description, vase.attributes) == ("", {"Colour": "blue", "Height": "20 cm"})


@pytest.mark.parametrize(("written", "in_stock"), [("true", False), ("0", True), ("", None)])
def test_a_column_of_what_is_sold_out_is_the_opposite_of_stock(tmp_path, written, in_stock):
    row = {"id": "1", "title": "Vase", "out_of_stock": written}
    assert read(tmp_path, row)[0].in_stock is in_stock


def test_a_code_among_the_attributes_is_the_gtin(tmp_path):
    row = {"id": "1", "title": "Vase", "specs": {"EAN": "4006381333931", "Height": "20 cm"}}
    assert read(tmp_path, row)[0].gtin == "4006381333931"


def test_a_list_or_an_object_that_a_cell_holds_as_text_gives_its_facts(tmp_path):
    row = {"id": "1", "title": "Vase", "extra": '{"colour": "blue"}', "uses": "['tea', 'soup']"}
    assert read(tmp_path, row)[0].attributes == {"extra colour": "blue", "uses": "tea, soup"}


def test_a_currency_may_be_a_sign_or_an_old_code(tmp_path):
    rows = [{"id": f"{n}", "title": "Vase", "price": "9", "currency": each}
            for n, each in enumerate(("€", "RUR", "chf"))]  # fmt: skip
    assert [vase.currency for vase in read(tmp_path, *rows)] == ["EUR", "RUB", "CHF"]


def test_numbered_columns_hold_names_and_values_of_attributes(tmp_path):
    row = {"id": "1", "title": "Vase", "Option 1 Name": "Glaze", "Option 1 Value": "blue",
           "Option 2 Name": "", "Option 2 Value": ""}  # fmt: skip
    assert read(tmp_path, row)[0].attributes == {"Glaze": "blue"}


def test_a_fact_in_a_list_is_named_as_a_column_is(tmp_path):
    row = {"key": "7", "title": "Vase", "facts": [{"name": "maker", "value": "Kiln"}]}
    (vase,) = read(tmp_path, row, fields={"id": "key", "brand": "facts.maker"})
    assert vase.brand == "Kiln"


def test_numbers_of_categories_are_no_department(tmp_path):
    row = {"id": "1", "title": "Vase", "categories": "33,35", "department": "Home"}
    assert read(tmp_path, row)[0].categories == (("Home",),)


def test_names_of_columns_are_known_in_japanese(tmp_path):
    row = {"商品コード": "L-1", "商品名": "ランプ", "価格": "149", "ブランド": "Lumoral",
           "商品画像": "l1.jpg"}  # fmt: skip
    (lamp,) = read(tmp_path, row)
    assert (lamp.id, lamp.title, lamp.price, lamp.brand) == ("L-1", "ランプ", 149, "Lumoral")
    assert lamp.images == (f"{tmp_path}/l1.jpg",)


def test_numbered_columns_fill_fields_of_several_values_in_their_order(tmp_path):
    row = {"id": "1", "title": "Vase", "title 2": "no", "Image 2": "b.jpg", "Image 3": "",
           "Image 1": "a.jpg", "bullet_point1": "tall", "bullet_point2": "blue"}  # fmt: skip
    (vase,) = read(tmp_path, row)
    assert (vase.title, vase.features) == ("Vase", ("tall", "blue"))
    assert [Path(address).name for address in vase.images] == ["b.jpg", "a.jpg"]


def test_a_column_must_hold_values_of_its_kind(tmp_path):
    rows = [
        {"id": str(n), "name": "Pan", "type": kind, "department": "Kitchen", "picture": "af09" * 16,
         "photo": f"{n}.jpg", "rating": "none yet", "stars": "4.5", "brand_id": "17",
         "manufacturer": "Emberside"}
        for n, kind in enumerate(("simple", "configurable", "virtual"))
    ]  # fmt: skip
    pan = read(tmp_path, *rows)[0]
    assert (pan.category, pan.rating, pan.brand) == ("Kitchen", 4.5, "Emberside")
    assert pan.images == (f"{tmp_path}/0.jpg",)
    assert "type" not in pan.attributes


def test_the_id_is_a_column_that_tells_rows_apart(tmp_path):
    rows = [{"id": "", "code": "shared", "sku": f"S{n}", "title": "Pan"} for n in range(20)]
    assert [product.id for product in read(tmp_path, *rows)] == [f"S{n}" for n in range(20)]


def test_a_reduced_price_and_the_price_before_it_are_told_apart(tmp_path):
    rows = [
        {"id": "1", "title": "a", "price": "30", "sale price": "25", "cost": "9"},
        {"id": "2", "title": "b", "price": "30", "sale price": "", "cost": "9"},
        {"id": "3", "title": "c", "price": "30", "sale price": "0", "cost": "9"},
    ]
    prices = [(product.price, product.list_price) for product in read(tmp_path, *rows)]
    assert prices == [(25, 30), (30, None), (30, None)]


@pytest.mark.parametrize(
    ("columns", "path"),
    [
        ({"category": "Lamps", "sub_category": "Desk"}, ("Lamps", "Desk")),
        ({"category_1": "Home", "category_2": "Lamps", "category_3": "Desk"},
         ("Home", "Lamps", "Desk")),
        ({"main_category": "Home", "category": "Home > Lamps"}, ("Home", "Lamps")),
        ({"main_category": "Home", "categories": '["Home", "Lamps"]'}, ("Home", "Lamps")),
    ],
)  # fmt: skip
def test_steps_of_a_category_path_in_several_columns_are_one_path(tmp_path, columns, path):
    (lamp,) = read(tmp_path, {"id": "1", "title": "Lamp"} | columns)
    assert lamp.categories == (path,)
    assert lamp.attributes == {}


def test_values_inside_objects_are_found(tmp_path):
    row = {"id": 7, "title": "Vase", "brand": {"name": "Kiln"},
           "pricing": {"regular": 30, "sale": 25, "currency": "EUR"},
           "rating": {"rate": 4.5, "count": 9}, "media": {"images": [{"url": "v.jpg"}]},
           "size": {"height": 20, "width": 9}}  # fmt: skip
    (vase,) = read(tmp_path, row)
    assert (vase.brand, vase.price, vase.list_price, vase.currency) == ("Kiln", 25, 30, "EUR")
    assert (vase.rating, vase.rating_count) == (4.5, 9)
    assert vase.images == (f"{tmp_path}/v.jpg",)
    assert vase.attributes == {"size height": 20, "size width": 9}


def test_a_record_inside_a_record_is_the_product(tmp_path):
    rows = [{"product": {"id": n, "name": "Vase"}, "price": 30} for n in (1, 2)]
    assert [(product.id, product.price) for product in read(tmp_path, *rows)] == [
        ("1", 30),
        ("2", 30),
    ]


def test_the_attributes_of_a_record_without_a_title_are_the_product(tmp_path):
    rows = [{"id": n, "type": "vase", "attributes": {"name": "Vase", "price": 30}} for n in (1, 2)]
    assert [(product.title, product.price) for product in read(tmp_path, *rows)] == [
        ("Vase", 30),
        ("Vase", 30),
    ]


def test_texts_of_the_language_that_is_wanted_are_taken(tmp_path):
    row = {"id": "1", "title_en": "Pan", "title_de": "Pfanne", "price": "9"}
    assert read(tmp_path, row)[0].title == "Pan"
    assert read(tmp_path, row, language="de")[0].title == "Pfanne"


def test_columns_of_the_export_itself_are_no_attributes(tmp_path):
    row = {"id": "1", "title": "Pan", "seo_title": "x", "created_at": "2026", "tax class": "7",
           "image_alt_text": "x", "Meta: _views": "9", "colour": "red"}  # fmt: skip
    (pan,) = read(tmp_path, row)
    assert pan.attributes == {"colour": "red"}


def test_a_column_may_be_chosen_inside_an_object_and_several_for_a_list(tmp_path):
    row = {"key": 1, "text": "Stool", "offer": {"net": 49, "gross": 59},
           "shots": {"front": "a.jpg", "side": "b.jpg"}}  # fmt: skip
    fields = {"id": "key", "title": "text", "price": "offer.gross",
              "image": ["shots.front", "shots.side"]}  # fmt: skip
    (stool,) = read(tmp_path, row, fields=fields)
    assert (stool.id, stool.title, stool.price) == ("1", "Stool", 59)
    assert [Path(address).name for address in stool.images] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        ("images/{id}.jpg", "{folder}/images/0042-B.jpg"),
        ("images/{id[:3]}/{id}.jpg", "{folder}/images/004/0042-B.jpg"),
        ("images/{number:010[:3]}/{number:010}.jpg", "{folder}/images/000/0000000042.jpg"),
        ("{id[-1:]}/{colour}.jpg", "{folder}/B/sea blue.jpg"),
        ("https://s.example/{colour}.jpg", "https://s.example/sea%20blue.jpg"),
    ],
)
def test_pictures_are_named_by_other_columns(tmp_path, pattern, address):
    row = {"sku": "0042-B", "name": "Mug", "number": "42", "colour": "sea blue"}
    (mug,) = read(tmp_path, row, fields={"image": pattern})
    assert mug.images == (address.format(folder=tmp_path),)


def test_a_list_in_a_pattern_gives_an_address_for_each_item(tmp_path):
    row = {"id": 1, "title": "Mug", "shots": ["a", "b"]}
    (mug,) = read(tmp_path, row, fields={"image": "{shots}.jpg"})
    assert [Path(address).name for address in mug.images] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("pattern", ["{id", "{id!r}.jpg", "{}", "{id:>9}"])
def test_a_pattern_that_is_none_is_an_error(tmp_path, pattern):
    with pytest.raises(CatalogError, match=r"cannot be read|no column"):
        read(tmp_path, {"id": "1", "title": "Mug"}, fields={"image": pattern})


def test_a_pattern_of_a_column_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(CatalogError, match="no column 'code', which images is to be read from"):
        read(tmp_path, {"id": "1", "title": "Mug"}, fields={"image": "images/{code}.jpg"})
