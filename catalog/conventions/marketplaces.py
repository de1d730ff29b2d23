"""What marketplaces and search engines read: Google, Amazon, Etsy, schema.org."""

from catalog.conventions.convention import Convention, References, Rows

# Types of schema.org that stand beside products in the data of a page.
NO_PRODUCTS = frozenset(
    {"article", "brand", "breadcrumblist", "collectionpage", "corporation", "faqpage",
     "imageobject", "itempage", "localbusiness", "onlinestore", "organization", "person",
     "searchaction", "store", "videoobject", "webpage", "website"}
)  # fmt: skip

MARKETPLACES = (
    Convention(
        "a Google Merchant Center feed",
        "id|skuid title imagelink "
        "availability|price|googleproductcategory|producttype|itemgroupid|gtin",
        {
            "id": "id|skuid",
            "title": "title structuredtitle.content",
            "description": "description structureddescription.content summary content",
            "category": "producttype "
            "googleproductcategory|fbproductcategory|googleproductcategoryname",
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
        notation=r"[^:,]*:(?P<name>[^:,]+):(?P<value>[^:,]+)",  # with a section before the name
        category_lists="[]",
        unused=("salepriceeffective", "availabilitydate", "expirationdate", "mobilelink",
                "adsredirect", "customlabel", "shipping", "tax", "promotion", "identifierexists",
                "excluded", "included", "pause", "costofgoods", "unitpricing", "installment",
                "loyalty", "transit", "handling", "minhandling", "maxhandling", "googleproduct",
                "structured", "linktemplate", "mobilelinktemplate", "googlefunded", "display"),
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
            names="sku",
        ),
        unused=("parentchild", "parentage", "relationship", "variationtheme", "updatedelete",
                "externalproductid", "feedproducttype", "fulfillment", "quantity"),
    ),
    Convention(
        "an Amazon inventory report",
        "sellersku itemname listingid|asin1|opendate",
        {
            "id": "sellersku",
            "sku": "sellersku",
            "title": "itemname",
            "description": "itemdescription",
            "category": "",
            "price": "price",
            "in_stock": "quantity pendingquantity",
            "images": "imageurl",
        },
        unused=("listingid", "opendate", "itemis", "productidtype", "zshop", "itemnote",
                "willship", "expedited", "productid", "bid", "adddelete", "pending", "fulfillment",
                "quantity", "merchantshipping", "status"),
    ),
    Convention(
        "an eBay listing file",
        "customlabel|customlabelsku title picurl|itemphotourl startprice|relationship",
        {
            "id": "customlabel|customlabelsku",
            "sku": "customlabel|customlabelsku",
            "title": "title",
            "price": "buyitnowprice startprice",
            "images": "picurl|itemphotourl",
            "in_stock": "quantity",
        },
        pairs=(("option#name", "option#value"),),
        rows=Rows(
            article="",
            variant="startprice",
            named_by="customlabel|customlabelsku",
            own=("customlabel", "startprice", "quantity", "picurl", "itemphotourl", "productean",
                 "productupc", "ean", "upc", "relationship"),
            pictures="picurl|itemphotourl",
            kind="relationship",
            heads=frozenset({""}),
            kinds=frozenset({"variation"}),
            options="relationshipdetails",
        ),
        unused=("action", "category", "storecategory", "conditionid", "format", "duration",
                "location", "immediatepay", "quantity", "relationship", "dispatch", "returns",
                "shipping", "postage", "paypal", "payment", "maxdispatch", "profile", "galleryt"),
    ),
    Convention(
        "an eBay listing report",
        "itemnumber title customlabelsku availablequantity",
        {
            "id": "customlabelsku itemnumber",
            "sku": "customlabelsku",
            "price": "currentprice startprice auctionbuyitnowprice",
            "category": "ebaycategory1name",
            "in_stock": "availablequantity",
        },
        unused=("itemnumber", "variationdetails", "format", "startprice", "auction", "reserve",
                "currentprice", "soldquantity", "watchers", "bids", "startdate", "enddate",
                "ebaycategory", "listingsite", "availablequantity"),
    ),
    Convention(
        "an Etsy export",
        "title currencycode materials|image1|variation1type|tags",
        {
            "id": "sku listingid title",
            "sku": "sku",
            "in_stock": "quantity",
            "category": "taxonomypath|taxonomy|category|section",
        },
        pairs=(("variation#name", "variation#values"),),
        unused=("variation",),
    ),
    Convention(
        "schema.org products",
        "name offers|hasvariant",
        {
            "id": "sku productid id gtin gtin13 identifier offers.sku "
            "offers.offers.sku mpn url",
            "title": "name",
            "price": "offers.price offers.lowPrice offers.priceSpecification.price "
            "offers.offers.price",
            "list_price": "offers.highPrice",
            "currency": "offers.priceCurrency offers.priceSpecification.priceCurrency "
            "offers.offers.priceCurrency",
            "in_stock": "offers.availability offers.offers.availability",
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
        skipped={"not a product": ("type", NO_PRODUCTS)},
        unused=("type", "context", "id", "offers", "review", "aggregaterating", "isvariantof",
                "inproductgroup", "hasvariant", "mainentity", "identifier", "potentialaction"),
    ),
)  # fmt: skip
