"""Feed conventions: the columns that shop systems, marketplaces and public data sets export.

A convention is recognised by its columns. It says which of them each product field is read from;
fields that it leaves out are found by the usual names. Columns are written as the words of their
names without separators, as `catalog.column_names.key` gives them; of columns with a bar between
them, a file has one; a dotted name is a value inside an object.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from catalog.column_names import key

BRAND = "brand"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that stand together and describe one article.

    Attributes:
        article: The column whose value all rows of an article have; a blank one continues it.
            Without it, an article begins at each row of the kinds `heads`.
        named_by: The column that names the article, if it is not `article`.
        variant: Of these columns a variant's row has one; other rows only add pictures.
        own: Beginnings of columns that a variant does not take from the article's first row.
        pictures: The columns of the article's pictures, one in each row.
        position: The column that orders them.
        kind: The column that says what a row is, if there is one.
        heads: Kinds of rows that are the article: products only where no variant follows.
        kinds: Kinds of rows that are variants.
    """

    article: str
    variant: str
    own: tuple[str, ...]
    pictures: str
    named_by: str = ""
    position: str = ""
    kind: str = ""
    heads: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class References:
    """Variants that refer to the row of their article, or are named by it.

    An article is a product only where no variant of it is in the file.

    Attributes:
        kind: The column that says what a row is; empty where rows without `parent` are articles.
        articles: Kinds of rows that are articles.
        variants: Kinds of rows that are variants.
        parent: The column in which a variant names its article.
        names: The columns by which an article is named there.
        listed: The column in which an article names its variants, as "sku=…,size=…|sku=…".
    """

    kind: str = ""
    articles: frozenset[str] = frozenset()
    variants: frozenset[str] = frozenset()
    parent: str = ""
    names: tuple[str, ...] = ()
    listed: str = ""


@dataclass(frozen=True, slots=True)
class Convention:
    """One way to write products.

    Attributes:
        name: As it is shown to people, after "read as".
        columns: The columns that a file of this convention has.
        fields: Product field → its columns, best first.
        pairs: Name and value of numbered attributes, with # for the number.
        category_lists: What separates several category paths of one cell.
        category_steps: What separates the steps of a path, where a text has no usual mark.
        brand_attribute: The attribute that is the brand where no column is.
        pictures: Patterns of pictures that are named by other columns.
        rows: How rows that stand together make products.
        references: How rows that refer to others make products.
        variants: The column with a list of variants inside a record.
        whole_variants: Each of them is written as a product is.
        skipped: Reason → column and the values with which a row is not for sale.
        minor_units: The column with the digits of the currency's minor unit, in which prices are.
        unused: Beginnings of further columns that are no attributes.
    """

    name: str
    columns: str
    fields: Mapping[str, str] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()
    category_lists: str = ""
    category_steps: str = ""
    brand_attribute: str = BRAND
    pictures: tuple[str, ...] = ()
    rows: Rows | None = None
    references: References | None = None
    variants: str = ""
    whole_variants: bool = False
    skipped: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    minor_units: str = ""
    unused: tuple[str, ...] = ()

    @property
    def structural(self) -> frozenset[str]:
        """The columns that say what a row is and where it belongs."""
        found = [columns for columns, _ in self.skipped.values()]
        if self.rows:
            found += [self.rows.article, self.rows.position, self.rows.kind]
        if self.references:
            found += [self.references.kind, self.references.parent, self.references.listed]
        return frozenset(name for columns in found for name in columns.split("|") if name)


NO = frozenset({"0", "-1", "false", "no", "n"})

# Read by `catalog.exchange`, not by the names of its columns.
OWN_EXPORT = Convention("an export of Vitrine", "vitrineexport")
CONVENTIONS = (
    OWN_EXPORT,
    Convention(
        "a Shopify export",
        "handle|urlhandle title variantprice|variantsku|option1value|imagesrc|productimageurl",
        {
            "id": "variantsku|sku",
            "sku": "variantsku|sku",
            "gtin": "variantbarcode|barcode",
            "title": "title",
            "description": "bodyhtml|description",
            "brand": "vendor",
            "category": "productcategory type",
            "price": "variantprice|price",
            "list_price": "variantcompareatprice|compareatprice",
            "images": "variantimage|variantimageurl",
            "in_stock": "variantinventoryqty|inventoryquantity",
            "parent": "handle|urlhandle",
        },
        pairs=(("option#name", "option#value"),),
        rows=Rows(
            article="handle|urlhandle",
            variant="variantsku|sku variantprice|price option1value",
            own=("variant", "sku", "barcode", "price", "compareat", "inventory", "weight", "cost",
                 "option1value", "option2value", "option3value"),
            pictures="imagesrc|productimageurl|imagesource",
            position="imageposition",
        ),
        skipped={
            "not published": ("published|publishedononlinestore", NO),
            "not active": ("status", frozenset({"draft", "archived", "unlisted"})),
        },
        unused=("included", "price", "compareat", "unitprice", "option1linked", "option2linked",
                "option3linked", "variantweightunit", "weightunit", "googleshoppingcustom",
                "googleshoppingad", "googleshoppinggoogleproductcategory"),
    ),
    Convention(
        "products of Shopify's JSON",
        "handle title variants vendor|producttype|bodyhtml",
        {
            "id": "variants.sku variants.id id",
            "sku": "variants.sku",
            "gtin": "variants.barcode",
            "title": "title",
            "description": "bodyhtml|descriptionhtml|description",
            "brand": "vendor",
            "category": "producttype|productcategory",
            "price": "variants.price",
            "list_price": "variants.compare_at_price variants.compareAtPrice",
            "images": "variants.featured_image variants.image images image",
            "in_stock": "variants.available variants.inventory_quantity",
            "parent": "handle",
            "rating": "", "rating_count": "", "link": "onlinestoreurl|url",
        },
        variants="variants",
        skipped={"not active": ("status", frozenset({"draft", "archived"}))},
        pairs=(("option#name", "option#value"),),
        unused=("id", "options", "admin", "variants"),
    ),
    Convention(
        "products of WooCommerce's REST interface",
        "permalink name regularprice|prices|stockstatus|isinstock images|categories",
        {
            "title": "name",
            "description": "description shortdescription",
            "brand": "brands",
            "category": "categories",
            "price": "prices.price saleprice price regularprice",
            "list_price": "prices.regular_price regularprice",
            "currency": "prices.currency_code",
            "images": "images image",
            "in_stock": "stockstatus isinstock",
            "rating": "averagerating",
            "rating_count": "ratingcount reviewcount",
            "link": "permalink",
            "attributes": "attributes",
            "parent": "parentid|parent",
            "gtin": "globaluniqueid",
        },
        category_lists="[]",
        minor_units="prices.currency_minor_unit",
        skipped={"not published": ("status", frozenset({"draft", "private", "pending", "trash"}))},
        unused=("type", "date", "pricehtml", "onsale", "purchasable", "totalsales", "virtual",
                "download", "external", "button", "tax", "manage", "backorder", "sold", "shipping",
                "upsell", "crosssell", "related", "parent", "variation", "grouped", "menu", "links",
                "default", "catalogvisibility", "lowstock", "hasoptions", "averagerating",
                "reviewsallowed", "isinstock", "ispurch", "isonback", "addtocart", "prices",
                "formatted", "quantitylimits", "extensions", "soldindividually"),
    ),
    Convention(
        "a WooCommerce export",
        "sku|artikelnummer|ugs|id type|typ|tipo name|nom|nombre "
        "regularprice|regularerpreis|tarifregulier|precionormal "
        "categories|kategorien|categorias|images|bilder|imagenes",
        {
            "id": "id sku|artikelnummer|ugs",
            "sku": "sku|artikelnummer|ugs",
            "gtin": "gtinupceanorisbn|gtinupceanoderisbn|gtinupceanouisbn|gtinupceanoisbn",
            "title": "name|nom|nombre",
            "description": "description|beschreibung|descripcion "
            "shortdescription|kurzbeschreibung|descriptioncourte|descripcioncorta",
            "brand": "brands|marken|marques|marcas|brand|metabrand",
            "category": "categories|kategorien|categorias",
            "price": "saleprice|angebotspreis|tarifpromo|preciorebajado "
            "regularprice|regularerpreis|tarifregulier|precionormal",
            "list_price": "regularprice|regularerpreis|tarifregulier|precionormal",
            "images": "images|bilder|imagenes",
            "in_stock": "instock|vorratig|enstock|eninventario|hayexistencias "
            "stock|lager|bestand|inventario",
            "parent": "parent|ubergeordnetesprodukt|superior",
            "link": "externalurl|externeurl|urlexterne|urlexterna",
        },
        pairs=(
            ("attribute#name", "attribute#values"),
            ("attribut#name", "attribut#werte"),
            ("nomdelattribut#", "valeursdelattribut#"),
            ("nombredelatributo#", "valoresdelatributo#"),
            ("attribute#name", "attribute#value"),
        ),
        category_lists=",",
        references=References(
            kind="type|typ|tipo",
            articles=frozenset({"variable", "variable-subscription"}),
            variants=frozenset({"variation", "subscription_variation"}),
            parent="parent|ubergeordnetesprodukt|superior",
            names=("id", "sku"),
        ),
        skipped={
            "not published": ("published|veroffentlicht|publie|publicado", NO),
            "hidden": ("visibilityincatalog|sichtbarkeitimkatalog|visibilitedanslecatalogue",
                       frozenset({"hidden"})),
        },
        unused=("type", "typ", "tipo", "attribute", "attribut", "parent", "published",
                "veroffentlicht", "istherv", "sichtbarkeit", "visibility", "datesale", "datum",
                "steuer", "tax", "stock", "lager", "lowstock", "backorders", "lieferr", "sold",
                "allow", "kunden", "purchase", "shippingclass", "versand", "groupedproducts",
                "gruppiert", "upsells", "zusatz", "crosssells", "buttontext", "position",
                "swatches", "downloadlimit", "downloadexpiry", "meta"),
    ),
    Convention(
        "a Magento export",
        "sku name attributesetcode|attributeset|producttype|productwebsites "
        "baseimage|additionalattributes|producttype|configurablevariations|urlkey",
        {
            "id": "sku",
            "sku": "sku",
            "title": "name",
            "description": "description shortdescription",
            "brand": "brand manufacturer",
            "category": "categories",
            "price": "specialprice price",
            "list_price": "price msrp|msrpprice",
            "images": "baseimage|image additionalimages|mediagallery",
            "thumbnails": "smallimage thumbnailimage|thumbnail",
            "attributes": "additionalattributes",
            "in_stock": "isinstock qty",
            "link": "", "gtin": "gtin ean upc barcode",
            "parent": "",
        },
        category_lists=",",
        category_steps="/",
        brand_attribute="manufacturer",
        references=References(
            kind="producttype",
            articles=frozenset({"configurable"}),
            variants=frozenset({"simple", "virtual"}),
            names=("sku",),
            listed="configurablevariations",
        ),
        skipped={
            "not enabled": ("productonline|status", frozenset({"0", "2", "disabled"})),
            "a translation": ("storeviewcode", frozenset({"*"})),
        },
        unused=("storeview", "attributeset", "producttype", "productwebsites", "productonline",
                "taxclass", "visibility", "urlkey", "meta", "baseimagelabel", "smallimagelabel",
                "thumbnailimagelabel", "swatch", "created", "updated", "newfrom", "newto",
                "display", "mapprice", "mapenabled", "gift", "custom", "page", "product", "msrp",
                "qty", "outofstock", "useconfig", "isqty", "allow", "min", "max", "notify",
                "manage", "enable", "isdecimal", "website", "related", "crosssell", "upsell",
                "additionalimagelabels", "hide", "bundle", "configurable", "associated",
                "specialprice", "giftmessage", "downloadable", "grouped"),
    ),
    Convention(
        "a Google Merchant Center feed",
        "id title imagelink availability|price|googleproductcategory|producttype|itemgroupid|gtin",
        {
            "id": "id",
            "title": "title structuredtitle.content",
            "description": "description structureddescription.content",
            "category": "producttype googleproductcategory|fbproductcategory",
            "price": "saleprice price",
            "list_price": "price",
            "images": "imagelink additionalimagelink|additionalimagelinks lifestyleimagelink",
            "in_stock": "availability",
            "parent": "itemgroupid",
            "features": "producthighlight|producthighlights",
            "attributes": "productdetail|productdetails",
            "link": "link canonicallink",
            "released": "",
        },
        category_lists="[]",
        unused=("salepriceeffective", "availabilitydate", "expirationdate", "mobilelink",
                "adsredirect", "customlabel", "shipping", "tax", "promotion", "identifierexists",
                "excluded", "included", "pause", "costofgoods", "unitpricing", "installment",
                "loyalty", "transit", "handling", "minhandling", "maxhandling", "googleproduct",
                "structured", "linktemplate", "mobilelinktemplate", "googlefunded", "display"),
    ),
    Convention(
        "Amazon Berkeley Objects",
        "itemid itemname mainimageid|bulletpoint|producttype|itemkeywords",
        {
            "id": "itemid",
            "title": "itemname",
            "description": "productdescription",
            "category": "producttype",
            "features": "bulletpoint",
            "brand": "brand",
        },
        pictures=(
            "https://m.media-amazon.com/images/I/{main_image_id}.jpg",
            "https://m.media-amazon.com/images/I/{other_image_id}.jpg",
        ),
        unused=("mainimage", "otherimage", "spinid", "3dmodel", "node", "itemkeywords", "domain",
                "marketplace", "colorcode", "country"),
    ),
    Convention(
        "Amazon Reviews 2023",
        "parentasin title averagerating|ratingnumber|details",
        {
            "id": "parentasin",
            "parent": "parentasin",
            "category": "maincategory categories",
            "brand": "store",
        },
        unused=("videos", "boughttogether", "subtitle", "author"),
    ),
    Convention(
        "Open Food Facts",
        "code productname categories|categoriestags|brands|nutriscoregrade|ingredientstext",
        {
            "id": "code",
            "gtin": "code",
            "title": "productname genericname",
            "description": "genericname ingredientstext",
            "brand": "brands",
            "category": "categories categoriesen categoriestags",
            "images": "imageurl|imagefronturl imagefrontsmallurl",
            "thumbnails": "imagesmallurl imagethumburl",
            "link": "url|link",
            "in_stock": "", "price": "", "sku": "", "parent": "", "released": "",
        },
        category_steps=",",
        unused=("creator", "createdt", "createdd", "lastmod", "lastup", "lastedit", "states",
                "images", "imageing", "imagenut", "imagefront", "imagesmall", "imagethumb",
                "pnns", "maincategory", "categories", "editors", "photographers", "informers",
                "correctors", "checkers", "entry", "codes", "complete", "popularity", "scans",
                "uniquescans", "rev", "sortkey", "id", "keywords", "datasources", "emb", "firstp",
                "purchaseplaces", "cities", "nocache", "schema", "added"),
    ),
    Convention(
        "H&M articles",
        "articleid prodname producttypename|productgroupname|detaildesc",
        {
            "id": "articleid",
            "title": "prodname",
            "description": "detaildesc",
            "category": "indexgroupname+productgroupname+producttypename",
            "parent": "productcode",
            "brand": "",
        },
        pictures=("images/{article_id:010[:3]}/{article_id:010}.jpg",),
        unused=("productcode", "producttypeno", "graphicalappearanceno", "colourgroupcode",
                "perceivedcolourvalueid", "perceivedcolourmasterid", "departmentno", "indexcode",
                "indexgroupno", "sectionno", "garmentgroupno"),
    ),
    Convention(
        "Fashion Product Images",
        "id productdisplayname mastercategory|articletype|basecolour",
        {
            "id": "id",
            "title": "productdisplayname",
            "category": "mastercategory+subcategory+articletype",
            "brand": "brandname|brand",
        },
        pictures=("images/{id}.jpg",),
    ),
    Convention(
        "a Flipkart export",
        "uniqid productname productcategorytree|discountedprice|productspecifications",
        {
            "id": "uniqid",
            "sku": "pid",
            "title": "productname",
            "category": "productcategorytree",
            "price": "discountedprice retailprice",
            "list_price": "retailprice",
            "rating": "productrating overallrating",
            "attributes": "productspecifications",
            "images": "image",
            "link": "producturl",
        },
        unused=("crawl", "isfkadvantage"),
    ),
    Convention(
        "an Amazon export",
        "uniqid productname sellingprice|aboutproduct|upceancode|asin",
        {
            "id": "asin|uniqid uniqid",
            "title": "productname",
            "category": "category",
            "price": "sellingprice listprice",
            "list_price": "listprice",
            "features": "aboutproduct",
            "description": "productdescription technicaldetails",
            "gtin": "upceancode",
            "sku": "sku",
            "brand": "brandname",
            "images": "image|images",
            "link": "producturl",
            "in_stock": "stock",
        },
        unused=("uniqid", "isamazonseller", "variants"),
    ),
    Convention(
        "an Amazon export",
        "productid productname discountedprice|actualprice imglink|aboutproduct",
        {
            "id": "productid",
            "title": "productname",
            "price": "discountedprice actualprice",
            "list_price": "actualprice",
            "features": "aboutproduct",
            "images": "imglink",
            "link": "productlink",
        },
        unused=("user", "review", "discountpercentage"),
    ),
    Convention(
        "an Amazon export",
        "name maincategory image link discountprice|actualprice",
        {
            "id": "asin|id link",
            "title": "name",
            "category": "maincategory+subcategory",
            "price": "discountprice actualprice",
            "list_price": "actualprice",
            "rating": "ratings",
            "rating_count": "noofratings",
        },
    ),
    Convention(
        "an Amazon listing file",
        "itemsku|sellersku itemname mainimageurl|parentsku|parentage|standardprice|bulletpoint1",
        {
            "id": "itemsku|sellersku",
            "sku": "itemsku|sellersku",
            "gtin": "externalproductid",
            "title": "itemname",
            "brand": "brandname",
            "category": "itemtype|feedproducttype",
            "price": "saleprice standardprice|price",
            "list_price": "listprice|listpricewithtax standardprice|price",
            "parent": "parentsku",
            "in_stock": "quantity",
        },
        references=References(
            kind="parentchild|parentage",
            articles=frozenset({"parent"}),
            variants=frozenset({"child"}),
            parent="parentsku",
            names=("sku",),
        ),
        unused=("parentchild", "parentage", "relationship", "variationtheme", "updatedelete",
                "externalproductid", "feedproducttype", "fulfillment", "quantity"),
    ),
    Convention(
        "an Etsy export",
        "title currencycode materials|image1|variation1type|tags",
        {
            "id": "sku listingid title",
            "sku": "sku",
            "in_stock": "quantity",
            "category": "taxonomy|category|section",
        },
        pairs=(("variation#name", "variation#values"),),
        unused=("variation",),
    ),
    Convention(
        "a BigCommerce export",
        "item name|sku internalimageurlexport|imageurlimport|variantimageurl|options",
        {
            "id": "sku|id id",
            "sku": "sku",
            "title": "name",
            "category": "categoriesnames|categories",
            "price": "saleprice price",
            "list_price": "retailprice price",
            "gtin": "globaltradenumber|upcean",
            "images": "variantimageurl",
            "in_stock": "currentstock",
            "link": "producturl",
            "brand": "brand|brandname",
            "attributes": "options customfields",
            "parent": "",
        },
        category_lists=";",
        category_steps="/",
        rows=Rows(
            article="",
            variant="sku price",
            named_by="id",
            own=("item", "id", "sku", "options", "variantimage", "currentstock", "upc",
                 "globaltrade", "internalimage", "imageurl"),
            pictures="internalimageurlexport|imageurlimport",
            position="imagesortorder",
            kind="item",
            heads=frozenset({"product"}),
            kinds=frozenset({"variant", "sku"}),
        ),
        skipped={"not visible": ("isvisible", NO)},
        unused=("item", "id", "type", "isvisible", "isfeatured", "inventory", "lowstock",
                "costprice", "brandid", "channels", "page", "search", "bin", "free", "fixed", "is",
                "tax", "show", "sort", "image", "youtube", "video"),
    ),
    Convention(
        "a BigCommerce export",
        "itemtype productname productcodesku",
        {
            "id": "productcodesku productid",
            "sku": "productcodesku",
            "title": "productname",
            "brand": "brandname",
            "category": "categorystring|category|categorydetails",
            "price": "saleprice price",
            "list_price": "retailprice price",
            "images": "productimagefile1|productimageurl1 productimagefile2|productimageurl2 "
            "productimagefile3|productimageurl3 productimagefile4|productimageurl4",
            "gtin": "productupcean",
            "in_stock": "currentstocklevel",
            "link": "producturl",
        },
        category_lists=";",
        category_steps="/",
        skipped={
            "not visible": ("productvisible", NO),
            "a rule of prices": ("itemtype", frozenset({"rule"})),
            "an option of a product": ("itemtype", frozenset({"sku"})),
        },
        unused=("itemtype", "producttype", "bin", "optionset", "costprice", "fixed", "free",
                "allow", "productvisible", "productavailability", "track", "lowstock", "category",
                "productimage", "search", "page", "meta", "show", "sort", "producttax", "stop",
                "date", "event"),
    ),
    Convention(
        "a Wix export",
        "handleid fieldtype name",
        {
            "id": "sku handleid",
            "sku": "sku",
            "title": "name",
            "description": "description",
            "category": "collection",
            "price": "price",
            "images": "",
            "in_stock": "inventory",
            "brand": "brand",
            "parent": "handleid",
        },
        pairs=(
            ("productoptionname#", "productoptiondescription#"),
            ("additionalinfotitle#", "additionalinfodescription#"),
        ),
        category_lists=";",
        rows=Rows(
            article="handleid",
            variant="sku price surcharge productoptiondescription1",
            own=("fieldtype", "sku", "surcharge", "cost", "weight",
                 "productoptiondescription"),
            pictures="productimageurl",
            kind="fieldtype",
            heads=frozenset({"product"}),
            kinds=frozenset({"variant"}),
        ),
        skipped={"not visible": ("visible", NO)},
        unused=("fieldtype", "handleid", "ribbon", "surcharge", "discount", "cost", "visible",
                "productoptiontype", "customtext"),
    ),
    Convention(
        "a Squarespace export",
        "producturl title optionname1 optionvalue1 hostedimageurls|producttype",
        {
            "id": "sku variantid producturl",
            "sku": "sku",
            "title": "title",
            "category": "categories",
            "price": "saleprice price",
            "list_price": "price",
            "images": "",
            "in_stock": "stock",
            "parent": "producturl",
        },
        pairs=(("optionname#", "optionvalue#"),),
        category_lists=",",
        category_steps="/",
        rows=Rows(
            article="producturl",
            variant="sku variantid price",
            own=("variantid", "sku", "optionvalue", "price", "saleprice", "onsale", "stock",
                 "weight", "length", "width", "height"),
            pictures="hostedimageurls",
        ),
        skipped={"not visible": ("visible", NO)},
        unused=("productid", "variantid", "producttype", "productpage", "producturl", "onsale",
                "visible", "producttaxcode"),
    ),
    Convention(
        "a PrestaShop export",
        "productid|id name reference|referencenumber|supplierreference "
        "pricetaxexcluded|pricetaxexcl|pricetaxincluded|pricetaxincl|imageurlsxyz|categoriesxyz",
        {
            "id": "productid|id",
            "sku": "reference|referencenumber",
            "title": "name",
            "category": "categoriesxyz|categories|category",
            "price": "pricetaxincluded|pricetaxincl pricetaxexcluded|pricetaxexcl|price",
            "brand": "manufacturer|brand",
            "gtin": "ean13 upc isbn",
            "images": "imageurlsxyz|imageurls|image",
            "in_stock": "quantity",
            "attributes": "featurenamevaluepositioncustomized|featurenamevalueposition|feature",
            "features": "",
        },
        category_lists=",",
        skipped={"not active": ("active01|active|status", NO)},
        unused=("active", "tax", "wholesale", "onsale", "discount", "supplier", "minimal", "low",
                "visibility", "additional", "unit", "meta", "url", "text", "available", "date",
                "show", "image", "delete", "idname", "advanced", "depends", "warehouse", "quantity",
                "delivery", "feature"),
    ),
    Convention(
        "a Shopware export",
        "id productnumber name|parentid pricegross|pricenet|covermediaurl",
        {
            "id": "productnumber",
            "sku": "productnumber",
            "title": "name",
            "category": "categories",
            "price": "pricegross pricenet",
            "list_price": "listpricegross",
            "brand": "manufacturername|manufacturer",
            "images": "covermediaurl media",
            "in_stock": "stock",
            "parent": "parentid",
        },
        references=References(parent="parentid", names=("id",)),
        skipped={"not active": ("active", NO)},
        unused=("id", "parentid", "active", "tax", "covermedia", "manufacturerid", "purchase",
                "pricenet", "saleschannel"),
    ),
    Convention(
        "schema.org products",
        "name offers|hasvariant",
        {
            "id": "sku productid id gtin gtin13 identifier url",
            "title": "name",
            "price": "offers.price offers.lowPrice offers.priceSpecification.price",
            "list_price": "offers.highPrice",
            "currency": "offers.priceCurrency offers.priceSpecification.priceCurrency",
            "in_stock": "offers.availability",
            "brand": "brand manufacturer",
            "category": "category",
            "images": "image",
            "rating": "aggregaterating.ratingValue",
            "rating_count": "aggregaterating.reviewCount aggregaterating.ratingCount",
            "link": "url offers.url",
            "attributes": "additionalproperty",
            "gtin": "gtin gtin14 gtin13 gtin12 gtin8 isbn offers.gtin offers.gtin13",
            "sku": "sku offers.sku",
            "parent": "productgroupid isvariantof.productGroupID inproductgroupwithid "
            "isvariantof.@id",
        },
        variants="hasvariant",
        whole_variants=True,
        unused=("type", "context", "id", "offers", "review", "aggregaterating", "isvariantof",
                "inproductgroup", "hasvariant", "mainentity", "identifier", "potentialaction"),
    ),
)  # fmt: skip


def recognise(columns: Collection[str]) -> Convention | None:
    """The convention of a file with these columns; None where it is none of them."""
    known = {key(column) for column in columns}
    for convention in CONVENTIONS:
        if all(known & set(choice.split("|")) for choice in convention.columns.split()):
            return convention
    return None
