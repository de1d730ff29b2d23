"""Drawn pictures: an SVG template, filled with a style and a scene, rendered by resvg."""

import colorsys
import hashlib
import io
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from string import Template
from typing import TypeVar
from xml.etree import ElementTree as ET

import resvg_py
from PIL import Image

from demo.style import Style, paints

T = TypeVar("T")
R = TypeVar("R")

HERE = Path(__file__).parent
SVG = "http://www.w3.org/2000/svg"
SIDE = 224  # pixels; the catalogue keeps a small JPEG byte for byte
QUALITY = 92  # JPEG: no visible loss on gradients at this side, about 9 KB a picture
CHUNK = 16  # pictures of a process's task

# Size is the share of the frame that a product fills. The jitter is a quarter of the gap between
# the two sizes, so that they never meet.
SCALES = {"small": 0.68, "large": 0.96}
SCALE_JITTER = 0.035

# Neutral trims and pale backgrounds: the strong colour of a picture is the product's.
TRIMS = ("#24252a", "#f0eee9", "#c9a45c", "#b8bec5", "#4a4d55")
BACKGROUNDS = (
    ("#f3f5f7", "#d3dae0"),
    ("#f8f4ec", "#e0d7c8"),
    ("#eef3f0", "#cfdbd4"),
    ("#f7eff0", "#dfd0d3"),
    ("#eceff8", "#ccd3e4"),
    ("#e6e6e8", "#c2c3c8"),
)
SHADE_JITTER = (0.008, 0.08, 0.05)  # hue, saturation, value: far below the gaps between colours


@dataclass(frozen=True, slots=True)
class Scene:
    """All that varies between two pictures of one style, none of it an attribute."""

    hue: float
    saturation: float
    value: float
    trim: str
    background: tuple[str, str]
    floor: tuple[str, str]
    horizon: float
    angle: float  # degrees
    scale: float  # factor on the size's own
    shift: float  # in units of the 400 × 400 canvas
    flipped: bool


def draw_scene(rng: Random) -> Scene:
    """A scene at random."""
    hue, saturation, value = (rng.uniform(-limit, limit) for limit in SHADE_JITTER)
    return Scene(
        hue=hue,
        saturation=saturation,
        value=value,
        trim=rng.choice(TRIMS),
        background=rng.choice(BACKGROUNDS),
        floor=rng.choice(BACKGROUNDS),
        horizon=rng.uniform(270, 335),
        angle=rng.uniform(-2, 2),
        scale=1 + rng.uniform(-SCALE_JITTER, SCALE_JITTER),
        shift=rng.uniform(-8, 8),
        flipped=rng.random() < 0.35,
    )


def draw(style: Style, scene: Scene, side: int = SIDE) -> Image.Image:
    """The picture of a product: RGB, `side` × `side` pixels."""
    png = resvg_py.svg_to_bytes(svg_string=svg(style, scene), width=side, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGB")


def jpeg(picture: Image.Image) -> bytes:
    """The bytes of a picture as the shop stores it."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def svg(style: Style, scene: Scene) -> str:
    """The filled template: one complete SVG document."""
    base = _shifted(paints()[style.colour], scene)
    scale = SCALES[style.size] * scene.scale
    wide = -scale if scene.flipped else scale
    pose = (
        f"translate({200 + scene.shift:.2f} 350) rotate({scene.angle:.2f}) "
        f"scale({wide:.4f} {scale:.4f}) translate(-200 -345)"
    )
    return _document(style.kind, style.shape, style.size, style.finish).substitute(
        base=base,
        soft=_mixed(base, "#ffffff", 0.13),
        light=_mixed(base, "#ffffff", 0.36),
        pale=_mixed(base, "#ffffff", 0.74),
        dark=_mixed(base, "#15101c", 0.2),
        deep=_mixed(base, "#15101c", 0.5),
        trim=scene.trim,
        trim_light=_mixed(scene.trim, "#ffffff", 0.45),
        trim_dark=_mixed(scene.trim, "#000000", 0.38),
        wall=scene.background[0],
        wall_edge=scene.background[1],
        floor=scene.floor[0],
        floor_edge=scene.floor[1],
        horizon=f"{scene.horizon:.1f}",
        pose=pose,
    )


def map_in_processes(
    function: Callable[[T], R], items: Sequence[T], workers: int | None = None
) -> list[R]:
    """Apply a function to every item, in `workers` processes; one for each core when None."""
    count = workers or os.cpu_count() or 1
    if count == 1:
        return list(map(function, items))
    # Spawned, not forked: the caller may have threads. The renderer holds the interpreter's lock,
    # so threads would draw no faster.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        return list(pool.map(function, items, chunksize=CHUNK))


def digest() -> str:
    """Eight characters that change when any template or this module does."""
    files = sorted([*HERE.glob("drawings/*.svg"), *HERE.glob("finishes/*.svg")])
    files += [HERE / "scene.svg", HERE / "words" / "style.toml", Path(__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


@cache
def _document(kind: str, shape: str, size: str, finish: str) -> Template:
    """The scene with a drawing in it, with its variants chosen and its colours as placeholders."""
    chosen = {"data-shape": shape, "data-size": size, "data-finish": finish}
    return Template(
        Template((HERE / "scene.svg").read_text(encoding="utf-8")).safe_substitute(
            finish=_inside(HERE / "finishes" / f"{finish}.svg", chosen),
            product=_inside(HERE / "drawings" / f"{kind}.svg", chosen),
        )
    )


def _inside(file: Path, chosen: dict[str, str]) -> str:
    """The content of a file's <svg>, without the variants that were not chosen."""
    ET.register_namespace("", SVG)
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 (our own file)
    _prune(root, chosen)
    return "".join(ET.tostring(child, encoding="unicode") for child in root)


def _prune(parent: ET.Element, chosen: dict[str, str]) -> None:
    for child in list(parent):
        if all(value in child.get(key, value).split() for key, value in chosen.items()):
            _prune(child, chosen)
        else:
            parent.remove(child)


def _shifted(paint: str, scene: Scene) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(*_channels(paint))
    # Greys stay grey: saturation moves in proportion to what there is.
    saturation = min(1.0, saturation * (1 + scene.saturation))
    value = min(1.0, max(0.0, value + scene.value * (0.6 if saturation < 0.2 else 1.0)))
    return _hex(colorsys.hsv_to_rgb((hue + scene.hue) % 1.0, saturation, value))


def _mixed(paint: str, other: str, share: float) -> str:
    pairs = zip(_channels(paint), _channels(other), strict=True)
    return _hex(tuple(a * (1 - share) + b * share for a, b in pairs))


def _channels(paint: str) -> tuple[float, float, float]:
    red, green, blue = (int(paint[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _hex(channels: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
