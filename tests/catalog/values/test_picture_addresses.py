from pathlib import Path

import pytest

from catalog import values

HERE = Path("/shop")


def test_all_sizes_of_a_picture_are_listed_largest_first():
    written = [{"thumb": "t.jpg", "large": "l.jpg", "hi_res": "h.jpg", "variant": "PT01"}]
    assert values.addresses(written, HERE) == ("/shop/h.jpg", "/shop/l.jpg", "/shop/t.jpg")


@pytest.mark.parametrize(
    "written",
    [
        "a.jpg|b.jpg",
        ["a.jpg", "b.jpg", "a.jpg", None, ""],
        '["a.jpg", "b.jpg"]',
        "['a.jpg', 'b.jpg']",
        [{"url": "a.jpg"}, {"src": "b.jpg"}],
        [
            {"variant": "PT01", "hi_res": None, "large": "b.jpg", "thumb": None},
            {"variant": "MAIN", "hi_res": "a.jpg", "large": "a.jpg"},
        ],
        {
            "hi_res": [None, "a.jpg"],
            "large": ["b.jpg", None],
            "variant": ["PT01", "MAIN"],
            "thumb": ["b.jpg", None],
        },
        '{"hi_res": [null, "a.jpg"], "large": ["b.jpg"], "variant": ["PT01", "MAIN"]}',
    ],
)
def test_every_notation_of_pictures_gives_their_addresses_best_first(written):
    assert values.addresses(written, HERE) == ("/shop/a.jpg", "/shop/b.jpg")


def test_only_relative_paths_start_from_the_folder_and_names_are_not_normalised():
    written = [
        "http://x/é .jpg",
        "//x/b.jpg",
        "/abs/c.jpg",
        "data:,a|b",
        "cafe\u0301.jpg",
        "HTTPS://x",
    ]
    assert values.addresses(written, HERE) == (
        "http://x/é .jpg",
        "https://x/b.jpg",
        "/abs/c.jpg",
        "data:,a|b",
        "/shop/cafe\u0301.jpg",
        "HTTPS://x",
    )
    assert values.addresses("data:,a|b", HERE) == ("data:,a|b",)
