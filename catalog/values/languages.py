"""Texts that come with a language tag: in a list of objects, or under the tags as names."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

# ISO 639-1.
ISO_639 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
CODES = frozenset(ISO_639.split())
TAG = re.compile(r"([a-z]{2})(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|\d{3}))?", re.IGNORECASE)
NO_LANGUAGE = frozenset({"default", "x-default", "und"})  # names that stand beside tags
AMBIGUOUS = frozenset({"id", "no"})  # names of a field, where they stand alone

# Under these names an object holds its language tag.
TAG_KEYS = ("language_tag", "language", "lang", "@language", "@lang", "@xml:lang", "xml:lang",
            "locale", "languageCode", "language_code", "lang_code")  # fmt: skip


def languages(value: object) -> tuple[str, ...]:
    """The language tags of a cell, as written, in order; empty if its texts have none."""
    return tuple(dict.fromkeys(tag for tag, _ in _tagged(value) if tag not in NO_LANGUAGE))


def in_language(value: object, language: str) -> list[object]:
    """The texts of a cell in one language: the one wanted, else the commonest in this cell.

    Args:
        value: any cell.
        language: a language tag, "de" or "de-AT"; a region that is not there is passed over.

    Returns:
        The values in that language, without their tags; empty if nothing has a language tag.
    """
    tagged = list(_tagged(value))
    if not tagged:
        return []
    tags = [_normal(tag) for tag, _ in tagged]
    wanted = _normal(language)
    chosen = next(
        (
            tag
            for same in (lambda tag: tag == wanted, lambda tag: tag[:2] == wanted[:2])
            for tag in tags
            if wanted and same(tag)
        ),
        Counter(tags).most_common(1)[0][0],
    )
    return [item for tag, (_, item) in zip(tags, tagged, strict=True) if tag == chosen]


def _tagged(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        if _is_by_language(value):
            yield from value.items()
        elif tag := _tag(value):
            yield tag, _untagged(value)
    elif isinstance(value, list | tuple):
        tags = [_tag(item) for item in value]
        if any(tags):
            yield from (
                (tag or "und", _untagged(item)) for tag, item in zip(tags, value, strict=True)
            )


def _is_by_language(value: Mapping[str, object]) -> bool:
    names = [name for name in value if isinstance(name, str)]
    return (
        0 < len(names) == len(value)
        and all(_is_tag(name) or name in NO_LANGUAGE for name in names)
        and any(map(_is_tag, names))
        and not (len(names) == 1 and names[0] in AMBIGUOUS)
    )


def _is_tag(written: str) -> bool:
    found = TAG.fullmatch(written)
    return found is not None and found[1].casefold() in CODES


def _tag(item: object) -> str:
    if not isinstance(item, Mapping):
        return ""
    found = (item.get(key) for key in TAG_KEYS)
    return next((tag for tag in found if isinstance(tag, str) and _is_tag(tag)), "")


def _untagged(item: object) -> object:
    if not isinstance(item, Mapping):
        return item
    return {name: part for name, part in item.items() if name not in TAG_KEYS}


def _normal(tag: str) -> str:
    return tag.strip().casefold().replace("_", "-")
