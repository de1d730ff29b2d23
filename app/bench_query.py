"""The query of the workbench's pages: typed, or one of a file that is stepped through."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from PIL.Image import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import picture_controls
from app.errors import show_errors
from app.escaping import escape_sentence, shorten
from app.search_log import offer_queries
from app.state import SearchState, crop_picture
from eval.queries import LabelledQuery, QuerySet
from eval.query_folder import FOLDER, SUFFIXES, QueryFolder
from events.recent import has_log
from search.query import QueryError
from search.query_picture import open_picture
from search.redaction import redact
from vitrine import VitrineError

MAX_OPTIONS = 1_000  # of a list; more make a browser slow
OPENED = 600  # seconds that a file's picture is kept, and that it cannot be fetched
LABEL = 70  # characters of a query in the list
TYPED = "typed below"


@dataclass(frozen=True)
class BenchQuery:
    """The query that is searched for.

    Attributes:
        text: words.
        image: RGB, the part of the picture that counts; None without one.
        grades: by product, where it is of a file that has them.
        queries: the file's, where one is chosen.
    """

    text: str = ""
    image: Image | None = None
    grades: Mapping[str, int] = field(default_factory=dict)
    queries: QuerySet | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to search for."""
        return not (self.text or self.image)

    def search_state(self, variant: str) -> SearchState:
        """The same search on the search page; the picture of a file is not there."""
        session = st.session_state
        return SearchState(
            self.text, session.picture, session.upload, tuple(session.crop), variant=variant
        )


def show_query(home: Path, *, always_words: bool = True) -> BenchQuery:
    """Show the widgets of the query; return it as it is chosen.

    Args:
        home: the installation's folder.
        always_words: show the fields for words and picture where a query of a file is chosen, too.
    """
    queries = None
    with show_errors("The query file"):
        queries = _show_file(QueryFolder(home), home)
    chosen = _chosen(queries)
    if chosen and st.session_state.bench_state is None:  # the address was just read
        _take(chosen)
    if always_words or not chosen:
        _show_fields()
    text = st.session_state.text.strip()
    image = picture_controls.show_picture().image
    if image:
        image = crop_picture(image, st.session_state.crop)
    chosen = chosen if not image and chosen and chosen.text == text else None
    if chosen and chosen.picture:
        image = _show_picture(chosen.picture)
    return BenchQuery(text, image, chosen.relevant if chosen else {}, queries)


def _show_fields() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="search"):
        picture_controls.show_fields("Words")


def choose_query(query: LabelledQuery) -> None:
    """Make a query of the file the one that is searched for; for the callback of a widget."""
    st.session_state.query = query.id
    _take(query)


def _take(query: LabelledQuery) -> None:
    st.session_state.update(text=query.text, picture="", upload="", crop=[])


def _chosen(queries: QuerySet | None) -> LabelledQuery | None:
    """The query of the file that the session names."""
    name = st.session_state.query
    if not (queries and name):
        return None
    found = next((query for query in queries if query.id == name), None)
    if found is None:
        sentence = f"{queries.name} has no query “{shorten(name, 80)}”."
        st.warning(escape_sentence(sentence), icon=":material/help:")
    return found


def _show_file(folder: QueryFolder, home: Path) -> QuerySet | None:
    """Show the choice of a file, and of a query in it; the file's queries."""
    names = folder.names()
    current = st.session_state.queries
    with st.container(horizontal=True, vertical_alignment="bottom", key="query-file"):
        st.selectbox(
            "Queries",
            list(dict.fromkeys(["", *names, current])),
            format_func=lambda name: name or TYPED,
            key="queries",
            on_change=_forget_query,
            width=260,
        )
        place = st.container(horizontal=True, vertical_alignment="bottom", width="stretch")
        with st.popover("Add a file", icon=":material/upload:"):
            _show_uploader(folder)
        if has_log(home):
            with st.popover("From the log", icon=":material/history:"):
                offer_queries(folder, home)
    if problem := st.session_state.pop("query_file_problem", ""):
        st.error(escape_sentence(problem), icon=":material/error:")
    if not current:
        return None
    queries = _read(folder, current, folder.version(current))
    with place:
        _show_steps(queries)
    return queries


def _show_steps(queries: QuerySet) -> None:
    """Show which query of a file is chosen, and the way to the others."""
    each = queries.queries
    at = next((row for row, query in enumerate(each) if query.id == st.session_state.query), None)
    first = max(0, (at or 0) - MAX_OPTIONS // 2)
    rows = list(range(first, min(len(each), first + MAX_OPTIONS)))
    before, after = (None, 0) if at is None else (at - 1, at + 1)
    with st.container(horizontal=True, width="content", key="query-steps"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            shortcut="P",
            disabled=before is None or before < 0,
            on_click=lambda: choose_query(each[before or 0]),
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            shortcut="N",
            disabled=after >= len(each),
            on_click=lambda: choose_query(each[after]),
        )
    st.session_state["query-row"] = at
    st.selectbox(
        f"Query of {len(each):,}",
        rows,
        format_func=lambda row: _label(row, each[row]),
        key="query-row",
        placeholder="Choose a query",
        on_change=lambda: _choose_row(each),
    )


def _label(row: int, query: LabelledQuery) -> str:
    words = shorten(query.text, LABEL) if query.text else "a picture"
    both = " with a picture" if query.text and query.picture else ""
    return f"{row + 1:,}. {words}{both}"


def _choose_row(queries: tuple[LabelledQuery, ...]) -> None:
    row = st.session_state["query-row"]
    if row is None:
        _forget_query()
    else:
        choose_query(queries[row])


def _forget_query() -> None:
    st.session_state.query = ""


@st.cache_resource(max_entries=4, show_spinner="Reading the queries …")
def _read(_folder: QueryFolder, name: str, version: tuple[int, int]) -> QuerySet:
    """The queries of a file, read once a version."""
    return _folder.read(name)


def _show_uploader(folder: QueryFolder) -> None:
    st.caption(
        f"JSON Lines, TREC topics or the reference’s Excel; kept in the installation’s folder "
        f"`{FOLDER}`. Pictures that its lines name must lie there, too."
    )
    file = st.file_uploader(
        "A file of queries",
        type=[suffix.removeprefix(".") for suffix in SUFFIXES],
        key=f"query-upload-{st.session_state.get('query_uploads', 0)}",
    )
    if file:
        st.button(
            "Use this file",
            type="primary",
            on_click=lambda: _add_file(folder, file),
        )


def _add_file(folder: QueryFolder, file: UploadedFile) -> None:
    session = st.session_state
    try:
        session.queries = folder.add(file.name, file.getvalue())
    except VitrineError as error:
        session.query_file_problem = redact(str(error))
    else:
        picture_controls.release_file(file)
        session.query = ""
        session.query_uploads = session.get("query_uploads", 0) + 1  # an empty field


def _show_picture(address: str) -> Image | None:
    """Show the picture of a file's query, or why it cannot be read."""
    opened = _open_picture(address)
    if isinstance(opened, str):
        st.warning(escape_sentence(opened), icon=":material/broken_image:")
        return None
    st.image(opened, width=120, alt="The picture of this query")
    return opened


@st.cache_resource(max_entries=32, ttl=OPENED, show_spinner="Opening the picture …")
def _open_picture(address: str) -> Image | str:
    """A picture, or why it cannot be read."""
    try:
        return open_picture(address)
    except QueryError as error:
        return redact(str(error))
