from app.chosen_filters import chosen_filters
from app.state import SearchState


def test_each_filter_that_is_set_is_named_with_the_search_without_it():
    state = SearchState(
        text="mug",
        categories=("Kitchen", "Bath"),
        brands=("Acme",),
        price_max=20.5,
        in_stock=True,
        where=("colour=Red,Blue", "weight>=2", "size!=XL"),
    )
    chosen = dict(chosen_filters(state))
    assert list(chosen) == [
        "Kitchen",
        "Bath",
        "Acme",
        "Price up to 20.50",
        "In stock",
        "Colour: Red, Blue",
        "Weight from 2",
        "Size not: XL",
    ]
    assert chosen["Kitchen"].categories == ("Bath",)
    assert chosen["Price up to 20.50"].price_max is None
    assert chosen["Weight from 2"].where == ("colour=Red,Blue", "size!=XL")
    assert chosen_filters(SearchState(text="mug")) == []
