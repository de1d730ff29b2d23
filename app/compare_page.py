"""The compare page: one query, searched by two to four systems side by side."""

from collections.abc import Sequence

import streamlit as st

from app import bench_address, bench_columns
from app.bench_columns import LETTERS
from app.bench_page import begin
from app.bench_query import BenchQuery, show_query
from app.bench_state import MAX_DEPTH
from app.cards import TITLE
from app.errors import show_errors
from app.escaping import escape, escape_sentence, format_price, shorten
from app.links import Links
from app.search_page import page as search_page
from app.thumbnails import make_thumbnail
from catalog.catalogue import Catalogue
from eval.columns import Column, search_column
from eval.measures import DECIDING, score
from eval.rank_similarity import overlap, rank_biased_overlap
from search.redaction import redact
from search.results import Result
from search.shop import Shop

THUMBNAIL = 72  # pixels
FIGURES = (
    "overlap@k is the share of the first k results that A has, too. Rank-biased overlap compares "
    f"the order of the first {MAX_DEPTH}, and weighs the top most; 1 is the same ranking."
)
GRADES = {0: "not relevant", 1: "partly relevant", 2: "relevant"}


def show() -> None:
    """The page."""
    begun = begin("Compare")
    if begun is None:
        return
    shop, statuses = begun
    query = show_query(shop.home)
    variants = [status.name for status in statuses]
    bench_columns.show_column_count(variants)
    state = bench_address.write()
    with Catalogue(shop.home, create=False) as catalogue:
        _Comparison(shop, catalogue, query, state.depth).show(variants)


class _Comparison:
    """The columns and what is in them.

    Args:
        shop: searches.
        catalogue: has the pictures.
        query: that is searched for.
        depth: results of each column that are shown and compared.
    """

    def __init__(self, shop: Shop, catalogue: Catalogue, query: BenchQuery, depth: int) -> None:
        self._shop = shop
        self._catalogue = catalogue
        self._query = query
        self._depth = depth

    def show(self, variants: Sequence[str]) -> None:
        """The columns with their widgets, and their results where there is a query."""
        systems = st.session_state.bench_state.systems
        with st.container(key="comparison"):
            places = st.columns(len(systems), gap="medium")
        for place, column in enumerate(places):
            with column:
                bench_columns.show_column(place, variants)
        if self._query.is_empty:
            st.info("Type words, give a picture, or choose a query of a file.")
            return
        query = self._query
        with st.spinner("Searching …"):
            found = [
                search_column(self._shop, system, query.text, query.image, MAX_DEPTH)
                for system in systems
            ]
        for place, column in enumerate(places):
            with column, show_errors(f"Column {LETTERS[place]}"):
                self._show_column(place, found)

    def _show_column(self, place: int, columns: Sequence[Column]) -> None:
        column, first = columns[place], columns[0]
        if column.problem:
            sentence = escape_sentence(redact(column.problem))
            st.warning(sentence, icon=":material/inventory_2:")
            return
        self._show_facts(place, column, first)
        if place and first.found:
            ranks = {product: rank for rank, product in enumerate(first.ids, start=1)}
        else:
            ranks = None
        shown = column.found.results[: self._depth] if column.found else ()
        for result in shown:
            marks = _gone(result.id, columns, self._depth) if not place else ""
            if ranks is not None:
                marks = _move(result.rank, ranks.get(result.id, 0), self._depth)
            self._show_result(place, column, result, marks)
        if not shown:
            st.caption("Nothing was found.")
        if place:
            self._show_left(column, first)
        self._show_without_picture(column)

    def _show_facts(self, place: int, column: Column, first: Column) -> None:
        """Show how a column was searched, how long that took, and how alike it is to the first."""
        if column.found is None:
            return
        facts = []
        if column.match != column.system.match:
            facts.append(f"matched by {column.match}")
        if column.vector and not column.system.vector:
            facts.append(f"{column.vector} vectors")
        if column.found.load_seconds > 0.05:
            facts.append(f"model loaded in {column.found.load_seconds:.1f} s")
        facts.append(f"{column.found.encode_seconds * 1000:.0f} ms in the model")
        facts.append(f"{column.found.search_seconds * 1000:.0f} ms in the index")
        st.caption(" · ".join(facts))
        figures = []
        if any(self._query.grades.values()):
            scores = score({"": self._query.grades}, {"": column.ids})
            figures.append(f"{DECIDING} **{scores[DECIDING][0]:.2f}**")
        if place and first.found:
            common = overlap(first.ids, column.ids, self._depth)
            similar = rank_biased_overlap(first.ids, column.ids)
            figures.append(f"overlap@{self._depth} **{common:.2f}**")
            figures.append(f"rank-biased overlap **{similar:.2f}**")
        elif not figures:
            figures.append("The others are compared with A")  # ranks are level with theirs
        st.markdown(" · ".join(figures), help=FIGURES)
        if column.found.searched_for:
            st.caption(escape_sentence(f"Searched for “{column.found.searched_for}”."))
        for sentence in filter(None, (column.found.hint, column.found.notice)):
            st.caption(escape_sentence(sentence))

    def _show_result(self, place: int, column: Column, result: Result, marks: str) -> None:
        product = result.product
        with st.container(horizontal=True, gap="small", key=f"result-{place}-{result.rank}"):
            self._show_thumbnail(product.get("picture"))
            with st.container(gap="xsmall", width="stretch"):
                grade = self._query.grades.get(result.id)
                judged = f" :violet-badge[{GRADES.get(grade, grade)}]" if grade is not None else ""
                st.markdown(f"**{result.rank}** {marks}{judged}")
                self._show_title(column, result.id, product.get("title", ""))
                price = format_price(product.get("price"), product.get("currency", ""))
                parts = ", ".join(
                    f"{escape(name)} {part.rank}" for name, part in result.parts.items()
                )
                facts = [price, f"score {result.score:.3f}", parts and f"ranks: {parts}"]
                st.caption(" · ".join(filter(None, facts)))

    def _show_thumbnail(self, stored: str | None) -> None:
        picture = make_thumbnail(str(self._catalogue.pictures.path(stored))) if stored else None
        if picture:
            st.image(picture, width=THUMBNAIL, alt="")  # the title follows
        else:
            st.html('<div class="no-picture">No picture</div>', width=THUMBNAIL)

    def _show_title(self, column: Column, identity: str, title: str) -> None:
        state = self._query.search_state(column.system.variant)
        Links(search_page(), state).show_product(escape(shorten(title, TITLE)), identity)

    def _show_left(self, column: Column, first: Column) -> None:
        """Show which of the first column's results are not among this one's."""
        shown = set(column.ids[: self._depth])
        ranks = {product: rank for rank, product in enumerate(column.ids, start=1)}
        left = [
            result
            for result in (first.found.results[: self._depth] if first.found else ())
            if result.id not in shown
        ]
        if not left:
            return
        with st.expander(f"{len(left)} of A’s first {self._depth} are out"):
            for result in left:
                now = ranks.get(result.id)
                where = f"now {now}" if now else f"not in the first {MAX_DEPTH}"
                title = escape(shorten(result.product.get("title", result.id), TITLE))
                st.markdown(f"{title} :gray-badge[was {result.rank}, {where}]")

    def _show_without_picture(self, column: Column) -> None:
        found = column.found.without_picture[: self._depth] if column.found else ()
        if not found:
            return
        with st.expander(f"{len(found)} without a picture"):
            st.caption("By their words alone; these scores cannot be compared with those above.")
            for result in found:
                self._show_title(column, result.id, result.product.get("title", ""))


def _move(rank: int, before: int, depth: int) -> str:
    """How a product moved against the first column, as a badge."""
    if not before:
        return ":blue-badge[in, new]"
    if before > depth:
        return f":blue-badge[in, was {before}]"
    if before == rank:
        return ":gray-badge[same]"
    if before > rank:
        return f":green-badge[▲ up {before - rank}]"
    return f":orange-badge[▼ down {rank - before}]"


def _gone(product: str, columns: Sequence[Column], depth: int) -> str:
    """The other columns that do not have a product of the first one."""
    gone = [
        LETTERS[place]
        for place, column in enumerate(columns)
        if column.found and product not in column.ids[:depth]
    ]
    return f":gray-badge[out in {', '.join(gone)}]" if gone else ""
