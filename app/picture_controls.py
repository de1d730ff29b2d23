"""The widgets for the picture of a query: an upload, or a web address."""

import re

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import query_picture
from app.crop_box import show_crop_box
from app.escaping import escape_sentence
from app.query_picture import QueryPicture

# What a browser’s file chooser offers; the decoder goes by the bytes themselves.
PICTURE_TYPES = (
    *("jpg", "jpeg", "jfif", "png", "webp", "gif", "avif", "heic", "heif"),
    *("bmp", "tif", "tiff"),
)
PICTURE_MB = 16
WEB_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


def show_fields(label: str) -> None:
    """Show the field for words, which takes a picture's address too, and the button for a file.

    Args:
        label: of the field.
    """
    st.text_input(
        label,
        key="text",
        type="search",
        placeholder="Words, or a picture’s web address",
        on_change=_take_address,
        args=(st.session_state.text,),
    )
    _show_uploader()


def _show_uploader() -> None:
    """Show the button for a file; `page.js` hands it what is dropped or pasted on the page."""
    with st.container(key="uploader", width="content"):
        st.file_uploader(
            "A picture to search with",
            type=PICTURE_TYPES,
            max_upload_size=PICTURE_MB,
            key=_uploader(),
            on_change=_read_upload,
            label_visibility="collapsed",
        )


def show_picture() -> QueryPicture:
    """Show the whole picture of the query, or why it cannot be used.

    The session's `crop` is the part that is searched with, and can be chosen.
    """
    session = st.session_state
    picture = session.get("failed_upload") or QueryPicture()
    if session.upload:
        picture = query_picture.find_upload(session.upload)
    elif address := session.picture.strip():
        picture = query_picture.fetch(address)
    if not (picture.image or picture.problem):
        return picture
    if picture.problem:
        st.warning(escape_sentence(picture.problem), icon=":material/broken_image:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if picture.image:
            show_crop_box(picture.image)
        with st.container(gap="xsmall", width="content"):
            if picture.image:
                st.caption("Drag on the picture to search with a part of it.")
                if session.crop:
                    st.button("Use all of it", on_click=_uncrop, icon=":material/crop_free:")
            if picture.retry:
                st.button("Try again", on_click=_try_again, icon=":material/refresh:")
            st.button("Remove the picture", on_click=_remove, icon=":material/close:")
    return picture


def _take_address(before: str) -> None:
    """Make the session's `text` the picture of the query, where it is a web address.

    Args:
        before: the words that stay.
    """
    text = st.session_state.text.strip()
    if WEB_ADDRESS.fullmatch(text):
        query_picture.forget()
        empty_uploader()
        st.session_state.update(upload="", picture=text, text=before)


def empty_uploader() -> None:
    """Forget a file that was uploaded and is no picture."""
    st.session_state.failed_upload = None
    st.session_state.uploads = st.session_state.get("uploads", 0) + 1


def release_file(file: UploadedFile) -> None:
    """Remove a file that was read from the server's memory, where it is kept for the session."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def _uploader() -> str:
    """The uploader's key; a new key makes an empty one."""
    return f"upload-{st.session_state.get('uploads', 0)}"


def _read_upload() -> None:
    """Make the uploaded file the picture of the query."""
    session = st.session_state
    session.update(picture="", upload="", failed_upload=None)
    file: UploadedFile | None = session.get(_uploader())
    if file is None:
        return
    session.upload, picture = query_picture.add_upload(file.getvalue())
    if picture.image:
        release_file(file)
        empty_uploader()
    else:
        session.failed_upload = picture


def _try_again() -> None:
    query_picture.forget()
    if st.session_state.get("failed_upload"):
        _read_upload()


def _uncrop() -> None:
    st.session_state.crop = []


def _remove() -> None:
    query_picture.forget()
    empty_uploader()
    st.session_state.update(upload="", picture="")
