"""The table of a sentencepiece normaliser, checked before the tokenizers library looks into it.

The library trusts the table: an index outside of it ends the process's thread, and a replacement
may be of any length.
"""

import base64
import binascii
from typing import Any

import numpy as np

# Most bytes of a replacement: U+FDFA becomes 33 in NFKC.
MOST_BYTES = 64


def check_charsmap(encoded: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Check that every lookup in a table stays inside it, and that replacements are short.

    The table is a number of four bytes, a double-array trie of that many bytes (units of 32 bits:
    Aoe 1989, in the layout of darts-clone), and the replacements in UTF-8, each with a zero after
    it. A unit with its highest bit set holds the start of a replacement; another one the offset
    to a block of 256 units.

    Args:
        encoded: `precompiled_charsmap` of a tokenizer.json, base64.

    Raises:
        ValueError: not such a table, or one with longer replacements.
    """
    try:
        table = base64.b64decode(encoded, validate=True)
        size = int.from_bytes(table[:4], "little")
        units = np.frombuffer(table, dtype="<u4", count=size // 4, offset=4).astype(np.int64)
        texts = table[4 + size :]
        texts.decode("utf-8")
    except (binascii.Error, ValueError, TypeError) as error:
        raise ValueError("its table of characters is damaged") from error
    leaf = units >> 31 == 1
    # As darts-clone has it: bit 9 shifts the offset in the upper bits by 8.
    offsets = (units >> 10) << ((units & 0x200) >> 6)
    blocks = (np.arange(len(units)) ^ offsets) | 0xFF
    starts = units[leaf] & 0x7FFFFFFF
    sound = len(units) and (blocks[~leaf] < len(units)).all() and texts.endswith(b"\0")
    if sound and (starts < len(texts)).all():
        first = np.frombuffer(texts, dtype=np.uint8)[starts]
        sound = not ((first & 0xC0) == 0x80).any()  # the middle of a character
    else:
        sound = False
    if not sound:
        raise ValueError("its table of characters is damaged")
    if max(map(len, texts.split(b"\0"))) > MOST_BYTES:
        raise ValueError("its step Precompiled can make a text longer")


def check_charsmaps(step: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Check the tables in a tokenizer's normaliser, and in the steps that it is made of.

    Raises:
        ValueError: one is damaged, or has longer replacements.
    """
    if isinstance(step, dict) and step.get("type") == "Precompiled":
        check_charsmap(step.get("precompiled_charsmap"))
    elif isinstance(step, dict):
        check_charsmaps(step.get("normalizers"))
    elif isinstance(step, list):
        for each in step:
            check_charsmaps(each)
