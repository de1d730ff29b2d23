"""Picture files for tests."""

import io
from pathlib import Path

from PIL import Image


def encoded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    """A picture as a file of a format."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def noise(width: int = 500, height: int = 400) -> Image.Image:
    """Grey noise, which no format compresses well."""
    return Image.effect_noise((width, height), 40).convert("RGB")


def heif(name: str) -> bytes:
    """A file of `tests/pictures/heif`, which libheif and x265 made: no encoder is installed."""
    return (Path(__file__).parent / "heif" / f"{name}.heic").read_bytes()
