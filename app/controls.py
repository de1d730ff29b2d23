"""The widgets of a search, in step with the address bar.

The widgets' values are kept in the session under the names of the fields of `SearchState`. The
address bar is read when something else changed it (a link, a reload, the back button) and written
whenever the widgets changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import attribute_controls, query_picture
from app.escaping import escape
from app.query_picture import QueryPicture
from app.state import MAX_K, SearchState, read_parameters, write_parameters
from search.facets import CategoryCount, Facets

# What a browser’s file chooser offers; the decoder goes by the bytes themselves.
PICTURE_TYPES = (
    *("jpg", "jpeg", "jfif", "png", "webp", "gif", "avif", "heic", "heif"),
    *("bmp", "tif", "tiff"),
)
PICTURE_MB = 16

PILLS = 12  # categories that are shown side by side; more go into a list
MAX_OPTIONS = 1_000  # of a list; more make a browser slow


def read_address() -> list[str]:
    """Set the widgets to the address bar where something else than the page changed it.

    Returns:
        A sentence about each parameter that is invalid.
    """
    session = st.session_state
    address = {name: st.query_params.get_all(name) for name in st.query_params}
    fields = asdict(SearchState())
    if address == session.get("address") and all(key in session for key in fields):
        for key in fields:  # Streamlit drops the value of a widget that was not on the last page
            session[key] = session[key]
        return []
    state, problems = read_parameters(address)
    for key, value in asdict(state).items():
        session[key] = list(value) if isinstance(value, tuple) else value
    session.address = address
    session.more = 0
    if not state.upload:
        _drop_upload()
    return problems


def search_state() -> SearchState:
    """The state of the widgets, which is written to the address bar."""
    session = st.session_state
    state = SearchState(
        text=session.text.strip(),
        picture=session.picture.strip(),
        upload=session.upload or _upload() is not None,
        like=session.like,
        variant=session.variant,
        categories=tuple(session.categories),
        brands=tuple(session.brands),
        price_min=session.price_min,
        price_max=session.price_max,
        in_stock=session.in_stock,
        where=tuple(session.where),
        k=session.k,
    )
    parameters = write_parameters(state)
    if parameters != session.address:
        st.query_params.from_dict(parameters)
        session.address = parameters
    return state


def show_search_box() -> QueryPicture:
    """Show the fields for words and picture; return the picture."""
    words, buttons = st.columns([7, 3], vertical_alignment="bottom")
    words.text_input(
        "What are you looking for?",
        key="text",
        placeholder="red matte lipstick, steel kettle …",
        icon=":material/search:",
        on_change=end_more_like,
    )
    with buttons.container(horizontal=True, gap="small"):
        with st.popover("Picture", icon=":material/photo_camera:", width="stretch"):
            _picture_fields()
        st.button("Search", type="primary", on_click=end_more_like, width="stretch")
    return _read_picture()


def show_filters(variants: list[str], facets: Facets) -> None:
    """Show categories, brands and attributes with counts, price, number of results and variant.

    A few categories are shown above the products; everything else is in the side bar.

    Args:
        variants: those that can be searched.
        facets: of the products that pass the filters.
    """
    counts = {each.path: each.count for each in _flat(facets.categories)}
    departments = {each.path: each.count for each in facets.categories}
    categories = _options("categories", departments)
    if 0 < len(categories) <= PILLS:
        _category_pills(categories, counts)
    _show_next_steps(facets.categories)
    with st.sidebar:
        st.subheader("Filters", anchor=False)
        if len(categories) > PILLS:
            _list("Category", "categories", departments)
        attribute_controls.show_stock(facets)
        _list("Brand", "brands", facets.brands)
        attribute_controls.show_prices(facets)
        low, high = st.columns(2)
        for column, label, key in ((low, "Price from", "price_min"), (high, "to", "price_max")):
            column.number_input(
                label, min_value=0.0, value=None, key=key, placeholder="any", format="%.2f"
            )
        attribute_controls.show_attributes(facets)
        if has_filters():
            show_clear_button("side")
        st.slider("Results", 1, MAX_K, key="k", on_change=_show_first)
        st.selectbox(
            "Variant",
            variants,
            key="variant",
            help="The model that compares your words and pictures with the products.",
        )


def more_like(product_id: str) -> None:
    """Search for products like one (a button's callback)."""
    st.session_state.like = product_id
    st.session_state.more = 0


def end_more_like() -> None:
    """Go back to the query (a button's callback)."""
    more_like("")


def show_more(count: int) -> None:
    """Show that many more results (a button's callback)."""
    st.session_state.more += count


def has_filters() -> bool:
    """Whether any filter is set."""
    session = st.session_state
    prices = (session.price_min, session.price_max)
    chosen = (session.categories, session.brands, session.in_stock, session.where)
    return any(chosen) or prices != (None, None)


def show_clear_button(key: str) -> None:
    """Show a button that removes all filters.

    Args:
        key: differs from that of the page's other buttons of this kind.
    """
    st.button(
        "Clear the filters",
        key=f"clear-{key}",
        on_click=_clear_filters,
        icon=":material/filter_alt_off:",
    )


def _options(key: str, counts: dict[str, int]) -> list[str]:
    """Values to choose from, most frequent first, among them those that are chosen."""
    options = dict.fromkeys([*st.session_state[key], *counts])
    most_first = sorted(options, key=lambda option: (-counts.get(option, 0), option))
    return most_first[:MAX_OPTIONS]


def _flat(categories: Sequence[CategoryCount]) -> Iterator[CategoryCount]:
    for each in categories:
        yield each
        yield from _flat(each.children)


def _show_next_steps(categories: Sequence[CategoryCount]) -> None:
    """Show the steps below the one category that is chosen."""
    chosen = st.session_state.categories
    below = [each for each in _flat(categories) if [each.path] == chosen and each.children]
    if below:
        steps = {each.path: each for each in below[0].children[:PILLS]}
        st.pills(
            "Narrower",
            list(steps),
            format_func=lambda path: _with_count(
                steps[path].name, {steps[path].name: steps[path].count}
            ),
            key="next step",
            on_change=_choose_step,
        )


def _choose_step() -> None:
    if step := st.session_state["next step"]:
        st.session_state.categories = [step]
    st.session_state["next step"] = None


def _category_pills(options: list[str], counts: dict[str, int]) -> None:
    st.pills(
        "Category",
        options,
        selection_mode="multi",
        format_func=lambda option: _with_count(option, counts),
        key="categories",
    )


def _list(label: str, key: str, counts: dict[str, int]) -> None:
    """A list to choose from; not shown where it is empty."""
    if options := _options(key, counts):
        st.multiselect(
            label,
            options,
            format_func=lambda option: _with_count(option, counts),
            key=key,
            placeholder="any",
        )


def _with_count(option: str, counts: dict[str, int]) -> str:
    return f"{escape(option)} ({counts.get(option, 0):,})"


def _picture_fields() -> None:
    st.file_uploader(
        "Upload a picture",
        type=PICTURE_TYPES,
        max_upload_size=PICTURE_MB,
        key=_upload_key(),
        on_change=_picture_uploaded,
    )
    st.text_input(
        "or enter a picture’s web address",
        key="picture",
        placeholder="https://…",
        on_change=_address_entered,
    )


def _read_picture() -> QueryPicture:
    """The picture of the query, shown with a button to remove it."""
    if (file := _upload()) is not None:
        picture = query_picture.read_upload(file, file.file_id)
    elif address := st.session_state.picture.strip():
        picture = query_picture.fetch(address)
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
    """The uploader's key; a new key makes an empty uploader."""
    return f"upload-{st.session_state.get('uploads', 0)}"


def _drop_upload() -> None:
    st.session_state.uploads = st.session_state.get("uploads", 0) + 1


def _picture_uploaded() -> None:
    end_more_like()
    st.session_state.upload = False
    st.session_state.picture = ""


def _address_entered() -> None:
    end_more_like()
    query_picture.forget()
    st.session_state.upload = False
    _drop_upload()


def _remove_picture() -> None:
    _address_entered()
    st.session_state.picture = ""


def _clear_filters() -> None:
    st.session_state.update(
        categories=[], brands=[], price_min=None, price_max=None, in_stock=False, where=[]
    )


def _show_first() -> None:
    st.session_state.more = 0
