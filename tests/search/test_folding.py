"""Folding: variants and near-duplicates are one result."""

import json

import pytest

from search.folding import fold_variants
from search.fusion import Candidate
from search.query import Query
from tests.search.conftest import TWINS


def candidates(*facts):
    return [Candidate(str(number), 1.0, {}, each) for number, each in enumerate(facts)]


def groups(*facts):
    """The ids of each group, the best one first."""
    return [
        [group.best.id, *(other.id for other in group.others)]
        for group in fold_variants(candidates(*facts))
    ]


def product(title, **facts):
    return {"title": title, **facts}


def test_variants_of_one_article_are_one_group_in_the_place_of_the_best():
    assert groups(
        product("mug red", parent="m"),
        product("bowl"),
        product("mug blue", parent="m"),
        product("plate", parent="p"),
        product("mug green", parent="m"),
    ) == [["0", "2", "4"], ["1"], ["3"]]


def test_the_same_title_of_the_same_brand_is_one_group_whatever_its_case_and_blanks():
    assert groups(
        product("Steel  Mug", brand="Acme"),
        product("steel mug", brand="ACME"),
        product("Steel Mug", brand="Zenith"),
        product("Steel Mug"),
        product("STEEL MUG"),
    ) == [["0", "1"], ["2"], ["3", "4"]]


def test_one_picture_folds_products_whose_titles_share_most_words():
    assert groups(
        product("trail shoe size 42", picture="a"),
        product("trail shoe size 43", picture="a"),
        product("trail shoe size 42 in red", picture="b"),
    ) == [["0", "1"], ["2"]]


def test_products_with_a_placeholder_picture_stay_apart():
    assert groups(*(product(title, picture="x") for title in ("red mug", "blue lamp", "sofa"))) == [
        ["0"],
        ["1"],
        ["2"],
    ]


def test_a_chain_of_pairs_is_no_group():
    chain = (
        product("mug", parent="m"),
        product("cup", parent="m", brand="Acme"),
        product("cup", parent="c", brand="Acme"),
    )
    assert groups(*chain) == [["0", "1"], ["2"]]


def test_k_results_remain_after_folding(engine):
    found = engine.search(Query("grey twin", k=10)).results
    assert len(found) == 10
    assert sorted([found[0].id, *(each.id for each in found[0].folded)]) == sorted(TWINS)
    assert {each.title for each in found[0].folded} == {"grey twin"}
    assert not {each.id for each in found[1:]} & set(TWINS)


def test_without_folding_each_product_is_a_result(engine):
    found = engine.search(Query("grey twin", k=8, fold=False)).results
    assert {result.id for result in found} == set(TWINS)
    assert not any(result.folded for result in found)


@pytest.mark.parametrize("match", ["hybrid", "words", "vectors"])
@pytest.mark.parametrize("fold", [True, False])
def test_pages_continue_one_another(engine, match, fold):
    whole = engine.search(Query("grey twin kettle", k=22, match=match, fold=fold)).results
    pages = [
        result
        for offset in range(0, 25, 3)
        for result in engine.search(
            Query("grey twin kettle", k=3, match=match, fold=fold, offset=offset)
        ).results
    ]
    assert [(each.rank, each.id) for each in pages] == [(each.rank, each.id) for each in whole]


def test_an_offset_beyond_all_results_shows_none(engine):
    assert engine.search(Query("kettle", offset=1000)).results == ()


@pytest.mark.parametrize("match", ["hybrid", "vectors"])
def test_deeper_candidates_are_appended_and_change_no_earlier_result(engine, monkeypatch, match):
    monkeypatch.setattr("search.candidates.FUSED_LEVELS", (4, 9, 30))
    monkeypatch.setattr("search.candidates.SINGLE_LEVELS", (4, 9, 30))
    first = engine.search(Query("teal kettle", k=3, match=match)).results
    deep = engine.search(Query("teal kettle", k=13, match=match)).results
    assert [each.id for each in deep[:3]] == [each.id for each in first]
    assert len({each.id for each in deep}) == 13
    scores = [each.score for each in deep]
    assert scores == sorted(scores, reverse=True)


def test_the_command_line_shows_how_many_are_folded(search_command):
    assert "grey twin (+7 variants)" in search_command("grey twin").stdout
    found = json.loads(search_command("grey twin", "--k", "1", "--json").stdout)["results"][0]
    assert {"id": "twin-h", "title": "grey twin"} in [
        {"id": found["id"], "title": "grey twin"},
        *found["folded"],
    ]
    assert "variants" not in search_command("grey twin", "--no-fold").stdout
