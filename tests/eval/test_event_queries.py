"""Grades from a log whose position bias and relevance are known, since it is simulated."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from typer.testing import CliRunner

from eval import EvalError
from eval.__main__ import app
from eval.click_model import Examination, Impressions, estimate_examination
from eval.event_queries import Limits, grade_queries
from events.log import EventLog
from events.observations import Acts, Observations
from events.records import Event, Search

DEPTH = 8
EXAMINED = 1 / np.arange(1, DEPTH + 1)
ATTRACTIVE = np.array([0.05, 0.2, 0.45, 0.8])  # by true grade
QUERIES, PRODUCTS, SEARCHES = 30, 8, 300


def simulate(rankings=3, queries=QUERIES, searches=SEARCHES, seed=3) -> Iterator[tuple]:
    """Searches as (query, order, level of each product), and the true grades of each query.

    Each ranking is a noisy one of the true grades, as that of a variant or a generation; the first
    one is worse than random, so that what stands first is often not what is relevant.
    """
    rng = np.random.default_rng(seed)
    for query in range(queries):
        grades = rng.integers(0, 4, PRODUCTS)
        orders = [np.argsort(-rng.normal(grades * (-0.4, 0.3)[n > 0], 1)) for n in range(rankings)]
        yield query, grades, None
        for _ in range(searches):
            order = orders[rng.choice(rankings, p=_shares(rankings))]
            liked = ATTRACTIVE[grades[order]]
            clicked = (rng.random(PRODUCTS) < EXAMINED) & (rng.random(PRODUCTS) < liked)
            carted = clicked & (rng.random(PRODUCTS) < 0.1 + 0.2 * grades[order])
            bought = carted & (rng.random(PRODUCTS) < 0.5)
            levels = clicked.astype(int) + carted + bought
            yield query, order, dict(zip(order.tolist(), levels.tolist(), strict=True))


def _shares(rankings):
    """The first ranking was there longest."""
    return [1.0] if rankings == 1 else [0.7, *[0.3 / (rankings - 1)] * (rankings - 1)]


def observe(**settings):
    """Observations of simulated searches, and the true grades by query."""
    seen, truth = Observations(), {}
    for query, order, levels in simulate(**settings):
        key = f"query {query}"
        if levels is None:
            truth[key] = {f"p{n}": int(grade) for n, grade in enumerate(order)}
            continue
        shown = [(f"p{n}", position) for position, n in enumerate(order, start=1)]
        acts = {f"p{n}": level for n, level in levels.items() if level}
        seen.add(key, key, shown, Acts(acts))
    return seen, truth


@pytest.fixture(scope="module")
def observed():
    return observe()


@pytest.fixture(scope="module")
def graded(observed):
    return grade_queries(observed[0])


def quality(truth, scores):
    """Mean nDCG of rankings by some scores, by the true grades."""
    return np.mean(
        [
            ndcg_score([[truth[key][product] for product in by_product]], [[*by_product.values()]])
            for key, by_product in scores.items()
        ]
    )


def raw_rates(seen):
    """Clicks over impressions, as they are, by query and product."""
    sums = {}
    for (key, product, _), each in seen.seen.items():
        shown, clicked = sums.setdefault(key, {}).get(product, (0, 0))
        sums[key][product] = (shown + each.shown, clicked + each.clicked)
    return {
        key: {product: clicked / shown for product, (shown, clicked) in products.items()}
        for key, products in sums.items()
    }


def test_examination_is_estimated_from_the_log_alone(graded):
    assert len(graded.examination.value) == DEPTH
    assert graded.examination.value == pytest.approx(EXAMINED, abs=0.06)
    within = (graded.examination.low <= EXAMINED) & (graded.examination.high >= EXAMINED)
    assert within.sum() >= DEPTH - 1


def test_corrected_grades_rank_better_than_raw_rates_of_clicks(observed, graded):
    seen, truth = observed
    corrected = {query.id: dict(query.relevant) for query in graded.queries}
    raw = {key: raw_rates(seen)[key] for key in corrected}
    assert 1 - quality(truth, corrected) < (1 - quality(truth, raw)) / 2


def test_a_grade_names_what_it_rests_on(graded):
    query = graded.queries[0]
    evidence = graded.evidence[query.id]
    assert set(evidence) == set(query.relevant)
    for each in evidence.values():
        assert each.purchases <= each.carts <= each.clicks <= each.shown
        assert each.low <= each.rate <= each.high
        assert each.examined <= each.shown
    assert max(query.relevant.values()) == 3
    rates = [evidence[product].rate for product in query.relevant]
    assert rates[0] > rates[-1]


def test_a_purchase_counts_more_than_a_cart_and_a_cart_more_than_a_click():
    seen = Observations()
    levels = {"clicked": 1, "carted": 2, "bought": 3, "ignored": 0}
    for turn in range(200):
        order = [*levels][turn % 4 :] + [*levels][: turn % 4]
        acts = {product: level for product, level in levels.items() if level and turn % 2}
        seen.add("q", "q", [(each, n) for n, each in enumerate(order, start=1)], Acts(acts))
    [query] = grade_queries(seen, decay=0).queries
    assert query.relevant == {"bought": 3, "carted": 2, "clicked": 1, "ignored": 0}


def test_pairs_are_of_products_at_least_half_as_valuable_as_the_best(graded):
    for query, product in graded.pairs():
        assert query.relevant[product] >= 2


def test_one_ranking_alone_is_refused_with_the_number_that_is_needed():
    seen, _ = observe(rankings=1, queries=5, searches=50)
    with pytest.raises(EvalError) as refused:
        grade_queries(seen)
    assert "position 1 has 0 impressions with 0 clicks" in str(refused.value)
    assert "each needs 200 with 20" in str(refused.value)
    assert grade_queries(seen, Limits(20, 5), decay=1).queries


def test_positions_that_nothing_connects_with_the_first_one_are_left_out():
    # Pairs 0 and 1 change places 1 and 2; pairs 2 and 3 change places 3 and 4.
    pair = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    position = np.array([0, 1, 0, 1, 2, 3, 2, 3])
    many = np.full(8, 400)
    seen = Impressions(pair, pair, position, many, np.where(position % 2, 50, 100))
    found = estimate_examination(seen)
    assert len(found.value) == 2
    assert found.value == pytest.approx([1, 0.5], abs=0.01)


def test_too_few_searches_are_refused_with_the_number_that_is_needed(observed):
    with pytest.raises(EvalError, match=r"No query of 30 has 500 searches and 10 clicks.* has 300"):
        grade_queries(observed[0], Limits(500, 10), decay=1)


def test_a_given_decay_is_used_as_it_is():
    assert Examination.by_decay(1.0, 3).value == pytest.approx([1, 1 / 2, 1 / 3])


@pytest.fixture
def home(tmp_path):
    """A log of simulated searches; some with filters, one client that repeats itself."""
    with EventLog(tmp_path) as log:
        done = []
        for query, order, levels in simulate(queries=4, searches=150):
            if levels is None:
                continue
            shown = [f"p{n}" for n in order]
            search = Search(f"Query {query}", shown)
            log.add_search(search)
            names = {1: "click", 2: "add_to_cart", 3: "purchase"}
            events = [
                Event(names[level], search.query_id, f"p{n}")
                for n, level in levels.items()
                if level
            ]
            done.append(log.add_events(events))
        for each in done:
            each.result()
        log.add_search(Search("filtered", ["p1"], is_plain=False)).result()
        for _ in range(5):
            search = Search("mine", ["p1"], client_id="c-1")
            log.add_search(search)
            log.add_events([Event("click", search.query_id, "elsewhere")]).result()
    return tmp_path


def test_the_command_writes_queries_that_an_evaluation_reads(home, monkeypatch):
    from eval.query_files import read_queries

    monkeypatch.setenv("VITRINE_HOME", str(home))
    out, pairs = home / "clicked.jsonl", home / "pairs.jsonl"
    options = ["from-events", "--out", str(out), "--pairs", str(pairs), "--json"]
    ran = CliRunner().invoke(app, options)
    assert ran.exit_code == 0, ran.stderr
    shown = json.loads(ran.stdout)
    assert shown["counts"]["queries"] == 4
    assert shown["counts"]["searches"] == 603
    assert shown["counts"]["other_searches"] == 1
    assert shown["counts"]["repeated_searches"] == 2
    assert shown["counts"]["elsewhere"] == 3
    assert [each["position"] for each in shown["positions"]][:5] == [1, 2, 3, 4, 5]
    assert shown["positions"][0]["moved"] >= 200
    read = read_queries(out, None)
    assert {query.id for query in read} == {f"query {n}" for n in range(4)}
    assert all(max(query.relevant.values()) == 3 for query in read)
    first = json.loads(out.read_text().splitlines()[0])
    assert first["evidence"].keys() == first["relevant"].keys()
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert len(rows) == shown["counts"]["pairs"] > 0
    assert {*rows[0]} == {"text", "product"}


def test_without_a_log_the_command_says_what_keeps_one(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    ran = CliRunner().invoke(app, ["from-events", "--out", str(tmp_path / "out.jsonl")])
    assert ran.exit_code == 1
    assert "There is no log of events" in ran.stderr
    assert not (tmp_path / "out.jsonl").exists()
