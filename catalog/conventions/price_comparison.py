"""Feeds of affiliate networks, and of sites that compare prices."""

from catalog.conventions.convention import Convention

PRICE_COMPARISON = (
    Convention(
        "an Awin feed",
        "awdeeplink awproductid productname searchprice|merchantcategory",
        {
            "id": "awproductid",
            "sku": "merchantproductid",
            "title": "productname",
            "category": "merchantproductcategorypath merchantcategory categoryname",
            "price": "searchprice storeprice",
            "list_price": "rrpprice productpriceold baseprice",
            "images": "merchantimageurl alternateimage alternateimagetwo alternateimagethree",
            "thumbnails": "awimageurl largeimage awthumburl merchantthumburl",
            "link": "awdeeplink merchantdeeplink",
        },
        unused=("awimage", "awthumb", "merchant", "categoryid", "categoryname", "displayprice",
                "datafeedid", "language", "lastupdated", "delivery", "storeprice", "commission",
                "promotional", "valid", "terms", "isforsale", "webofferid", "basketlink"),
    ),
    Convention(
        "a Yandex feed",
        "id price currencyid categoryid picture|vendor|vendorcode|url",
        {
            "id": "id",
            "sku": "vendorcode shopsku",
            "gtin": "barcode",
            "title": "name model title",
            "brand": "vendor",
            "category": "categoryid category",
            "price": "price",
            "list_price": "oldprice",
            "currency": "currencyid",
            "images": "picture",
            "in_stock": "available",
            "attributes": "param",
            "parent": "groupid",
            "link": "url",
        },
        unused=("bid", "cbid", "delivery", "pickup", "store", "salesnotes", "localdelivery",
                "modified", "type", "typeprefix", "vat", "categoryid", "currencyid", "enableauto",
                "marketcategory", "shipment", "downloadable", "age", "cpa", "group"),
    ),
    Convention(
        "a Ceneo feed",
        "id cat name imgs attrs|desc|avail",
        {
            "id": "id",
            "title": "name",
            "description": "desc",
            "category": "cat",
            "price": "price",
            "images": "imgs",
            "in_stock": "stock",
            "attributes": "attrs",
            "link": "url",
        },
        category_steps="/",
        unused=("avail", "stock", "set", "basket"),
    ),
)  # fmt: skip
