"""An example of each answer, for the OpenAPI document."""

from typing import Any

_PICTURE = "5b0e02bfaf42dbe4b0641d2727f91408d135e238c437fdc2de5f5352a5cf5715"
_PRODUCT = {
    "id": "A-1024",
    "title": "Linen summer dress, red",
    "brand": "Acme",
    "category": "Clothing",
    "categories": ["Clothing", "Dresses", "Clothing > Dresses"],
    "price": 49.9,
    "currency": "EUR",
    "in_stock": True,
    "image_url": f"/v1/pictures/{_PICTURE}.webp",
    "attributes": {"Colour": "Red", "Material": "Linen"},
}
_FACETS = {
    "products": 42,
    "categories": [{"name": "Clothing", "path": "Clothing", "count": 42, "children": []}],
    "brands": {"Acme": 30, "Zenith": 12},
    "stock": {"yes": 40, "no": 2},
    "currency": "EUR",
    "prices": [{"low": None, "high": 50, "count": 28}, {"low": 50, "high": None, "count": 14}],
    "attributes": [
        {"name": "Colour", "products": 42, "different": 2, "values": {"Red": 30, "Coral": 12}}
    ],
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "SearchAnswer": {
        "results": [
            {
                "rank": 1,
                "id": "A-1024",
                "score": 0.91,
                "confidence": 0.87,
                "product": _PRODUCT,
                "parts": {"words": {"rank": 1, "score": 8.15}, "text": {"rank": 3, "score": 0.88}},
                "matched": {"title": ["red", "dress"]},
                "folded": [{"id": "A-1025", "title": "Linen summer dress, coral"}],
            }
        ],
        "without_picture": [],
        "next_offset": 10,
        "searched_for": "",
        "notice": "",
        "confidence": 0.87,
        "nothing_fits": False,
        "nearest_categories": [],
        "facets": None,
        "variant": "zeroshot",
        "query_id": "0d7c5f0e7c0e4c6f9f3c1f6f7d0c2b1a",
        "seconds": {"load": 0, "encode": 0.004, "search": 0.006},
    },
    "ProductAnswer": _PRODUCT
    | {
        "description": "A light dress with short sleeves.",
        "features": ["100 % linen", "Machine washable"],
        "details": {"Colour": "Red", "Material": "Linen", "Care": "30 °C"},
    },
    "FacetsAnswer": {"variant": "zeroshot", "facets": _FACETS},
    "EventsAnswer": {"kept": 1, "repeated": 0, "unknown": []},
    "SuggestAnswer": {
        "text": "red dr",
        "suggestions": [
            {"text": "red dress", "kind": "word", "count": 18},
            {"text": "Red Dragon", "kind": "brand", "count": 4},
        ],
    },
    "VariantsAnswer": {
        "variants": [
            {
                "name": "zeroshot",
                "default": True,
                "products": 12_000,
                "generation": "20260102T030405-a1b2c3",
                "created": "2026-01-02T03:04:05+00:00",
                "vectors": ["image", "text", "fused"],
                "problem": "",
            }
        ]
    },
    "Live": {"status": "ok"},
    "Ready": {"ready": True, "variant": "zeroshot", "problem": ""},
    "Problem": {
        "type": "urn:vitrine:invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "No product has the category “Toys”.",
        "request_id": "3f0c9a5e1d2b4c6f8a7b9c0d1e2f3a4b",
    },
}
