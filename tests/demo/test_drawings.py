"""The drawings: complete, decodable, the same every time, and different where styles differ."""

from random import Random
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from demo.drawing import HERE, SIDE, draw, draw_scene, jpeg, svg
from demo.style import ATTRIBUTES, Style, every_style, kinds
from pictures.decoder import decode

SCENE = draw_scene(Random("a scene"))


def usual_look(kind: str) -> Style:
    return every_style(kinds()[kind])[0]


def with_value(style: Style, attribute: str, value: str) -> Style:
    parts = {name: getattr(style, name) for name in ATTRIBUTES}
    return Style(style.kind, **{**parts, attribute: value})


def difference(one: Style, other: Style) -> float:
    a, b = (np.asarray(draw(style, SCENE, 96), dtype=float) for style in (one, other))
    return float(np.abs(a - b).mean())


def test_there_is_one_drawing_for_each_of_sixteen_kinds():
    assert len(kinds()) == 16
    assert {file.stem for file in HERE.glob("drawings/*.svg")} == set(kinds())


@pytest.mark.parametrize("kind", kinds())
def test_a_drawing_has_exactly_the_shapes_and_sizes_of_its_kind(kind):
    root = ET.parse(HERE / "drawings" / f"{kind}.svg").getroot()  # noqa: S314 (our own file)
    drawn = {
        name: {value for each in root.iter() for value in each.get(f"data-{name}", "").split()}
        for name in ("shape", "size")
    }
    assert drawn["shape"] <= set(kinds()[kind].values["shape"])
    assert drawn["size"] <= set(kinds()[kind].values["size"])


@pytest.mark.parametrize("kind", kinds())
def test_each_attribute_is_visible(kind):
    style = usual_look(kind)
    for attribute in ATTRIBUTES:
        for value in list(kinds()[kind].values[attribute])[1:]:
            assert difference(style, with_value(style, attribute, value)) > 0.5, (attribute, value)


@pytest.mark.parametrize("kind", kinds())
def test_no_style_leaves_a_placeholder(kind):
    for style in every_style(kinds()[kind])[::7]:
        text = svg(style, SCENE)
        assert "$" not in text
        ET.fromstring(text)  # noqa: S314 (our own text)


def test_the_same_style_in_the_same_scene_is_the_same_picture():
    style = usual_look("kettle")
    assert jpeg(draw(style, SCENE)) == jpeg(draw(style, draw_scene(Random("a scene"))))
    assert jpeg(draw(style, SCENE)) != jpeg(draw(style, draw_scene(Random("another scene"))))


def test_a_picture_decodes_at_the_side_that_the_catalogue_stores():
    picture = decode(jpeg(draw(usual_look("blender"), SCENE)))
    assert picture.size == (SIDE, SIDE)
    assert picture.mode == "RGB"
    assert np.asarray(picture).std() > 10


def test_a_red_product_is_red_at_its_place():
    style = Style("refrigerator", "red", "matte", "stacked", "large")
    red, green, blue = np.asarray(draw(style, SCENE))[120, 100:124].astype(int).mean(axis=0)
    assert red > 2 * max(green, blue)
