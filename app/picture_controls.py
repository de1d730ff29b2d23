"""The widgets for the picture of a query: an upload, or a web address."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import query_picture
from app.escaping import escape_sentence
from app.query_picture import QueryPicture

# What a browser’s file chooser offers; the decoder goes by the bytes themselves.
PICTURE_TYPES = (
    *("jpg", "jpeg", "jfif", "png", "webp", "gif", "avif", "heic", "heif"),
    *("bmp", "tif", "tiff"),
)
PICTURE_MB = 16


def show_fields() -> None:
    """Show the fields for an upload and for a web address."""
    st.file_uploader(
        "Upload a picture",
        type=PICTURE_TYPES,
        max_upload_size=PICTURE_MB,
        key=_uploader(),
        on_change=_read_upload,
    )
    st.text_input(
        "or enter a picture’s web address",
        key="picture",
        placeholder="https://…",
        on_change=_address_entered,
    )


def show_picture() -> QueryPicture:
    """Show the picture of the query with a button to remove it, or why it cannot be used."""
    session = st.session_state
    picture = session.get("failed_upload") or QueryPicture()
    if session.upload:
        picture = query_picture.find_upload(session.upload)
    elif address := session.picture.strip():
        picture = query_picture.fetch(address)
    if picture.image:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(picture.image, width=72, alt="The picture you are searching with")
            st.button("Remove the picture", on_click=_remove, icon=":material/close:")
    elif picture.problem:
        st.warning(escape_sentence(picture.problem), icon=":material/broken_image:")
        if picture.retry:
            st.button("Try again", on_click=_try_again, icon=":material/refresh:")
    return picture


def empty_uploader() -> None:
    """Forget a file that was uploaded and is no picture."""
    st.session_state.failed_upload = None
    st.session_state.uploads = st.session_state.get("uploads", 0) + 1


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
        empty_uploader()
    else:
        session.failed_upload = picture


def _try_again() -> None:
    query_picture.forget()
    if st.session_state.get("failed_upload"):
        _read_upload()


def _address_entered() -> None:
    query_picture.forget()
    st.session_state.upload = ""
    empty_uploader()


def _remove() -> None:
    _address_entered()
    st.session_state.picture = ""
