"""What a few words are known by: the letters of languages, and the common characters of scripts.

A file of one or two rows has too few bytes for statistics. In the right encoding, its words have
the letters of one language and capitals at their beginning only; in others they rarely do.
"""

import re
import unicodedata

from catalog.column_names import key
from catalog.usual_names import USUAL_NAMES

# Languages with letters that Windows-1252 has not: their encoding and those letters, all in lower
# case. Languages whose letters it has come first: what one of them explains is not looked at.
WESTERN = ("áðéíóúýþæö", "àâäáãåæçèéêëìíîïñòóôõöøùúûüßœ")  # Icelandic; all others
LANGUAGES = (
    ("cp1254", "çğıöşüâîû"),  # Turkish
    ("cp1250", "ąćęłńóśźż"),  # Polish
    ("cp1250", "áčďéěíňóřšťúůýž"),  # Czech
    ("cp1250", "áäčďéíĺľňóôŕšťúýž"),  # Slovak
    ("cp1250", "áéíóöőúüű"),  # Hungarian
    ("cp1250", "ăâîşţ"),  # Romanian
    ("cp1250", "čćđšž"),  # Croatian, Slovene
    ("cp1257", "ąčęėįšųūž"),  # Lithuanian
    ("cp1257", "āčēģīķļņšūž"),  # Latvian
)
SCRIPTS = {"cp1251": "CYRILLIC", "koi8_r": "CYRILLIC", "cp1253": "GREEK"}
SIGNS = frozenset("\xa0‘’“”„–—…«»€£°®™©§·•×²½")  # beside letters, of whatever language
WORD = re.compile(r"[^\W\d_]+")
CELL = re.compile(r"[^,;|\t\r\n]+")
# The commonest characters of double-byte encodings, by their codes: Hangul, simplified and
# traditional Chinese, Japanese. The first encoding that explains a text is it.
COMMON = {
    "cp949": re.compile(rb"[\xb0-\xc8][\xa1-\xfe]"),
    "gb18030": re.compile(rb"[\xb0-\xd7][\xa1-\xfe]|\xa3[\xa1-\xfe]"),
    "big5": re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]|\xa1[\x40-\xfe]"),
    "cp932": re.compile(rb"[\x82-\x83\x88-\x97][\x40-\xfc]|\x81[\x40-\xac]"),
}
MIN_COMMON = 2  # characters
# Names of columns that accents alone do not make: "mærke" is no "merke".
NAMES = frozenset(
    name for names in USUAL_NAMES.values() for name in map(key, names) if not name.isascii()
)


def by_header(header: bytes, encodings: tuple[str, ...]) -> str:
    """The encoding in which most names of columns are usual ones; empty where no one is best."""
    known: dict[str, int] = {}
    for encoding in encodings:
        cells = CELL.findall(header.decode(encoding, "replace"))
        known[encoding] = sum(key(cell) in NAMES for cell in cells)
    best = [encoding for encoding in encodings if known[encoding] == max(known.values())]
    return best[0] if known[best[0]] and "cp1252" not in best else ""


def by_letters(sample: bytes) -> str:
    """The encoding of the only language that has all letters of a text; else empty.

    A text whose letters Western languages have is left to other tests.
    """
    if any(_has_letters(sample, "cp1252", letters) for letters in WESTERN):
        return ""
    found = {encoding for encoding, letters in LANGUAGES if _has_letters(sample, encoding, letters)}
    return found.pop() if len(found) == 1 else ""


def by_script(sample: bytes) -> str:
    """The encoding in which a text is of one script, and written as people write; else empty."""
    found = [name for name, script in SCRIPTS.items() if _is_script(sample, name, script)]
    if len(found) == 1:
        return found[0]
    return next((name for name in COMMON if _is_common(sample, name)), "")


def _has_letters(sample: bytes, encoding: str, letters: str) -> bool:
    """Whether a text has the letters of a language in an encoding, and no others."""
    others = {each for each in sample.decode(encoding, "replace").lower() if not each.isascii()}
    return others - SIGNS <= set(letters) | {"\u0307"}  # of "İ" in lower case


def _is_script(sample: bytes, encoding: str, script: str) -> bool:
    text = sample.decode(encoding, "replace")
    others = {each for each in text if not each.isascii()} - SIGNS
    if not all(unicodedata.name(each, "").startswith(script) for each in others):
        return False
    words = [word for word in WORD.findall(text) if not word.isascii()]
    return all(word.islower() or word.istitle() or word.isupper() for word in words)


def _is_common(sample: bytes, encoding: str) -> bool:
    """Whether all characters of a text are common ones of a double-byte encoding."""
    text = sample.decode(encoding, "replace")
    codes = [each.encode(encoding, "replace") for each in text if not each.isascii()]
    return len(codes) >= MIN_COMMON and all(map(COMMON[encoding].fullmatch, codes))
