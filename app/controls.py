"""What the visitor asks: the widgets, and the address bar that says the same.

The widgets' values live in the session under the keys of `BLANK`. The address bar is read when it
changed by other hands (a link, a reload, the back button) and written whenever the widgets changed.
"""

from collections.abc import Callable
from dataclasses import astuple

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import query_picture
from app.escaping import escape
from app.query_picture import QueryPicture
from app.state import DEFAULT_K, MOST_K, SearchState, read, write
from search.service import VariantStatus

# What a browser's file chooser offers; `pictures.store.decode` looks at the bytes themselves.
PICTURE_TYPES = ("jpg", "jpeg", "png", "webp", "gif", "avif", "bmp", "tif", "tiff")
PICTURE_MB = 16

PILLS = 12  # categories that are shown side by side; more go into a list
MOST_OPTIONS = 1_000  # of a list: a browser draws no more with ease

# Widgets of the session and the values they begin with, in the order of `SearchState`.
BLANK = {
    "text": "",
    "picture_address": "",
    "picture_missing": False,
    "like": "",
    "variant": "",
    "categories": [],
    "brands": [],
    "price_min": None,
    "price_max": None,
    "k": DEFAULT_K,
}


def follow_address() -> list[str]:
    """Take over what the address bar says, where it changed by other hands.

    Returns:
        A sentence about each part of it that cannot be meant.
    """
    session = st.session_state
    now = {name: st.query_params.get_all(name) for name in st.query_params}
    if now == session.get("address") and all(key in session for key in BLANK):
        for key in BLANK:  # a widget that was not on the last page would lose its value
            session[key] = session[key]
        return []
    state, problems = read(now)
    values = [list(value) if isinstance(value, tuple) else value for value in astuple(state)]
    session.update(zip(BLANK, values, strict=True))
    session["address"] = now
    session["more"] = 0
    if not state.upload:
        _drop_upload()
    return problems


def current_state(variant: str) -> SearchState:
    """What the widgets say, with the variant that was settled on; told to the address bar."""
    session = st.session_state
    state = SearchState(
        text=session.text.strip(),
        picture=session.picture_address.strip(),
        upload=session.picture_missing or _upload() is not None,
        like=session.like,
        variant=variant,
        categories=tuple(session.categories),
        brands=tuple(session.brands),
        price_min=session.price_min,
        price_max=session.price_max,
        k=session.k,
    )
    parameters = write(state)
    if parameters != session.address:
        st.query_params.from_dict(parameters)
        session.address = parameters
    return state


def search_box() -> QueryPicture:
    """Words and picture. Returns what became of the picture."""
    words, buttons = st.columns([7, 3], vertical_alignment="bottom")
    words.text_input(
        "What are you looking for?",
        key="text",
        placeholder="red matte lipstick, steel kettle …",
        icon=":material/search:",
        on_change=leave_like,
    )
    with buttons.container(horizontal=True, gap="small"):
        with st.popover("Picture", icon=":material/photo_camera:", width="stretch"):
            _picture_widgets()
        st.button("Search", type="primary", on_click=leave_like, width="stretch")
    return _query_picture()


def filters(statuses: list[VariantStatus], facets: Callable[[], dict[str, dict[str, int]]]) -> None:
    """Categories and brands with their counts, price, number of results, variant.

    A few categories stand like departments above the products; the rest is in the side bar.

    Args:
        statuses: the variants that can be searched.
        facets: counts of each category and brand under the filters of the others.
    """
    counts = facets()
    departments = _options("categories", counts["category"])
    if 0 < len(departments) <= PILLS:
        _departments(departments, counts["category"])
    with st.sidebar:
        st.subheader("Narrow it down", anchor=False)
        if len(departments) > PILLS:
            _choice("Category", "categories", counts["category"])
        _choice("Brand", "brands", counts["brand"])
        low, high = st.columns(2)
        for column, label, key in ((low, "Price from", "price_min"), (high, "to", "price_max")):
            column.number_input(
                label, min_value=0.0, value=None, key=key, placeholder="any", format="%.2f"
            )
        if narrowed():
            offer_clearing("side")
        st.slider("Results at first", 1, MOST_K, key="k", on_change=_fewer)
        st.selectbox(
            "Variant",
            [status.name for status in statuses],
            key="variant",
            help="The model that compares your words and pictures with the products.",
        )


def look_like(product_id: str) -> None:
    """Search for products like one (a button's callback)."""
    st.session_state.like = product_id
    st.session_state.more = 0


def leave_like() -> None:
    """Go back to the query (a button's callback)."""
    look_like("")


def show_more(count: int) -> None:
    """Show that many more results (a button's callback)."""
    st.session_state.more += count


def narrowed() -> bool:
    """Whether any filter is set."""
    session = st.session_state
    prices = (session.price_min, session.price_max)
    return bool(session.categories or session.brands) or prices != (None, None)


def offer_clearing(place: str) -> None:
    """A button that takes all filters away; `place` tells it from its like."""
    st.button(
        "Clear the filters",
        key=f"clear-{place}",
        on_click=_clear_filters,
        icon=":material/filter_alt_off:",
    )


def _options(key: str, counts: dict[str, int]) -> list[str]:
    """Values to choose from, most frequent first; what is chosen is among them in any case."""
    options = dict.fromkeys([*st.session_state[key], *counts])
    most_first = sorted(options, key=lambda option: (-counts.get(option, 0), option))
    return most_first[:MOST_OPTIONS]


def _departments(options: list[str], counts: dict[str, int]) -> None:
    st.pills(
        "Category",
        options,
        selection_mode="multi",
        format_func=lambda option: _counted(option, counts),
        key="categories",
    )


def _choice(label: str, key: str, counts: dict[str, int]) -> None:
    """A list to choose from; not shown where it is empty."""
    if options := _options(key, counts):
        st.multiselect(
            label,
            options,
            format_func=lambda option: _counted(option, counts),
            key=key,
            placeholder="any",
        )


def _counted(option: str, counts: dict[str, int]) -> str:
    return f"{escape(option)} ({counts.get(option, 0):,})"


def _picture_widgets() -> None:
    st.file_uploader(
        "Upload a picture",
        type=PICTURE_TYPES,
        max_upload_size=PICTURE_MB,
        key=_upload_key(),
        on_change=_uploaded,
    )
    st.text_input(
        "or give a picture’s web address",
        key="picture_address",
        placeholder="https://…",
        on_change=_addressed,
    )


def _query_picture() -> QueryPicture:
    """The picture of the query, shown, with a way to take it back."""
    session = st.session_state
    if (file := _upload()) is not None:
        picture = query_picture.uploaded(file, file.file_id)
    elif address := session.picture_address.strip():
        picture = query_picture.fetched(address)
    else:
        return QueryPicture()
    if picture.image:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(picture.image, width=72, alt="The picture you are searching with")
            st.button("Remove the picture", on_click=_remove_picture, icon=":material/close:")
    return picture


def _upload() -> UploadedFile | None:
    return st.session_state.get(_upload_key())


def _upload_key() -> str:
    """The uploader's key; another one means an uploader that is empty again."""
    return f"upload-{st.session_state.get('uploads', 0)}"


def _drop_upload() -> None:
    st.session_state.uploads = st.session_state.get("uploads", 0) + 1


def _uploaded() -> None:
    leave_like()
    st.session_state.picture_missing = False
    st.session_state.picture_address = ""


def _addressed() -> None:
    leave_like()
    query_picture.forget()
    st.session_state.picture_missing = False
    _drop_upload()


def _remove_picture() -> None:
    _addressed()
    st.session_state.picture_address = ""


def _clear_filters() -> None:
    st.session_state.update(categories=[], brands=[], price_min=None, price_max=None)


def _fewer() -> None:
    st.session_state.more = 0
