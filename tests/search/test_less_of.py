"""Likes, dislikes and terms to avoid; varied results."""

import json

import numpy as np
import pytest

from encoder.vectors import normalize
from qdrant.model import Point, Ranking
from search.avoidance import AWAY, move_away
from search.diversity import diversify
from search.folding import Group
from search.fusion import Candidate, PartScore, best_of
from search.query import MAX_NAMED, Query, QueryError


def ids(found):
    return [result.id for result in found.results]


@pytest.mark.parametrize("match", ["hybrid", "words", "vectors"])
def test_products_with_all_words_of_a_term_are_left_out(engine, match):
    found = ids(engine.search(Query("kettle", k=22, match=match, without=("teal kettles",))))
    assert "kettle-teal" not in found
    assert {"kettle-navy", "kettle-olive"} <= set(found)
    if match != "words":
        assert "lipstick-teal" in found


def test_each_of_several_terms_is_avoided(engine):
    found = ids(engine.search(Query("kettle", k=22, without=("teal", "navy", "the"))))
    assert found
    assert not [name for name in found if "teal" in name or "navy" in name]


def test_a_typed_id_does_not_bring_back_what_is_avoided(engine):
    assert "kettle-teal" not in ids(engine.search(Query("kettle-teal", without=("teal",))))


def test_a_query_is_moved_away_from_the_mean_of_what_is_avoided():
    query, first, second = np.eye(3, dtype=np.float32)
    moved = move_away(query, [first, second])
    np.testing.assert_allclose(moved, normalize(query - AWAY * (first + second) / 2), atol=1e-6)
    assert moved @ first < query @ first
    assert move_away(query, []) is query


def test_results_are_less_like_a_product_and_do_not_have_it(engine):
    first = engine.search(Query("kettle", k=22, match="vectors")).results
    less = engine.search(Query("kettle", k=22, match="vectors", unlike=(first[0].id,))).results
    stored = engine.store.retrieve("tiny", [each.id for each in first], vectors=True)

    def nearness(results):
        disliked = stored[first[0].id].vectors["fused"]
        return np.mean([stored[each.id].vectors["fused"] @ disliked for each in results[:3]])

    assert first[0].id not in {each.id for each in less}
    assert nearness(less) < nearness(first[1:])


def test_products_near_to_any_of_several_liked_ones_come_first(engine):
    liked = ("kettle-teal", "lipstick-coral")
    found = engine.search(Query(like=liked, k=20, fold=False)).results
    stored = engine.store.retrieve("tiny", [*liked, *(each.id for each in found)], vectors=True)
    for result in found:
        own = stored[result.id].vectors["fused"]
        best = max(float(own @ stored[name].vectors["fused"]) for name in liked)
        assert result.score == pytest.approx(best, abs=1e-5)
        assert result.parts.keys() == {f"like:{name}" for name in liked}
    scores = [result.score for result in found]
    assert scores == sorted(scores, reverse=True)
    assert not set(liked) & {each.id for each in found}


def test_liked_products_of_which_one_has_no_picture_are_compared_by_their_text(engine):
    found = engine.search(Query(like=("bare-a", "kettle-teal"), k=3))
    assert {result.vector for result in found.results} == {"text"}
    assert found.without_picture == ()


def test_the_best_of_several_parts_leaves_out_what_a_deeper_search_may_exceed():
    parts = {"1": Ranking(["a", "b"], [0.9, 0.8]), "2": Ranking(["c", "b"], [0.7, 0.2])}
    assert best_of(parts, depth=2).ids == ["a", "b"]
    assert best_of(parts, depth=3).ids == ["a", "b", "c"]
    assert best_of(parts, depth=3).scores == [0.9, 0.8, 0.7]
    assert best_of(parts, depth=3).places("b") == {"1": PartScore(2, 0.8), "2": PartScore(2, 0.2)}


def test_likes_dislikes_and_terms_go_together(engine):
    query = Query(like=("kettle-teal",), unlike=("kettle-navy",), without=("olive",), k=20)
    found = ids(engine.search(query))
    assert found
    assert not {"kettle-teal", "kettle-navy", "kettle-olive", "lipstick-olive"} & set(found)


def test_varied_results_are_relevant_and_unlike_one_another():
    angles = {"a": 0.0, "b": 0.02, "c": 0.04, "d": 1.2, "e": 1.3}
    points = {
        name: Point(name, {}, {"text": np.array([np.cos(x), np.sin(x)], np.float32)})
        for name, x in angles.items()
    }
    scores = {"a": 0.9, "b": 0.89, "c": 0.88, "d": 0.86, "e": 0.3}
    groups = [Group(Candidate(name, score, {})) for name, score in scores.items()]
    varied = [group.best.id for group in diversify(groups, points, "text")]
    assert varied[:2] == ["a", "d"]
    assert sorted(varied) == ["a", "b", "c", "d", "e"]


def test_a_diverse_search_has_the_same_products_in_another_order_on_every_page(engine):
    plain = ids(engine.search(Query("kettle", k=30, match="vectors")))
    varied = ids(engine.search(Query("kettle", k=30, match="vectors", diverse=True)))
    assert sorted(varied) == sorted(plain)
    assert varied[0] == plain[0]
    assert varied != plain
    page = Query("kettle", k=3, match="vectors", diverse=True, offset=3)
    assert ids(engine.search(page)) == varied[3:6]


def test_the_command_line_takes_likes_dislikes_and_terms(search_command):
    arguments = ("--like", "kettle-teal", "--like", "kettle-navy", "--unlike", "kettle-olive")
    shown = search_command(*arguments, "--without", "coral", "--diverse", "--json")
    found = json.loads(shown.stdout)
    assert found["query"]["likes"] == ["kettle-teal", "kettle-navy"]
    assert found["query"]["like"] == "kettle-teal"
    assert (found["query"]["unlike"], found["query"]["without"]) == (["kettle-olive"], ["coral"])
    assert found["results"][0]["parts"].keys() <= {"like:kettle-teal", "like:kettle-navy"}
    assert "coral" not in " ".join(result["id"] for result in found["results"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"text": "a", "unlike": ("gone",)}, "no product with the id “gone”"),
        ({"like": ("kettle-teal", "gone")}, "no product with the id “gone”"),
        ({"like": "kettle-teal", "unlike": ("kettle-teal",)}, "both `like` and `unlike`"),
        ({"text": "a", "without": (" ",)}, "without is empty"),
        ({"text": "a", "without": ("x" * 5_000,)}, "terms to avoid have 5,000 characters"),
        ({"text": "a", "unlike": tuple(map(str, range(99)))}, f"at most {MAX_NAMED} products"),
        ({"unlike": ("kettle-teal",)}, "nothing to search for"),
        ({"without": ("leather",)}, "nothing to search for"),
    ],
)
def test_what_cannot_be_avoided_or_liked_is_one_sentence(engine, arguments, sentence):
    with pytest.raises(QueryError, match=sentence):
        engine.search(Query(**arguments))
