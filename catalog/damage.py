"""Text of the catalogue whose bytes on the disk are damaged."""

from pictures.content_folder import HASH


class DamagedText(str):
    """Text that is not UTF-8 on the disk, with replacement characters.

    Attributes:
        raw: The bytes.
    """

    raw: bytes


def decode(raw: bytes) -> str:
    """Text of the database: a string, or `DamagedText`."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        text = DamagedText(raw.decode("utf-8", "replace"))
        text.raw = raw
        return text


def sound(value: object) -> str | None:
    """A cell of a text column; None where that is NULL or damaged."""
    return value if type(value) is str else None


def is_hash(value: object) -> bool:
    """Whether a cell is the hash of a picture."""
    return isinstance(value, str) and HASH.fullmatch(value) is not None
