"""The encoding of a text file, and its text as UTF-8.

UTF-8 with a few damaged bytes stays UTF-8: the rows that hold them are dropped, where another
encoding would garble every name of the file. What is not UTF-8 is most often Windows-1252, which
charset-normalizer finds in long texts only, and takes for its neighbours in a price list; so
Windows-1252 is tried first, and its letters and signs decide.
"""

import codecs
import io
import re
from contextlib import suppress
from typing import cast

from charset_normalizer import CharsetMatches, from_bytes

from catalog.formats.alphabets import by_header, by_letters, by_script
from catalog.formats.contents import DAMAGE, read_head

CHUNK = 2**16  # bytes
HEADER_LINES = 3  # a title may stand above the names of the columns
MAX_HEADER = 2**12  # bytes
# Text around the bytes that are not ASCII: what the encoding is decided from.
SAMPLE = 2**16  # bytes
PIECE = re.compile(rb"[^\n]{0,100}[\x80-\xff][^\n]{0,400}")

# Longest first: the mark of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Encodings of spreadsheets and shop systems; those of one alphabet that differ in a few signs only
# are left out.
CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1257", "mac_roman"),
    *("cp850", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
NEIGHBOURS = ("cp1250", "cp1254", "cp1257")  # Latin letters too: only the language tells them apart
FEW = 20  # zero bytes on one side, for one on the other (U+0100, U+4E00 and the like)
MIN_ZEROS = 50  # a text of UTF-16 has at least one zero byte in so many bytes
MIN_COHERENT = 12  # bytes that are not ASCII; fewer have no coherence with any language
MARGIN = 0.02  # of charset-normalizer's coherence with a language, from 0 to 1
FEW_SIGNS = 200  # bytes that are not ASCII: too few for charset-normalizer to be right
MIN_SIGNS = 4  # bytes that are not ASCII; fewer are damage where they are odd
MAX_ODD = 0.1  # share of odd characters in a text whose encoding is right

# What Windows-1252 makes of other encodings: a sign within a word ("M³ynek"), a capital after a
# small letter ("ThŽi"), three letters in a row that are not ASCII ("Êîôå"), undefined bytes.
ODD = re.compile(
    r"(?<=[^\W\d_])[^\w\s‘’´–—·®™…©«»\x00-\x7f](?=[^\W\d_])"
    r"|(?<=[^\W\d_])[¹²³ºª¼½¾](?=[^\W\d_])"
    r"|(?<=[a-zß-öø-ÿ])[À-ÖØ-ÞŠŒŽŸ](?=[a-zß-öø-ÿ])"
    r"|[À-ÖØ-öø-ÿŠŒŽšœžŸ]{3,}"
    r"|(?<![^\W\d_])ÿ|\ufffd"
)
# Alphabets that texts of a few rows are known by, as bytes of their encodings: Hebrew has no
# capitals, and is a part of the small letters of Windows-1251; Polish has signs that are no letters
# in other encodings.
ALPHABETS = {
    "cp1255": bytes(range(0xE0, 0xFB)),
    "cp1250": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ".encode("cp1250"),
}
MIN_LETTERS = 12  # that are not ASCII
MAX_OTHERS = 0.05  # share of signs that are no letters, as quotes
# What Windows-1252 makes of Windows-1250 in a text that is too short for charset-normalizer:
# letters that no language of Western Europe has together. One of each of the first two groups,
# and none of the last.
TOGETHER = (
    ("ø", "ìùò", ""),  # Czech ř, ě, ů, ň
    ("èìòøæ", "šž", ""),  # Czech, Slovak, Croatian: č, ě, ň, ř, ć beside letters in one place
    ("ãâî", "þº", ""),  # Romanian ă, ţ, ş
    ("õû", "öü", "ãêèçä"),  # Hungarian ő, ű; not Portuguese, French, Estonian
)
DECLARED = re.compile(rb"<\?xml[^>]{0,100}encoding=[\"']([\w.-]{1,40})[\"']")
LATIN = {"iso8859-1": "cp1252", "ascii": "cp1252"}  # as browsers read them
# In place of bytes that are damaged: a half of a surrogate pair, which no file holds.
DAMAGED = "\udcff"
codecs.register_error("damaged", lambda error: (DAMAGED, cast(UnicodeDecodeError, error).end))


def find_encoding(data: io.BufferedReader) -> str:
    """The encoding of a text, read from its beginning.

    The text is read until its first bytes that are not ASCII, wherever they are, and on until
    `SAMPLE` bytes of text around such bytes are found; of a text that has none, to its end.
    """
    head = read_head(data, CHUNK)
    for mark, encoding in MARKS.items():
        # Blanks and digits of a wide text have zero bytes: without any, the mark is damage.
        if head.startswith(mark) and (encoding == "utf-8" or b"\0" in head[len(mark) :]):
            return encoding
    if wide := _utf16(head):
        return wide
    sample = b""
    header = b"\n".join(head.lstrip().split(b"\n", HEADER_LINES)[:HEADER_LINES])[:MAX_HEADER]
    with suppress(*DAMAGE):  # raised again for its rows
        while head and len(sample) < SAMPLE:
            if not head.endswith(b"\n"):
                head += data.readline(CHUNK)
            if not head.isascii():
                sample += b"\n".join(PIECE.findall(head)) + b"\n"
            head = data.read(CHUNK)
    return _of_sample(sample[:SAMPLE], header)


def declared_encoding(head: bytes) -> str:
    """The encoding that an XML text of single bytes declares; empty if none, or none known."""
    declared = DECLARED.match(head)
    if not declared:
        return ""
    try:
        name = codecs.lookup(declared[1].decode()).name
    except LookupError:
        return ""
    return "" if name.startswith("utf") else LATIN.get(name, name)


def _utf16(head: bytes) -> str:
    """UTF-16 without a mark: white space and digits have a zero byte, always on the same side."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if MIN_ZEROS * (even + odd) < len(head):
        return ""
    if odd > FEW * even:
        return "utf-16-le"
    return "utf-16-be" if even > FEW * odd else ""


def _of_sample(sample: bytes, header: bytes) -> str:
    text = sample.decode("utf-8", "surrogateescape")
    damaged = len(re.findall("[\udc80-\udcff]", text))
    if damaged <= len(re.findall("[^\x00-\x7f\udc80-\udcff]", text)):
        return "utf-8"
    if named := by_header(header, CANDIDATES):
        return named
    matches = from_bytes(sample, cp_isolation=list(CANDIDATES), enable_fallback=False)
    western = sample.decode("cp1252", "replace")
    signs = len(re.findall(r"[^\x00-\x7f]", western))
    if signs < FEW_SIGNS and (only := by_letters(sample)):
        return only
    if sum(len(found[0]) for found in ODD.finditer(western)) > MAX_ODD * signs:
        if signs < FEW_SIGNS and (only := by_script(sample)):
            return only
        for name, alphabet in ALPHABETS.items():
            letters = sum(map(sample.count, alphabet))
            if letters >= MIN_LETTERS and signs - letters <= MAX_OTHERS * signs:
                return name
        best = matches.best() if signs >= MIN_SIGNS else None
        return best.encoding if best else "utf-8"
    usual = _coherence(matches, "cp1252")
    closest = max(NEIGHBOURS, key=lambda name: _coherence(matches, name))
    if signs >= MIN_COHERENT and _coherence(matches, closest) > usual + MARGIN:
        return closest
    found = set(western.casefold())
    eastern = any(
        not found.isdisjoint(one) and not found.isdisjoint(other) and found.isdisjoint(none)
        for one, other, none in TOGETHER
    )
    return "cp1250" if eastern else "cp1252"


def _coherence(matches: CharsetMatches, encoding: str) -> float:
    found = (each.coherence for each in matches if encoding in each.could_be_from_charset)
    return max(found, default=0.0)


def open_as_utf8(data: io.BufferedReader, encoding: str) -> io.BufferedReader:
    """A text as UTF-8 without a byte order mark; damaged bytes stay invalid in it."""
    if encoding != "utf-8":
        return io.BufferedReader(_Transcoded(data, encoding), CHUNK)
    if data.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
        data.read(len(codecs.BOM_UTF8))
    return data


class _Transcoded(io.RawIOBase):
    """A text of another encoding, as UTF-8."""

    def __init__(self, data: io.BufferedReader, encoding: str) -> None:
        self._data = data
        self._decoder = codecs.getincrementaldecoder(encoding)("damaged")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            chunk = self._data.read(CHUNK)
            text = self._decoder.decode(chunk, final=not chunk)
            self._left = text.replace("\ufeff", "").encode("utf-8", "surrogatepass")
            if not chunk:
                break
        taken = min(len(buffer), len(self._left))
        buffer[:taken] = self._left[:taken]
        self._left = self._left[taken:]
        return taken
