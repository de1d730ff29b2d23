import pytest

from app.state import DEFAULT_K, SearchState, read_parameters, write_parameters


def test_a_search_state_is_the_same_after_writing_and_reading():
    state = SearchState(
        text="red & blue?",
        picture="https://x.test/a.jpg?b=1",
        variant="lora",
        categories=("Beauty", "Über #1"),
        brands=("L'Oréal",),
        price_min=9.99,
        price_max=1234567.25,
        k=24,
    )
    assert read_parameters(write_parameters(state)) == (state, [])


def test_an_uploaded_picture_is_marked_since_it_cannot_be_carried():
    assert write_parameters(SearchState(upload=True)) == {"upload": ["1"]}
    assert read_parameters({"upload": ["1"]})[0].upload


def test_a_product_replaces_the_query():
    assert write_parameters(
        SearchState(text="red", upload=True, like="ü/1", categories=("Beauty",))
    ) == {
        "like": ["ü/1"],
        "category": ["Beauty"],
    }


def test_an_empty_search_state_is_a_bare_address():
    assert write_parameters(SearchState(variant="zeroshot")) == {}


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"price_min": ["abc"]}, "price_min=abc, which is not an amount"),
        ({"price_max": ["nan"]}, "price_max=nan"),
        ({"price_max": ["-1"]}, "price_max=-1"),
        ({"price_min": ["1e999"]}, "price_min=1e999"),
        ({"k": ["0"]}, "k=0, which is not a whole number from 1 to 60"),
        ({"k": ["9" * 5_000]}, "k=9999"),
        ({"k": ["²"]}, "k=²"),
    ],
)
def test_an_invalid_parameter_is_ignored_with_a_sentence(parameters, sentence):
    state, [problem] = read_parameters(parameters)
    assert state == SearchState()
    assert sentence in problem
    assert len(problem) < 150


def test_unknown_parameters_are_ignored():
    assert read_parameters({"utm_source": ["x"], "k": [str(DEFAULT_K)], "category": ["", " "]}) == (
        SearchState(),
        [],
    )
