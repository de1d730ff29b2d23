"""The texts of a product whose words it is found by."""

from catalog.product import Product

# Characters of an attribute's value that is searched: a longer one is running text, of which the
# words say little ("compatible with …").
LONGEST_VALUE = 40


def searched_texts(product: Product) -> dict[str, list[str]]:
    """The texts of each field, by the names of `qdrant.word_settings.WEIGHED`."""
    values = (str(value) for value in product.attributes.values() if not isinstance(value, bool))
    return {
        "title": [product.title],
        "brand": [product.brand] if product.brand else [],
        "category": list(dict.fromkeys(step for path in product.categories for step in path)),
        "attribute": [value for value in values if len(value) <= LONGEST_VALUE],
        "description": [*product.features, *filter(None, [product.description])],
    }
