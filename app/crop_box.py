"""The box on the query's picture, around the part that is searched with."""

import base64
import io
from pathlib import Path

import streamlit as st
from PIL import Image

from app.state import WHOLE, is_crop

FILES = Path(__file__).with_suffix("")
SIDE = 480  # pixels of the picture's longer side: it is shown at 240, on screens of two a point
EDGES = ("Left", "Upper", "Right", "Lower")
KEY = "crop box"

HTML = f"""<div class="picture"><div class="shaded">
<img alt="The picture you are searching with" draggable="false"><div class="light"></div></div>
<div class="part">{
    "".join(
        f'<span role="slider" tabindex="0" aria-label="{edge} edge of the part to search with" '
        f'aria-orientation="{"horizontal" if number % 2 == 0 else "vertical"}" '
        'aria-valuemin="0" aria-valuemax="100"></span>'
        for number, edge in enumerate(EDGES)
    )
}</div></div>"""

_mount = st.components.v2.component(
    "vitrine.crop_box",
    html=HTML,
    css=FILES.with_suffix(".css").read_text(encoding="utf-8"),
    js=FILES.with_suffix(".js").read_text(encoding="utf-8"),
)


def show_crop_box(picture: Image.Image) -> None:
    """Show the query's picture with the box; the session's `crop` follows it.

    Args:
        picture: RGB, whole.
    """
    edges = st.session_state.crop or WHOLE
    data = {"picture": _address(picture), "edges": list(edges)}
    _mount(key=KEY, data=data, width="content", on_edges_change=_follow_box)


def _follow_box() -> None:
    edges = st.session_state[KEY].edges
    if not (isinstance(edges, list) and all(isinstance(each, int) for each in edges)):
        return
    if tuple(edges) == WHOLE:
        st.session_state.crop = []
    elif is_crop(edges):
        st.session_state.crop = edges


def _address(picture: Image.Image) -> str:
    """The picture as a data address."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
