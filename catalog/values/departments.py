"""Category paths: the department first, then each deeper step.

Steps are separated by ">" and its like, by "|", or by a slash. A slash in a name ("Audio/Video")
separates nothing: it does so with blanks around it, after a leading slash or a root, or where there
are two of them; for a whole column `has_slash_paths` decides better. Commas and ampersands belong
to names ("Kitchen, Dining & Bar"): a comma separates paths where the export's convention says so,
or where every part has steps itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

from catalog.values.languages import CODES, in_language
from catalog.values.literals import parse_literal
from catalog.values.numerals import number
from catalog.values.running_text import pieces, text

Path = tuple[str, ...]

ARROW = re.compile(r"\s*(?:[-=]?>+|»|›|→|❯|::)\s*")
BAR = re.compile(r"\s*\|\s*")
SLASH = re.compile(r"\s*(?<!\\)/\s*")
SPACED_SLASH = re.compile(r"\s+/+\s+")
# Between whole paths, where each of them has steps.
BETWEEN = (BAR, re.compile(r"\s*;\s*"), re.compile(r"\s*,\s*"))
MIN_STEP = 3  # letters of a step between slashes without blanks: "CD/DVD/MP3" is a name

# First steps that name no department. "Home" is one, except in a list of breadcrumbs.
ROOTS = frozenset({
    "default category", "root catalog", "root category", "root", "all", "all categories",
    "all products", "categories", "homepage", "home page", "startseite", "accueil", "inicio",
    "pagina iniziale", "strona główna",
})  # fmt: skip
# What shops call the lack of a category.
UNCATEGORISED = frozenset({
    "uncategorized", "uncategorised", "unkategorisiert", "nicht kategorisiert", "non classé",
    "sin categorizar", "sin categoría", "senza categoria",
})  # fmt: skip
BREADCRUMB_ROOTS = ROOTS | {"home", "start", "shop"}

LANGUAGE_PREFIX = re.compile(r"([a-z]{2}):(?=[^\s:/])")  # of Open Food Facts: "en:hot-drinks"
NUMBERED = re.compile(r"\d+\s+-\s+(?=\D)")  # Google's taxonomy: "166 - Apparel & Accessories"
# A key of a database, no name, as is a number.
KEY = re.compile(r"[0-9a-f]{24}(?:[0-9a-f]{8})?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
BROKEN_LITERAL = re.compile(r"""^\[\s*["']\s*|\s*["']\s*\]$""")

CACHED_TEXTS = 4_096  # a shop has fewer categories
LONGEST_CACHED = 500  # characters

# Under these names an object holds the whole path of a category.
PATH_KEYS = ("fullName", "full_name", "full_path", "fullPath", "categoryPath", "category_path",
             "path_from_root", "breadcrumb", "breadcrumbs", "itemListElement",
             "node_name")  # fmt: skip
PARENT_KEYS = ("ancestors", "parents", "parent", "parent_category", "parentCategory")
# Under these names an object holds the category that it stands for.
INNER_KEYS = ("obj", "node", "category", "data", "attributes")
POSITION_KEYS = ("position", "level", "depth")
LEVEL = re.compile(r"(?:lvl|level|category|cat|l)[_ -]?(\d)", re.IGNORECASE)


def category_paths(
    value: object, language: str = "", *, separator: str = "", slash: bool | None = None
) -> tuple[Path, ...]:
    """The category paths of a cell, each as its steps, the department first.

    Args:
        value: one path or several as text; a list of steps, of paths or of categories; a category
            as an object, with its parents where it has them.
        language: as in `text`.
        separator: what the export's convention puts between paths ("," in WooCommerce's and
            Magento's exports); within a name it comes after a backslash.
        slash: whether a slash separates steps; by default each cell decides for itself.
    """
    short = isinstance(value, str) and len(value) <= LONGEST_CACHED
    read = _read_text if short else _read
    return read(value, language, separator, slash)


def _read(value: object, language: str, separator: str, slash: bool | None) -> tuple[Path, ...]:
    split = partial(_split, separator=separator, slash=slash)
    found = (_without_root(path, ROOTS) for path in _paths(parse_literal(value), language, split))
    return tuple(dict.fromkeys(path for path in found if path and not _is_no_category(path)))


_read_text = lru_cache(CACHED_TEXTS)(_read)


def has_slash_paths(cells: Iterable[object]) -> bool:
    """Whether the slashes of a column's cells separate steps, by most of the different cells."""
    different = {cell for cell in map(text, cells) if cell}
    with_slash = [cell for cell in different if len(SLASH.split(cell.strip("/"))) > 1]
    first_steps = {SLASH.split(cell.strip("/"))[0] for cell in with_slash}
    return 2 * len(with_slash) > len(different) and len(first_steps) < len(with_slash)


def _paths(value: object, language: str, split: Callable[[str], list[Path]]) -> list[Path]:
    if isinstance(value, Mapping | list | tuple):
        value = in_language(value, language) or value
    match value:
        case Mapping():
            return _of_object(value, language, split)
        case list() | tuple() if all(isinstance(item, str | None) for item in value):
            each = [path for item in value for path in _paths(item, language, split)]
            in_steps = all(len(path) == 1 for path in each)
            return [tuple(path[0] for path in each)] if each and in_steps else each
        case list() | tuple() if any(_position(item) is not None for item in value):
            return [_breadcrumbs(value, language, split)]
        case list() | tuple():
            return [path for item in value for path in _paths(item, language, split)]
        case _:
            lines = (line for piece in pieces(value) for line in piece.splitlines())
            return [path for line in lines for path in split(BROKEN_LITERAL.sub("", text(line)))]


def _of_object(
    item: Mapping[Any, Any], language: str, split: Callable[[str], list[Path]]
) -> list[Path]:
    """The path of a category with its levels, its whole path, its parents, or alone."""
    if inner := next((item[key] for key in INNER_KEYS if _is_nested(item.get(key))), None):
        return _paths(inner, language, split)
    levels = {
        int(found[1]): part for name, part in item.items() if (found := LEVEL.fullmatch(str(name)))
    }
    if levels:  # each level by itself, or with those above it
        ordered = [levels[level] for level in sorted(levels)]
        each = [path for part in ordered for path in _paths(part, language, split)]
        longest = max(each, key=len, default=())
        return [longest if len(longest) > 1 else _joined(ordered, language, split)]
    for key in PATH_KEYS:
        part = parse_literal(item.get(key))
        if isinstance(part, list | tuple) and part:
            return [_breadcrumbs(part, language, split)]
        if paths := _paths(part, language, split):
            return paths
    name = split(text(item, language) or text(item.get("path")))
    parents = next((item[key] for key in PARENT_KEYS if _is_category(item.get(key))), None)
    if parents is None or not name:
        return name
    above = parents if isinstance(parents, list | tuple) else [parents]
    return [(*_joined(above, language, split), *name[0])]


def _is_nested(part: object) -> bool:
    return isinstance(part, Mapping | list) and bool(part)


def _breadcrumbs(
    items: Iterable[object], language: str, split: Callable[[str], list[Path]]
) -> Path:
    """The path of a list of its steps, as objects that may have positions."""
    ordered = sorted(items, key=lambda item: _position(item) or 0)
    return _without_root(_joined(ordered, language, split), BREADCRUMB_ROOTS)


def _joined(items: Iterable[object], language: str, split: Callable[[str], list[Path]]) -> Path:
    """One path of several items, each of which is a step."""
    return tuple(
        step for item in items for path in _paths(item, language, split)[:1] for step in path
    )


def _is_category(part: object) -> bool:
    """Whether a parent is a category, not the key of one."""
    return bool(part) and not isinstance(part, int | float) and not str(part).isdecimal()


def _position(item: object) -> float | None:
    if not isinstance(item, Mapping):
        return None
    return next((at for key in POSITION_KEYS if (at := number(item.get(key))) is not None), None)


def _split(line: str, *, separator: str, slash: bool | None) -> list[Path]:
    """The paths of a line of text."""
    if separator:
        parts = re.split(rf"(?<!\\){re.escape(separator)}", line)
        parts = [part.replace(f"\\{separator}", separator) for part in parts]
    else:
        splits = (sign.split(line) for sign in BETWEEN if sign.search(line))
        several = (parts for parts in splits if all(_has_steps(part, slash) for part in parts))
        parts = next(several, [line])
    return [path for part in parts if (path := tuple(_steps(part.strip(), slash)))]


def _steps(part: str, slash: bool | None) -> Iterator[str]:
    prefix = LANGUAGE_PREFIX.match(part)
    if prefix and prefix[1] in CODES:
        part = part[prefix.end() :]
        if " " not in part:
            part = part.replace("-", " ").capitalize()
    part = NUMBERED.sub("", part)
    sign = ARROW if ARROW.search(part) else BAR if "|" in part else None
    if sign is None and _has_slash_steps(part, slash):
        sign = SLASH
    for step in sign.split(part) if sign else [part]:
        if step.strip():
            yield step.strip().replace("\\/", "/")


def _has_steps(part: str, slash: bool | None) -> bool:
    return ARROW.search(part) is not None or (
        not SPACED_SLASH.search(part) and _has_slash_steps(part, slash)
    )


def _has_slash_steps(part: str, slash: bool | None) -> bool:
    steps = SLASH.split(part)
    if slash is not None or len(steps) < 2 or "://" in part:
        return bool(slash)
    return (
        not steps[0]
        or steps[0].casefold() in ROOTS
        or SPACED_SLASH.search(part) is not None
        or (len(steps) > 2 and all(len(step) >= MIN_STEP for step in steps))
    )


def _without_root(path: Path, roots: frozenset[str]) -> Path:
    while (
        path
        and (
            path[0].casefold() in roots
            # "Home > Home & Kitchen" begins at the shop's front page
            or (path[0].casefold() == "home" and "".join(path[1:2]).casefold().startswith("home"))
        )
    ):
        path = path[1:]
    return path


def _is_no_category(path: Path) -> bool:
    uncategorised = len(path) == 1 and path[0].casefold() in UNCATEGORISED
    return uncategorised or any(map(KEY.fullmatch, path)) or not any(map(str.isalpha, path[0]))
