import pytest

from catalog.values import category_paths
from catalog.values.departments import has_slash_paths


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ("Home > Lighting > Desk Lamps", ("Home", "Lighting", "Desk Lamps")),
        ("Home &amp; Garden &gt; Pots", ("Home & Garden", "Pots")),
        ("Kitchen, Dining & Bar > Mugs", ("Kitchen, Dining & Bar", "Mugs")),
        ("Garden>>Pots>>Clay", ("Garden", "Pots", "Clay")),
        ("Garden » Pots › Clay", ("Garden", "Pots", "Clay")),
        ("Garden->Pots", ("Garden", "Pots")),
        ("Garden|Pots|Clay", ("Garden", "Pots", "Clay")),
        ("Garden / Pots", ("Garden", "Pots")),
        ("Garden/Pots/Clay", ("Garden", "Pots", "Clay")),
        ("/Garden/Pots/", ("Garden", "Pots")),
        ("166 - Apparel & Accessories > Hats", ("Apparel & Accessories", "Hats")),
        ("en:hot-drinks", ("Hot drinks",)),
        ("de:Heiße Getränke", ("Heiße Getränke",)),
        ("xy:hot-drinks", ("xy:hot-drinks",)),
        ('["Garden >> Men\'s Gloves >> Size L"]', ("Garden", "Men's Gloves", "Size L")),
        ('["Garden >> 5" Pots >> Clay (Gla..."]', ("Garden", '5" Pots', "Clay (Gla...")),
    ],
)
def test_a_path_as_text_is_cut_into_its_steps(written, steps):
    assert category_paths(written) == (steps,)


@pytest.mark.parametrize(
    "name",
    ["Audio/Video", "CD/DVD/MP3", "24/7 Care", "Pots, Pans & Lids", "Salt & Pepper", "B2B", "Café",
     "Do-it-yourself", "3-5 years", "https://shop.example/a/b/c"],
)  # fmt: skip
def test_signs_within_a_name_stay(name):
    assert category_paths(name) == ((name,),)


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        ("Garden > Pots, Garden > Sale", (("Garden", "Pots"), ("Garden", "Sale"))),
        ("Garden > Pots; Gifts > Him", (("Garden", "Pots"), ("Gifts", "Him"))),
        ("Garden > Pots|Gifts > Him", (("Garden", "Pots"), ("Gifts", "Him"))),
        ("Garden > Pots\nGifts", (("Garden", "Pots"), ("Gifts",))),
        ("One/Two/Saws|Three/Four/Saws", (("One", "Two", "Saws"), ("Three", "Four", "Saws"))),
        ("Default Category/Gear,Default Category/Gear/Bags", (("Gear",), ("Gear", "Bags"))),
        ("Kitchen > Kettles, Sale", (("Kitchen", "Kettles, Sale"),)),
    ],
)  # fmt: skip
def test_several_paths_in_a_text_are_told_apart_where_each_has_steps(written, paths):
    assert category_paths(written) == paths


def test_a_convention_says_what_separates_paths_and_what_a_slash_means():
    paths = category_paths("Garden > Pots\\, Pans, Sale", separator=",")
    assert paths == (("Garden", "Pots, Pans"), ("Sale",))
    assert category_paths("Home;Gifts", separator=";") == (("Home",), ("Gifts",))
    assert category_paths("Audio/Video", slash=True) == (("Audio", "Video"),)
    assert category_paths("Audio / Video", slash=False) == (("Audio / Video",),)
    assert category_paths("Default Category/Plugs\\/Sockets") == (("Plugs/Sockets",),)


@pytest.mark.parametrize(
    ("column", "is_path"),
    [
        (["Men/Shoes", "Men/Hats", "Women/Shoes", "Women/Shoes"], True),
        (["Audio/Video", "Cameras", "Phones", "Audio/Video"], False),
        (["Garden", "", None], False),
    ],
)
def test_a_slash_separates_steps_where_most_of_a_column_shares_first_steps(column, is_path):
    assert has_slash_paths(column) is is_path


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        (["Garden", "Pots"], (("Garden", "Pots"),)),
        ("['Garden', 'Pots']", (("Garden", "Pots"),)),
        (["en:drinks", "en:hot-drinks"], (("Drinks", "Hot drinks"),)),
        (["Garden > Pots", "Garden > Sale"], (("Garden", "Pots"), ("Garden", "Sale"))),
        ([["Garden", "Pots"], ["Gifts"]], (("Garden", "Pots"), ("Gifts",))),
        ([{"id": 9, "name": "Garden", "slug": "g"}, {"name": "Pots"}], (("Garden",), ("Pots",))),
        ({"id": 5, "name": "Garden", "image": "https://shop.example/1"}, (("Garden",),)),
        ({"name": "Pots", "parent": {"name": "Garden"}}, (("Garden", "Pots"),)),
        ({"name": "Clay", "ancestors": ["Garden", "Pots"]}, (("Garden", "Pots", "Clay"),)),
        ({"name": "Pots", "parent": 17}, (("Pots",),)),
        ({"name": "Pots", "fullName": "Garden > Pots"}, (("Garden", "Pots"),)),
        ({"path_from_root": [{"name": "Garden"}, {"name": "Pots"}]}, (("Garden", "Pots"),)),
        ({"lvl0": "Garden", "lvl1": "Garden > Pots"}, (("Garden", "Pots"),)),
        ({"level2": "Pots", "level1": "Garden"}, (("Garden", "Pots"),)),
        ([{"position": 2, "name": "Garden"}, {"position": 1, "name": "Home"}], (("Garden",),)),
        ({"itemListElement": [{"position": 1, "item": {"name": "Garden"}}]}, (("Garden",),)),
        ([{"node_id": 1, "node_name": "/Categories/Garden/Pots"}], (("Garden", "Pots"),)),
        ({"data": {"id": 4, "attributes": {"name": "Garden"}}}, (("Garden",),)),
        ({"typeId": "category", "id": "c", "obj": {"name": "Pots"}}, (("Pots",),)),
        (17, ()),
        ("251448b91bc742de85643f5fccd89051 > Pots", ()),
    ],
)  # fmt: skip
def test_lists_and_objects_give_their_paths(written, paths):
    assert category_paths(written) == paths


@pytest.mark.parametrize(
    "written",
    [
        {"en": "Garden > Pots", "de": "Garten > Töpfe"},
        [
            {"language_tag": "en_GB", "value": "Garden > Pots"},
            {"language_tag": "de_DE", "value": "Garten > Töpfe"},
        ],
    ],
)
def test_a_path_is_taken_in_the_language_that_is_wanted(written):
    assert category_paths(written, "de") == (("Garten", "Töpfe"),)


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        ("Default Category/Gear", (("Gear",),)),
        ("All > Toys", (("Toys",),)),
        ("Home > Home & Kitchen > Mugs", (("Home & Kitchen", "Mugs"),)),
        ("Default Category", ()),
        ("Uncategorized", ()),
        ("", ()),
        (None, ()),
        ([], ()),
        ("n/a", ()),
        (" > ", ()),
    ],
)
def test_a_step_that_names_no_department_is_left_out(written, paths):
    assert category_paths(written) == paths
