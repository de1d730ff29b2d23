"""Tables of sentencepiece normalisers: lookups stay inside, replacements are short."""

import base64

import numpy as np
import pytest
from tokenizers.normalizers import Precompiled

from encoder.charsmap import check_charsmap

A = ord("a")


def table(texts=b"xy\0", offset=256, start=0, units=512):
    """A trie that replaces the character a by the text at `start`."""
    trie = np.zeros(units, dtype="<u4")
    trie[0] = offset << 10  # the root's children: units from `offset` on
    # The child's label, that it is the end of a key, and the offset to its value.
    trie[256 ^ A] = A | 1 << 8 | (256 ^ A ^ 300) << 10
    trie[300] = 1 << 31 | start
    return base64.b64encode(trie.nbytes.to_bytes(4, "little") + trie.tobytes() + texts).decode()


def test_a_sound_table_is_taken():
    check_charsmap(table())
    assert Precompiled(base64.b64decode(table())).normalize_str("bab") == "bxyb"


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "no base64!",
        table(offset=512),
        table(start=3),
        table(texts=b"xy"),
        table(texts=b"\xc3\xa9\0", start=1),
        table(texts=b"\xff\0"),
        base64.b64encode((2**31).to_bytes(4, "little") + b"\0" * 8).decode(),
    ],
)
def test_a_table_with_lookups_outside_of_it_is_refused(damaged):
    with pytest.raises(ValueError, match="damaged"):
        check_charsmap(damaged)


def test_a_character_does_not_become_a_long_text():
    with pytest.raises(ValueError, match="can make a text longer"):
        check_charsmap(table(texts=b"x" * 5000 + b"\0"))
