"""Read a page of Streamlit’s test runner, and press its buttons."""

import io

from app.escaping import JOINER
from tests import shop


def titles(page):
    return [text.value for text in page.text]


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
    return [heading.value for heading in page.subheader]


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


def facts(page):
    return [caption.value for caption in page.caption if " · " in caption.value][1:]
