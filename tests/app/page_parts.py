"""Read a page of Streamlit’s test runner, and press its buttons."""

import io
import re
from urllib.parse import parse_qs

from app.escaping import JOINER
from tests import shop


def titles(page):
    """The titles of the products that are shown, each a link to its view."""
    return [
        plain(link.proto.label) for link in links(page) if "product=" in link.proto.query_string
    ]


def links(page):
    return page.get("page_link")


def labels(page):
    """What the page's links are called."""
    return [plain(link.proto.label) for link in links(page)]


def plain(label):
    """The text of Markdown that a link shows."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\*\*", "", label)).replace(JOINER, "")


def follow(page, label):
    """Open the first link with a label."""
    [target, *_] = [
        link.proto.query_string for link in links(page) if plain(link.proto.label) == label
    ]
    page.query_params.clear()
    for name, values in parse_qs(target).items():
        page.query_params[name] = values
    return page.run()


def messages(page):
    """The text of all the page's boxes."""
    assert not page.exception
    return " ".join(box.value for box in [*page.error, *page.warning, *page.info])


def everything(page):
    """All text of the page as a visitor reads it."""
    boxes = [*page.error, *page.warning, *page.info, *page.text, *page.caption, *page.markdown]
    tables = [table.value.to_csv() for table in page.dataframe]
    return " ".join([*(box.value for box in boxes), *tables]).replace("\\", "").replace(JOINER, "")


def address(page):
    """The address bar's parameters, each a list."""
    parameters = page.query_params.items()
    return {name: value if isinstance(value, list) else [value] for name, value in parameters}


def scores(page):
    return [caption.value for caption in page.caption if caption.value.startswith("score")]


def headings(page):
    return [heading.value for heading in [*page.header, *page.subheader]]


def press(page, label, place=0):
    return [button for button in page.button if button.label == label][place].click().run()


def upload(page, data, name="photo.png"):
    return page.file_uploader[0].set_value((name, data, "image/png")).run()


def encoded(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def drawn(product_id):
    return encoded(shop.draw(product_id))
