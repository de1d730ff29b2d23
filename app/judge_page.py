"""The judge page: the pooled results of the columns, blind and shuffled, are given grades.

One file of TREC qrels for each judge and query file; each judgement is written at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from app import bench_address, bench_columns, judge_results
from app.bench_page import begin
from app.bench_query import BenchQuery, choose_query, show_query
from app.bench_state import MAX_DEPTH, BenchState
from app.cards import brand_and_category, show_picture, show_price
from app.errors import show_errors
from app.escaping import escape, escape_sentence, shorten
from catalog.catalogue import Catalogue
from eval.columns import search_column
from eval.judges import GRADES, Grades, Judges
from eval.pools import make_pool, shuffle_pool
from eval.query_folder import QueryFolder
from search.redaction import redact
from search.shop import Shop
from vitrine import VitrineError
from vitrine.text import printable

KEYS = {2: "1", 1: "2", 0: "3"}  # the key of each grade
DESCRIPTION = 600  # characters; who judges reads hundreds of them
HEADLINE = 200
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
    if problem := st.session_state.pop("judge_problem", ""):
        st.error(escape_sentence(problem), icon=":material/error:")
    if not state.query:
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
    _Judging(catalogue, judges, state, query, pool, order, grades).show(one=one)


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
        session.judge_problem = redact(str(error))
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


@dataclass(frozen=True)
class _Act:
    """A judgement or a skip, which can be undone.

    Attributes:
        queries: the query file.
        judge: who judged.
        query: its id.
        product: its id.
        before: the grade there was.
        skipped: it was a skip.
    """

    queries: str
    judge: str
    query: str
    product: str
    before: int | None = None
    skipped: bool = False


class _Judging:
    """The judging of one query's pool.

    Args:
        catalogue: has descriptions and pictures.
        judges: of the query file.
        state: names query, judge and file.
        query: what is searched for.
        pool: payloads by product.
        order: the products as they are shown.
        grades: the judge's.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        judges: Judges,
        state: BenchState,
        query: BenchQuery,
        pool: Mapping[str, dict[str, Any]],
        order: Sequence[str],
        grades: Grades,
    ) -> None:
        self._catalogue = catalogue
        self._judges = judges
        self._state = state
        self._query = query
        self._pool = pool
        self._order = order
        self._grades = grades.get(state.query, {})
        self._queries_judged = len(grades)
        acts = st.session_state.setdefault("judge_acts", [])
        self._acts: list[_Act] = acts
        skipped = {each.product for each in acts if each.skipped and self._is_here(each)}
        self._open = [each for each in order if each not in self._grades and each not in skipped]

    def show(self, *, one: bool) -> None:
        """The next product, or all of them."""
        done = len(self._order) - len(self._open)
        of_file = len(self._query.queries or ())
        st.progress(
            done / len(self._order) if self._order else 1.0,
            f"{done:,} of {len(self._order):,} products of this query · "
            f"{self._queries_judged:,} of {of_file:,} queries begun",
        )
        with st.container(key="judge-query"):
            if self._query.text:
                st.header(escape(shorten(self._query.text, HEADLINE)), anchor=False)
        if one:
            self._show_next()
        else:
            self._show_list()

    def _show_next(self) -> None:
        if self._open:
            with st.container(horizontal=True, key="judge-buttons"):
                self._show_buttons(self._open[0])
            self._show_product(self._open[0])
            return
        nothing = "No column found a product." if not self._order else "All products are judged."
        st.success(f"{nothing} Go on with the next query (key N).", icon=":material/done_all:")
        self._show_undo()

    def _show_buttons(self, product: str) -> None:
        for grade, label in GRADES.items():
            judge = partial(self._judge, product, grade)
            st.button(label, shortcut=KEYS[grade], on_click=judge)
        st.button("Skip", shortcut="4", on_click=partial(self._skip, product), type="tertiary")
        self._show_undo()

    def _show_undo(self) -> None:
        st.button(
            "Undo",
            shortcut="U",
            icon=":material/undo:",
            type="tertiary",
            disabled=not self._acts,
            on_click=self._undo,
        )

    def _show_product(self, identity: str) -> None:
        payload = self._pool[identity]
        product = self._catalogue.get([identity]).get(identity)
        with st.container(key="judge-product"):
            picture, details = st.columns([3, 2], gap="large")
            with picture:
                show_picture(payload, self._catalogue.pictures.path)
            with details:
                title = shorten(payload.get("title", identity), HEADLINE)
                st.subheader(escape(title), anchor=False)
                st.caption(" · ".join(brand_and_category(payload)))
                show_price(payload)
                if product and product.description:
                    st.text(shorten(product.description, DESCRIPTION))
                facts = product.attributes if product else {}
                st.caption(escape(printable(", ".join(f"{k}: {v}" for k, v in facts.items()))))

    def _show_list(self) -> None:
        with st.container(key="judge-list"):
            cells = st.grid("auto", min_column_width=220, gap="medium")
            for identity in self._order:
                with cells.cell(), show_errors(f"Product {identity}"):
                    self._show_cell(identity)
        self._show_undo()

    def _show_cell(self, identity: str) -> None:
        payload = self._pool[identity]
        show_picture(payload, self._catalogue.pictures.path)
        st.markdown(escape(shorten(payload.get("title", identity), HEADLINE)))
        key = f"grade-{self._state.query}-{identity}"
        st.session_state[key] = self._grades.get(identity)
        st.segmented_control(
            f"Grade of {shorten(payload.get('title', identity), 60)}",
            list(GRADES),
            format_func=lambda grade: GRADES[grade],
            key=key,
            label_visibility="collapsed",
            on_change=lambda: self._judge(identity, st.session_state[key]),
        )

    def _judge(self, product: str, grade: int | None) -> None:
        """Write a grade; None removes it."""
        state = self._state
        try:
            before = self._judges.write(state.judge, state.query, product, grade)
        except VitrineError as error:
            st.session_state.judge_problem = redact(str(error))
            return
        self._acts.append(_Act(state.queries, state.judge, state.query, product, before))

    def _skip(self, product: str) -> None:
        state = self._state
        self._acts.append(_Act(state.queries, state.judge, state.query, product, skipped=True))

    def _undo(self) -> None:
        """Undo the last act of this session, and show its query."""
        act = self._acts[-1]
        if not act.skipped:
            judges = Judges(self._judges.home, act.queries)
            try:
                judges.write(act.judge, act.query, act.product, act.before)
            except VitrineError as error:
                st.session_state.judge_problem = redact(str(error))
                return
        self._acts.pop()
        if not self._is_here(act) and act.queries == self._state.queries:
            for query in self._query.queries or ():
                if query.id == act.query:
                    choose_query(query)

    def _is_here(self, act: _Act) -> bool:
        here = (self._state.queries, self._state.judge, self._state.query)
        return (act.queries, act.judge, act.query) == here
