import io

import pytest
from PIL import Image

from app.thumbnails import make_thumbnail, shop_aspect, trim_white


def framed(inner=(40, 20), outer=(100, 100), colour="navy", background="white"):
    picture = Image.new("RGB", outer, background)
    place = [(whole - part) // 2 for whole, part in zip(outer, inner, strict=True)]
    picture.paste(Image.new("RGB", inner, colour), tuple(place))
    return picture


def test_white_borders_are_trimmed_to_a_small_margin():
    assert trim_white(framed()).size == (42, 22)
    assert trim_white(framed(background=(252, 251, 253))).size == (42, 22)


def test_what_is_not_white_is_kept_to_the_edge():
    for picture in (framed(background="grey"), framed(inner=(100, 100)), framed(colour="white")):
        assert trim_white(picture).size == (100, 100)


def test_a_speck_is_no_content():
    picture = framed()
    picture.putpixel((2, 2), (0, 0, 0))
    assert trim_white(picture).size == (42, 22)


def test_a_thumbnail_is_small_and_a_tiny_picture_is_enlarged_a_little(tmp_path):
    sizes = {}
    for name, inner in (("large", (1000, 500)), ("tiny", (60, 80))):
        framed(inner, (1200, 1200)).save(tmp_path / f"{name}.png")
        with Image.open(io.BytesIO(make_thumbnail(str(tmp_path / f"{name}.png")))) as made:
            sizes[name] = made.size
    assert sizes == {"large": (480, 254), "tiny": (192, 252)}


def test_a_file_that_is_gone_or_broken_has_no_thumbnail(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    assert make_thumbnail(str(tmp_path / "a.jpg")) is None
    assert make_thumbnail(str(tmp_path / "gone.jpg")) is None


@pytest.mark.parametrize(
    ("sizes", "aspect"),
    [([(30, 40)] * 3 + [(40, 40)], 0.75), ([(10, 90)], 2 / 3), ([(90, 10)], 3 / 2), ([], 1)],
)
def test_the_aspect_of_a_shop_is_the_median_of_its_pictures(tmp_path, sizes, aspect):
    for number, size in enumerate(sizes):
        (tmp_path / f"{number:02x}").mkdir()
        Image.new("RGB", size).save(tmp_path / f"{number:02x}" / "a.jpg")
    (tmp_path / "00").mkdir(exist_ok=True)
    (tmp_path / "00" / "b.jpg").write_bytes(b"broken")
    assert shop_aspect(tmp_path, "1") == pytest.approx(aspect)
