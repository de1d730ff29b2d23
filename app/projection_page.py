"""The projection page: a sample of the collection on a plane, with a query among its results."""

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from app import bench_address, bench_columns, cards, installation
from app.bench_page import begin
from app.bench_query import BenchQuery, show_query
from app.errors import show_errors
from app.escaping import shorten
from app.links import Links
from app.search_page import page as search_page
from catalog.catalogue import Catalogue
from eval.projection import Located, Projection, locate, project_sample
from search.engine import Engine
from search.results import Result
from vitrine.text import printable

THUMBNAIL = 96  # pixels of the longer side: a sample of 1,000 takes some 2 MB
# Colours of Vega's scheme tableau10, which differ clearly; the rarest values are one group.
COLOURS = ["#4c78a8", "#f58518", "#72b7b2", "#54a24b", "#eeca3b", "#b279a2", "#ff9da6", "#9d755d"]
OTHERS = {"other": "#bab0ac", "none": "#8a8a8a", "the query": "#e45756"}
LEAST_SHARE = 0.2  # of the sample that has an attribute by which it can be coloured
FACTS = {"category": "Category", "brand": "Brand"}
OTHER, NONE, QUERY = OTHERS
PRODUCT, RESULT = "product", "result"
HEIGHT = 560
TITLE = 90


def show() -> None:
    """The page."""
    begun = begin("Projection")
    if begun is None:
        return
    shop, statuses = begun
    query = show_query(shop.home)
    with Catalogue(shop.home, create=False) as catalogue, show_errors("The projection"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            variant = bench_columns.show_variant(
                [status.name for status in installation.searchable(statuses)]
            )
            engine = shop.engine(variant)
            vector = _choose_vector(engine)
            plane = _project(engine, catalogue, vector, engine.collection().generation)
            colour = _choose_colour(plane)
        bench_address.write()
        depth = st.session_state.depth
        located = None
        if not query.is_empty:
            with show_errors("The query"), st.spinner("Searching …"):
                located = locate(engine, query.text, query.image, vector, depth)
        _show_plot(engine, catalogue, plane, colour, query, located)


@dataclass(frozen=True)
class _Plane:
    """What is drawn of a collection, computed once a generation.

    Attributes:
        projection: of a sample.
        facts: of each product of the sample: category, brand and attributes, as text.
        pictures: of each, as a data: address; empty without one.
    """

    projection: Projection
    facts: Sequence[Mapping[str, str]]
    pictures: Sequence[str]


@st.cache_resource(max_entries=6, show_spinner="Projecting a sample of the collection …")
def _project(_engine: Engine, _catalogue: Catalogue, vector: str, generation: str) -> _Plane:
    projection = project_sample(_engine.store, _engine.variant.name, vector)
    products = _catalogue.get(projection.ids)
    facts = []
    for identity, payload in zip(projection.ids, projection.payloads, strict=True):
        own = products[identity].attributes if identity in products else {}
        shared = {name: str(payload[name]) for name in FACTS if payload.get(name)}
        facts.append({name: str(value) for name, value in own.items()} | shared)
    paths = [
        _catalogue.pictures.path(payload["picture"]) if payload.get("picture") else None
        for payload in projection.payloads
    ]
    return _Plane(projection, facts, [_data_address(path) for path in paths])


def _data_address(path: Path | None) -> str:
    """A stored picture as a small data: address; empty where there is none."""
    if path is None:
        return ""
    try:
        with Image.open(path) as stored:
            stored.draft("RGB", (THUMBNAIL, THUMBNAIL))  # JPEG is decoded at a fraction of its size
            picture = stored.convert("RGB")
    except OSError:
        return ""
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _choose_vector(engine: Engine) -> str:
    vectors = list(engine.collection().vectors)
    if st.session_state.vector not in vectors:
        st.session_state.vector = "fused" if "fused" in vectors else vectors[0]
    st.selectbox("Vector", vectors, key="vector", width=140)
    return st.session_state.vector


def _choose_colour(plane: _Plane) -> str:
    """Show what the products can be coloured by: what enough of them have, in several values."""
    counts = Counter(name for facts in plane.facts for name in facts)
    most = LEAST_SHARE * len(plane.facts)
    names = [name for name, count in counts.most_common() if name in FACTS or count >= most]
    options = sorted(names, key=lambda name: (name not in FACTS, names.index(name))) or ["category"]
    if st.session_state.colour not in options:
        st.session_state.colour = options[0]
    st.selectbox(
        "Coloured by",
        options,
        format_func=lambda name: FACTS.get(name, printable(name)),
        key="colour",
        width=200,
    )
    return st.session_state.colour


def _show_plot(
    engine: Engine,
    catalogue: Catalogue,
    plane: _Plane,
    colour: str,
    query: BenchQuery,
    located: Located | None,
) -> None:
    rows = _rows(catalogue, plane, colour, query, located)
    along = plane.projection.explained
    count = len(plane.projection.ids)
    picked = st.vega_lite_chart(
        rows,
        _spec(colour, rows, has_query=located is not None),
        height=HEIGHT,
        on_select="rerun",
        key="projection",
        alt=f"{count:,} products on a plane, coloured by {colour}, with the query and its results.",
    )
    marks = "The cross is the query, diamonds are its results. " if located else ""
    st.caption(
        f"{marks}{count:,} products of {engine.collection().points:,}, drawn at random, along the "
        f"two axes on which their vectors vary most: {along[0]:.0%} and {along[1]:.0%} of the "
        "variance. What is near on the plane may be far in the space; results are found in the "
        "space. Hover over a point for its picture, or choose it to see the product below."
    )
    found = list(located.found.results) if located else []
    links = Links(search_page(), query.search_state(engine.variant.name))
    pictures = catalogue.pictures.path
    chosen = [each["id"] for each in picked["selection"].get("picked", []) if each.get("id")]
    if payloads := engine.products(chosen):
        st.header("Chosen", anchor=False)
        products = [Result(1, name, 0.0, "", payload) for name, payload in payloads.items()]
        cards.show_cards("chosen", products, pictures, links, strip=True)
    if found:
        st.header("Results of the query", anchor=False)
        cards.show_cards("projected", found, pictures, links, strip=True)


def _rows(
    catalogue: Catalogue,
    plane: _Plane,
    colour: str,
    query: BenchQuery,
    located: Located | None,
) -> list[dict[str, Any]]:
    """The points of the plot; what is last is drawn above the others."""
    found = located.found.results if located else ()
    values = Counter(facts[colour] for facts in plane.facts if colour in facts)
    frequent = {value for value, _ in values.most_common(len(COLOURS))}

    def group(value: str | None) -> str:
        if value is None:
            return NONE
        return shorten(value, 40) if value in frequent else OTHER

    results = {result.id for result in found}
    projection = plane.projection
    each = zip(
        projection.ids, projection.payloads, projection.points, plane.facts, plane.pictures,
        strict=True,
    )  # fmt: skip
    rows = [
        _row(identity, payload, place, group(facts.get(colour)), picture, PRODUCT)
        for identity, payload, place, facts, picture in each
        if identity not in results
    ]
    if located is None:
        return rows
    products = catalogue.get(results)
    places = projection.project(located.vectors)
    for result, place in zip(found, places, strict=False):
        own = products[result.id].attributes if result.id in products else {}
        value = result.product.get(colour) or own.get(colour)
        stored = result.product.get("picture")
        picture = _data_address(catalogue.pictures.path(stored)) if stored else ""
        label = f"{RESULT} {result.rank}"
        row = _row(
            result.id, result.product, place, group(None if value is None else str(value)),
            picture, RESULT,
        )  # fmt: skip
        rows.append(row | {"what": label})
    [place] = projection.project(located.query[None, :])
    rows.append(_row("", {"title": query.text or "a picture"}, place, QUERY, "", QUERY))
    return rows


def _row(
    identity: str,
    payload: Mapping[str, Any],
    place: Sequence[float],
    group: str,
    picture: str,
    kind: str,
) -> dict[str, Any]:
    return {
        "id": identity,
        "x": float(place[0]),
        "y": float(place[1]),
        "title": shorten(payload.get("title", identity), TITLE),
        "group": group,
        "image": picture,
        "kind": kind,
        "what": kind,
    }


def _spec(colour: str, rows: Sequence[Mapping[str, Any]], *, has_query: bool) -> dict[str, Any]:
    """The plot in Vega-Lite's grammar, whose tooltip shows `title` and `image` as such."""
    kinds = [PRODUCT, RESULT, QUERY]
    counts = Counter(row["group"] for row in rows)
    groups = [group for group, _ in counts.most_common() if group not in OTHERS]
    colours = dict(zip(groups, COLOURS, strict=False))
    colours |= {group: OTHERS[group] for group in OTHERS if group in counts}
    axis = {"type": "quantitative", "axis": None, "scale": {"zero": False, "nice": True}}
    by_kind = {"field": "kind", "type": "nominal"}
    return {
        "mark": {"type": "point", "filled": True},
        "params": [{"name": "picked", "select": {"type": "point", "fields": ["id"]}}],
        "encoding": {
            "x": axis | {"field": "x"},
            "y": axis | {"field": "y"},
            "color": {
                "field": "group",
                "type": "nominal",
                "title": FACTS.get(colour, colour),
                "scale": {"domain": list(colours), "range": list(colours.values())},
                "legend": {"orient": "bottom", "columns": 4, "labelLimit": 150},
            },
            "shape": by_kind
            | {
                "scale": {"domain": kinds, "range": ["circle", "diamond", "cross"]},
                "legend": None,
            },
            "size": by_kind | {"scale": {"domain": kinds, "range": [36, 190, 420]}, "legend": None},
            "opacity": by_kind
            | {
                "scale": {"domain": kinds, "range": [0.5 if has_query else 0.75, 1, 1]},
                "legend": None,
            },
            "stroke": {
                "condition": {"test": f"datum.kind === '{RESULT}'", "value": OTHERS[QUERY]},
                "value": None,
            },
            "tooltip": [
                {"field": "title", "title": "title"},
                {"field": "image", "title": "image"},
                {"field": "group", "title": printable(FACTS.get(colour, colour))},
                {"field": "what", "title": "Kind"},
            ],
        },
    }
