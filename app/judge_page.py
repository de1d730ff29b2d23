"""The judge page: the pooled results of the columns, blind and shuffled, are given grades.

One file of TREC qrels for each judge and query file; each judgement is written at once.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app import bench_address, bench_columns, judge_results
from app.bench_page import begin
from app.bench_query import BenchQuery, choose_query, show_query
from app.bench_state import MAX_DEPTH, BenchState
from app.errors import show_errors
from app.escaping import escape_sentence
from app.judging import PROBLEM, Judging
from catalog.catalogue import Catalogue
from eval.columns import search_column
from eval.judges import Judges
from eval.pools import make_pool, shuffle_pool
from eval.query_folder import QueryFolder
from search.redaction import redact
from search.shop import Shop
from vitrine import VitrineError

ONE, LIST = "One by one", "List"


def show() -> None:
    """The page."""
    begun = begin("Judge")
    if begun is None:
        return
    shop, statuses = begun
    query = show_query(shop.home, always_words=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Your name", key="judge", placeholder="Anna", width=220)
        mode = st.segmented_control(
            "Products", [ONE, LIST], default=ONE, required=True, key="judge-mode"
        )
        with st.popover("What is pooled", icon=":material/tune:"):
            _show_pooled([status.name for status in statuses])
    state = bench_address.write()
    with Catalogue(shop.home, create=False) as catalogue:
        with show_errors("The judgements"):
            _show_work(shop, catalogue, state, query, one=mode == ONE)
        if state.queries and query.queries:
            st.divider()
            judge_results.show_results(shop.home, state, query.queries)


def _show_pooled(variants: Sequence[str]) -> None:
    """Show the columns whose first results are judged, how many of each, and in which order."""
    st.caption("The first results of all columns are judged together. Who judges sees no column.")
    bench_columns.show_column_count(variants)
    for place in range(len(st.session_state.columns)):
        bench_columns.show_column(place, variants)
    st.number_input("Seed of the order", 0, 999_999_999, key="seed")


def _show_work(
    shop: Shop, catalogue: Catalogue, state: BenchState, query: BenchQuery, *, one: bool
) -> None:
    """Show what is to be judged next, or what is missing for that."""
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(escape_sentence(problem), icon=":material/error:")
    if not state.query or query.is_empty:
        _offer_typed(shop.home, query)
        return
    if not state.judge:
        st.info("Type your name: each judge has a file of their own.", icon=":material/person:")
        return
    judges = Judges(shop.home, state.queries)
    pool, problems = _pool(shop, state, query)
    for problem in problems:
        st.warning(escape_sentence(problem), icon=":material/inventory_2:")
    order = shuffle_pool(list(pool), state.query, state.seed)
    grades = judges.read(state.judge)
    Judging(catalogue, judges, state, query, pool, order, grades).show(one=one)


def _offer_typed(home: Path, query: BenchQuery) -> None:
    """Show what to do where no query of a file is chosen."""
    if query.is_empty:
        st.info("Choose a query of a file, or type one.", icon=":material/rule:")
        return
    if query.queries and st.session_state.queries:
        st.caption("These words are not of the file.")
    st.button(
        "Judge what is typed",
        type="primary",
        on_click=lambda: _add_typed(home, query),
        help="It is added to the file typed.jsonl.",
    )


def _add_typed(home: Path, query: BenchQuery) -> None:
    session = st.session_state
    try:
        folder = QueryFolder(home)
        name, identity = folder.add_typed(query.text, query.image)
        added = next(each for each in folder.read(name) if each.id == identity)
    except VitrineError as error:
        session[PROBLEM] = redact(str(error))
        return
    session.queries = name
    choose_query(added)


def _pool(
    shop: Shop, state: BenchState, query: BenchQuery
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The payloads of the pooled products, and why a column is not among them; found once."""
    generations = [(each.name, each.collection) for each in shop.statuses()]
    key = (state.columns, state.depth, state.queries, state.query, query.text, generations)
    kept = st.session_state.get("judge_pool")
    if kept and kept[0] == key:
        return kept[1]
    with st.spinner("Searching …"):
        columns = [
            search_column(shop, system, query.text, query.image, MAX_DEPTH)
            for system in state.systems
        ]
    payloads = {
        result.id: result.product
        for column in columns
        if column.found
        for result in column.found.results
    }
    pool = make_pool([column.ids for column in columns], state.depth)
    problems = [redact(column.problem) for column in columns if column.problem]
    found = {product: payloads[product] for product in pool}, problems
    st.session_state.judge_pool = key, found
    return found
