import base64
from pathlib import Path

import pytest

from catalog.values import addresses

HERE = Path("/shop")
WEB = "https://cdn.example/"


def test_all_sizes_of_a_picture_are_listed_largest_first():
    written = [{"thumb": "t.jpg", "large": "l.jpg", "hi_res": "h.jpg", "variant": "PT01"}]
    assert addresses(written, HERE) == ("/shop/h.jpg", "/shop/l.jpg", "/shop/t.jpg")


@pytest.mark.parametrize(
    "written",
    [
        "a.jpg|b.jpg",
        "a.jpg | b.jpg |",
        "a.jpg, b.jpg",
        "a.jpg,b.jpg",
        "a.jpg;b.jpg",
        "a.jpg b.jpg",
        "a.jpg\nb.jpg\n",
        "a.jpg 480w, b.jpg 800w",
        '"a.jpg","b.jpg"',
        "[a.jpg, b.jpg]",
        '<p><img alt="x.jpg" src="a.jpg"> <img data-src=b.jpg></p>',
        "a.jpg ! alt : red.jpg, blue ! title : One | b.jpg ! alt : ",
        ["a.jpg", "b.jpg", "a.jpg", None, ""],
        '["a.jpg", "b.jpg"]',
        "['a.jpg', 'b.jpg']",
        [{"url": "a.jpg"}, {"src": "b.jpg"}],
        [{"src": "b.jpg", "position": 2}, {"src": "a.jpg", "position": 1}],
        [{"src": "b.jpg"}, {"src": "a.jpg", "is_main": True}],
        {"edges": [{"node": {"url": "a.jpg"}}, {"node": {"url": "b.jpg"}}]},
        {"0": "a.jpg", "1": "b.jpg"},
        {"front": {"display": {"en": "a.jpg"}, "small": {"en": "b.jpg"}}},
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
    assert addresses(written, HERE) == ("/shop/a.jpg", "/shop/b.jpg")


@pytest.mark.parametrize(
    "address",
    [
        f"{WEB}w_300,h_300/a.jpg",
        f"{WEB}a.jpg?size=1,2&f=a|b",
        f"{WEB}a;v=1?x=1;y=2",
        f"{WEB}a.jpg;v=2",
        f"{WEB}a picture.jpg",
        f"{WEB}fetch/w_300,c_fit/https://shop.example/a.jpg",
        "data:image/png;base64,iVBORw0KGgo=",
    ],
)
@pytest.mark.parametrize("separator", ["|", ", ", ",", ";", " ", "\n", "~"])
def test_an_address_that_contains_separators_stays_whole(address, separator):
    assert addresses(address, HERE) == (address,)
    assert addresses(f"{address}{separator}{WEB}b", HERE) == (address, f"{WEB}b")


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("High Street, 7.jpg", ["High Street, 7.jpg"]),
        ("High Street, 7.jpg, Low Road.jpg", ["High Street, 7.jpg", "Low Road.jpg"]),
        ("one|two", ["one", "two"]),
        ("cafe\u0301.jpg", ["cafe\u0301.jpg"]),
        ("pictures\\a.jpg", ["pictures/a.jpg"]),
    ],
)
def test_names_of_files_stay_whole(written, names):
    assert addresses(written, HERE) == tuple(f"/shop/{name}" for name in names)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("//cdn.example/b.jpg", "https://cdn.example/b.jpg"),
        ("www.shop.example/b.jpg", "https://www.shop.example/b.jpg"),
        ("static.shop.com/b.jpg", "https://static.shop.com/b.jpg"),
        ("https:\\/\\/cdn.example\\/b.jpg", "https://cdn.example/b.jpg"),
        ("https://cdn.example/b?x=1&amp;y=2", "https://cdn.example/b?x=1&y=2"),
        ("https://cdn.example/a&amp;amp;b.jpg", "https://cdn.example/a&b.jpg"),
        ("http://x/é .jpg", "http://x/é .jpg"),
        ("HTTPS://x", "HTTPS://x"),
        ("Sea blue=https://cdn.example/b.jpg", "https://cdn.example/b.jpg"),
        ("https://cdn.example/b?u=https://x/y", "https://cdn.example/b?u=https://x/y"),
        ("/abs/c.jpg", "/abs/c.jpg"),
        ("data:,a|b", "data:,a|b"),
    ],
)
def test_an_address_is_completed_and_else_kept_as_it_is(written, address):
    assert addresses(written, HERE) == (address,)
    assert addresses([written], HERE) == (address,)


def test_a_path_with_a_leading_slash_is_looked_for_beside_the_feed(tmp_path):
    picture = tmp_path / "m" / "u" / "mug.jpg"
    picture.parent.mkdir(parents=True)
    picture.touch()
    assert addresses("/m/u/mug.jpg", tmp_path) == (str(picture),)
    assert addresses("/m/u/cup.jpg", tmp_path) == ("/m/u/cup.jpg",)
    assert addresses(f"/{'long/' * 1000}mug.jpg", tmp_path) == (f"/{'long/' * 1000}mug.jpg",)


@pytest.mark.parametrize(
    "written", ["", "no_selection", "n/a", None, 7, [], {}, [None, {}], "|, ;"]
)
def test_what_is_no_picture_has_no_address(written):
    assert addresses(written, HERE) == ()


def test_embedded_pictures_are_handed_on_as_bytes_and_text_in_bytes_is_an_address():
    picture = b"\x89PNG\r\n\x1a\n"
    assert addresses({"bytes": picture, "path": "a.png"}, HERE) == (picture,)
    assert addresses([picture, {"bytes": b"\xff\xd8"}], HERE) == (picture, b"\xff\xd8")
    assert addresses({"bytes": None, "path": "a.png"}, HERE) == ("/shop/a.png",)
    assert addresses(b"a.png", HERE) == ("/shop/a.png",)


def test_base64_without_a_data_address_becomes_one():
    encoded = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(300)).decode()
    assert addresses(encoded, HERE) == (f"data:image/png;base64,{encoded}",)
