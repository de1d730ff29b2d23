"""The judging of one query's pool: one product at a time, or all in a list; what can be undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from app.bench_query import BenchQuery, choose_query
from app.bench_state import BenchState
from app.cards import brand_and_category, show_picture, show_price
from app.errors import show_errors
from app.escaping import escape, shorten
from catalog.catalogue import Catalogue
from eval.judges import GRADES, Grades, Judges
from search.redaction import redact
from vitrine import VitrineError
from vitrine.text import printable

KEYS = {2: "1", 1: "2", 0: "3"}  # the key of each grade
DESCRIPTION = 600  # characters; who judges reads hundreds of them
HEADLINE = 200
PROBLEM = "judge_problem"  # the session's key of why the last act was not kept


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


class Judging:
    """The widgets that judge one query's pool.

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
            st.header(escape(shorten(self._query.text, HEADLINE)) or "A picture", anchor=False)
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
            st.session_state[PROBLEM] = redact(str(error))
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
                st.session_state[PROBLEM] = redact(str(error))
                return
        self._acts.pop()
        if not self._is_here(act) and act.queries == self._state.queries:
            for query in self._query.queries or ():
                if query.id == act.query:
                    choose_query(query)

    def _is_here(self, act: _Act) -> bool:
        here = (self._state.queries, self._state.judge, self._state.query)
        return (act.queries, act.judge, act.query) == here
