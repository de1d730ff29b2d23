"""Names of columns: the words of a name, and the usual names of each product field.

A column is matched by its words, whatever their case, accents and separators: "g:image_link",
"Image Link" and "imageLink" are one name. Words that name the thing for sale ("product_name"),
a language at the end ("title_en") and a remark in parentheses ("Preis (brutto)") may be there or
not; a number at the end ("image_2") only where a field is a list.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from catalog.values import attribute_name

# The usual names of each field's column, letters and digits only, best first.
USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    field: tuple(names.split())
    for field, names in {
        "id": "id uniqid uniqueid offerid asin sku variantsku sellersku itemsku code number no "
        "articleno nummer nr artikelnummer artikelnr artnr bestellnummer produktnummer reference "
        "ref referencia referenz codigo codice codeproduit codearticle referenceproduit "
        "parentasin handle gtin gtin13 ean ean13 barcode upc isbn mpn slug urlkey",
        "title": "title name displayname fullname titel bezeichnung artikelbezeichnung "
        "produktbezeichnung produktname artikelname produkttitel nom titre intitule libelle "
        "designation nomproduit nomduproduit nombre titulo denominacion nombreproducto "
        "nombredelproducto nome titolo naam genericname product item article artikel produkt "
        "produit producto",
        "category": "category maincategory department mastercategory type categorypath "
        "categorytree categories categoryname categorynames categoryfullpath fullcategory "
        "kategorie kategorien kategoriename kategoriepfad hauptkategorie warengruppe "
        "produktgruppe produktkategorie artikelgruppe rubrik categorie categoriename "
        "categorieproduit rayon famille categoria categorias departamento familia seccion "
        "afdeling breadcrumb breadcrumbs taxonomy googlecategory section collection collections "
        "group groupname articletype subcategory dept primarycategory",
        "description": "description longdescription fulldescription detaileddescription "
        "descriptionlong descriptionhtml bodyhtml body longtext detaildesc text desc overview "
        "content shortdescription descriptionshort summary blurb beschreibung "
        "produktbeschreibung artikelbeschreibung langbeschreibung beschreibungstext langtext "
        "kurzbeschreibung kurztext descriptif descriptionlongue descriptioncourte descripcion "
        "descripcionlarga descripcioncorta descrizione omschrijving",
        "features": "features keyfeatures bulletpoints bulletpoint bullets bullet about "
        "aboutitem aboutthisitem highlights highlight keypoints merkmale vorteile "
        "highlightsdesartikels pointsforts atouts caracteristicas caracteristiques",
        "attributes": "details attributes specifications specification specs technicaldetails "
        "technicalspecifications additionalattributes customattributes properties facts "
        "eigenschaften technischedaten fichetechnique especificaciones",
        "brand": "brand brands brandname branddescription store manufacturer manufacturername "
        "vendor vendorname maker designer marke marken markenname hersteller herstellername "
        "marque marques nommarque fabricant marca marcas nombremarca fabricante produttore merk "
        "brandslug supplier",
        "sale_price": "saleprice specialprice discountedprice discountprice offerprice dealprice "
        "promoprice promotionprice promotionalprice reducedprice aktionspreis angebotspreis "
        "sonderpreis reduzierterpreis prixpromo prixsolde prixremise prixpromotionnel "
        "preciooferta precioenoferta preciorebajado preciodescuento prezzoscontato",
        "price": "price currentprice sellingprice finalprice variantprice standardprice "
        "unitprice baseprice priceamount pricevalue pricegross grossprice priceinclvat "
        "priceincltax priceusd priceeur pricegbp priceinr usdprice offerscprice amount preis "
        "verkaufspreis bruttopreis preisbrutto endpreis einzelpreis vkpreis vk prix prixttc "
        "prixvente prixdevente prixunitaire tarif precio precioventa precioconiva preciofinal "
        "pvp prezzo prijs lowprice minprice pricemin pricefrom startingprice searchprice "
        "storeprice startprice buyitnowprice",
        "list_price": "listprice regularprice retailprice originalprice actualprice oldprice "
        "wasprice priceold mrp msrp rrp uvp compareatprice variantcompareatprice strikeprice "
        "strikethroughprice fullprice normalprice pricebeforediscount maximumretailprice "
        "priceoriginal listenpreis regularerpreis regulaererpreis normalpreis statpreis "
        "stattpreis alterpreis prixbarre prixregulier prixinitial prixnormal ancienprix "
        "tarifregulier preciooriginal precioregular precionormal precioanterior prezzolistino "
        "rrpprice mrpprice",
        "currency": "currency currencycode currencyid pricecurrency currencyiso isocurrency "
        "wahrung waehrung devise moneda divisa valuta",
        "rating": "rating averagerating avgrating ratingaverage ratingvalue ratingscore "
        "overallrating reviewrating reviewaverage reviewscore starrating ratings stars bewertung "
        "durchschnittsbewertung notemoyenne valoracion calificacion",
        "rating_count": "ratingcount ratingnumber noofratings ratingscount numratings "
        "ratingstotal numberofratings totalratings reviewcount reviewscount noofreviews "
        "numreviews numberofreviews totalreviews ratingqty votes reviews anzahlbewertungen "
        "nombreavis nbavis numeroresenas",
        "link": "link url permalink weburl pageurl webpage website href deeplink awdeeplink "
        "canonicalurl detailurl detailpageurl detailspageurl onlineurl producturl productlink "
        "lien urlproduit lienproduit enlace urlproducto produktlink produkturl artikellink",
        "parent": "parentasin parentid parentsku parentcode itemgroupid groupid variantgroup "
        "variantgroupid variantof isvariantof inproductgroupwithid masterid mastersku "
        "masterproduct configurablesku vaterartikel elternartikel handle",
        "images": "image imageurl imagelink imagesrc imagesource imagepath imagehref "
        "imageaddress imagefile imagefilename imagename mainimage mainimageurl mainimagelink "
        "mainpicture primaryimage primaryimageurl baseimage featuredimage featuredimageurl "
        "frontimage imagefronturl coverimage coverurl covermediaurl cover heroimage largeimage "
        "imagelarge imageurllarge img imgurl imglink imgsrc imgpath pic picurl picture "
        "pictureurl picturepath photo photourl photopath images imageurls imagelinks imageslinks "
        "imagelist allimages pictures pictureurls photos gallery imagegallery media "
        "additionalimage additionalimages additionalimagelink additionalimagelinks "
        "additionalimageurl additionalimageurls otherimage otherimages otherimageurl "
        "otherimageurls alternateimages moreimages extraimages hostedimageurls bild bilder "
        "bildurl bildlink bildpfad bilddatei hauptbild produktbild artikelbild foto fotos imagen "
        "imagenes urlimagen imagenurl imagenprincipal urlimage urlimages lienimage "
        "imageprincipale visuel visuels immagine immagini afbeelding",
        "thumbnails": "mediumimage imagemedium smallimage imagesmall imagesmallurl thumbnail "
        "thumbnails thumbnailurl thumbnailimage thumb thumburl imagethumb previewimage "
        "vorschaubild vignette miniatura",
        "sku": "sku variantsku sellersku itemsku skuid stockkeepingunit articleno artikelnummer "
        "artikelnr artnr bestellnummer produktnummer reference referencia referenz skunumber "
        "skucode customlabelsku customlabel",
        "gtin": "gtin gtin8 gtin12 gtin13 gtin14 gtincode ean ean13 eancode eannummer upc "
        "upccode upcean eanupc upceancode barcode barcodenumber variantbarcode isbn isbn13 "
        "isbn10 globaltradenumber globaltradeitemnumber gtinupceanorisbn strichcode codebarres "
        "codebarre codigobarras codigodebarras codiceabarre eans gtins codeean codegtin codeupc",
        "in_stock": "availability instock isinstock stockstatus availabilitystatus isavailable "
        "available inventorystatus stock stockquantity stockqty stocklevel currentstock "
        "currentstocklevel inventory inventoryquantity inventoryqty variantinventoryqty "
        "verfugbarkeit verfugbar vorratig lieferbar lagerbestand bestand lager disponibilite "
        "disponible enstock disponibilidad existencias disponibilita availablequantity",
        "released": "released releasedate launchdate publicationdate datepublished publishdate "
        "datefirstavailable erscheinungsdatum erscheinungstermin datedesortie datesortie "
        "dateparution fechalanzamiento fechadelanzamiento",
    }.items()
}

# Fields that several columns fill, as "image_1", "image_2".
LISTS = frozenset({"images", "thumbnails", "features", "attributes"})

# Steps of one category path in columns of their own, from the department down.
PATH_STEPS = tuple(
    tuple(names.split())
    for names in (
        "maincategory mastercategory topcategory primarycategory department categorylevel1 "
        "category1 cat1 hauptkategorie categorieprincipale categoriaprincipal",
        "category",
        "subcategory secondarycategory subcat categorylevel2 category2 cat2 unterkategorie "
        "souscategorie subcategoria",
        "subsubcategory categorylevel3 category3 cat3 articletype",
        "categorylevel4 category4 cat4",
        "categorylevel5 category5 cat5",
    )
)

# Objects within a record, and the names under which they hold a field.
NESTED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "offers": {
        "price": ("price", "lowPrice", "priceSpecification.price"),
        "currency": ("priceCurrency", "priceSpecification.priceCurrency"),
        "in_stock": ("availability",),
        "link": ("url",),
        "sku": ("sku",),
        "gtin": ("gtin", "gtin13", "gtin14", "gtin12", "gtin8"),
    },
    "aggregaterating": {"rating": ("ratingValue",), "rating_count": ("reviewCount", "ratingCount")},
    "rating": {"rating": ("rate", "value", "average", "score"), "rating_count": ("count", "total")},
    "ratings": {"rating": ("average", "value"), "rating_count": ("count", "total")},
    "pricing": {
        "sale_price": ("sale_price", "sale", "salePrice", "discounted"),
        "price": ("price", "current", "amount", "value"),
        "list_price": ("list_price", "regular", "listPrice", "original", "regularPrice"),
        "currency": ("currency", "currencyCode"),
    },
    "prices": {
        "sale_price": ("sale_price", "sale"),
        "price": ("price", "current", "amount", "value"),
        "list_price": ("regular_price", "regular", "list", "original"),
        "currency": ("currency_code", "currency", "currencyCode"),
    },
    "pricerange": {
        "price": ("minVariantPrice", "min", "from"),
        "currency": ("minVariantPrice.currencyCode",),
    },
    "availability": {"in_stock": ("in_stock", "inStock", "status")},
    "stock": {"in_stock": ("quantity", "available", "status", "count")},
    "inventory": {"in_stock": ("quantity", "available", "in_stock", "inStock", "status")},
    "identifiers": {"gtin": ("gtin", "ean", "upc", "isbn"), "sku": ("sku",)},
    "media": {"images": ("images", "gallery")},
    "meta": {"gtin": ("barcode",)},
    "isvariantof": {"parent": ("productGroupID", "@id", "sku", "id")},
}

# Objects that hold the whole product.
WRAPPERS = ("product", "item", "node", "_source", "fields", "data")

# Words for the thing for sale; "id_product" is an id.
THINGS = frozenset(
    "product products item items article articles artikel produkt produkte produit producto "  # noqa: SIM905
    "prodotto prod listing merchant shop aw g c the".split()
)
LANGUAGES = frozenset(
    "en de fr es it nl pt pl sv da fi nb no cs hu ro tr ru uk el ja zh ko ar he hi".split()  # noqa: SIM905
)
REGIONS = frozenset("us gb uk ie ca au in de at ch fr be es mx it nl br pt jp cn int".split())  # noqa: SIM905

# Columns about the export, the search engine's page or the warehouse, not about the product: they
# begin with these words.
ADMINISTRATIVE = tuple(
    tuple(words.split())
    for words in (
        "seo", "meta", "published", "publish", "status", "visibility", "visible", "created",
        "updated", "modified", "crawl", "crawled", "scraped", "timestamp", "date created",
        "date modified", "tax", "taxable", "charge tax", "shipping", "requires shipping",
        "fulfillment", "variant fulfillment", "variant requires", "variant taxable", "variant tax",
        "variant inventory", "inventory", "continue selling", "cost", "purchase", "position",
        "sort", "is featured", "featured", "gift card",
        "download", "redirect", "ads", "custom label", "video", "videos", "template", "websites",
        "product websites", "store view", "attribute set", "attribute sets", "url key", "slug",
        "user", "review", "bought together", "related", "crosssell", "upsell", "cross sells",
        "upsells", "wholesale", "min cart", "max cart", "use config", "index", "unnamed",
    )
)  # fmt: skip

PICTURES = frozenset({"image", "images", "picture", "pictures", "photo", "thumbnail"})
NAMESPACE = re.compile(r"^[A-Za-z]{1,3}:(?=\w)")  # of XML, as in "g:price"
METAFIELD = re.compile(r"\s*\((?:product|variant)\.metafields\..*\)$")  # as Shopify marks them
REMARK = re.compile(r"\s*[(\[][^)\]]*[)\]]")
CAMEL = re.compile(r"(?<=[a-zß-ÿ0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
DIGITS = re.compile(r"(?<=[^\W\d_])(?=\d)")
WORD = re.compile(r"[^\W_]+")


@lru_cache(4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, without case and accents."""
    spaced = DIGITS.sub(" ", CAMEL.sub(" ", NAMESPACE.sub("", METAFIELD.sub("", name.strip()))))
    plain = unicodedata.normalize("NFKD", spaced.casefold().replace("ß", "ss"))
    return tuple(WORD.findall("".join(c for c in plain if not unicodedata.combining(c))))


def key(name: str) -> str:
    """The words of a name as one: how names are compared."""
    return "".join(words_of(name))


def fits(name: str, language: str = "") -> list[tuple[str, int, bool]]:
    """The names that a column may be meant by.

    Args:
        name: As the file writes it.
        language: Whose columns come first, as "de".

    Returns:
        Name, penalty (0 is the name as it stands), whether a number was left out.
    """
    found: dict[str, tuple[int, bool]] = {}
    for penalty, written in enumerate((name, REMARK.sub("", name))):
        words = words_of(written)
        found.setdefault("".join(words), (penalty, False))
        spoken, others = _language(words)
        if spoken:
            penalty = penalty if language and spoken == language else penalty + 4
            words = others
            found.setdefault("".join(words), (penalty, False))
            whole = tuple(word for word in words_of(written) if word not in THINGS)
            found.setdefault("".join(whole), (penalty + 2, False))  # "item no" is no Norwegian
        things = tuple(word for word in words if word not in THINGS)
        found.setdefault("".join(things), (penalty + 2, False))
        numbers = tuple(word for word in things if not word.isdecimal())
        if len(numbers) < len(things) <= len(numbers) + 1:
            found.setdefault("".join(numbers), (penalty + 1, True))
    found.pop("", None)
    return [(key, penalty, numbered) for key, (penalty, numbered) in found.items()]


def _language(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The language at a name's end, and the words before it: "name_de", "title_en_US"."""
    if len(words) > 2 and words[-2] in LANGUAGES and words[-1] in REGIONS:
        return words[-2], words[:-2]
    if len(words) > 1 and words[-1] in LANGUAGES:
        return words[-1], words[:-1]
    return "", words


def is_administrative(name: str) -> bool:
    """Whether a column says something of the export rather than of the product."""
    words = words_of(name)
    if not words or words[0] in PICTURES:
        return True
    return any(words[: len(begun)] == begun for begun in ADMINISTRATIVE)


@lru_cache(4096)
def readable(name: str) -> str:
    """A column's name as the name of an attribute: "base_colour" is "Base colour"."""
    bare = METAFIELD.sub("", name.strip()).removeprefix("Google Shopping / ")
    shown = attribute_name(bare)
    return shown if shown == bare else shown.removesuffix(" name")
