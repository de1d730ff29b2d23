"""TREC's files: topics, qrels and runs.

They are lines of words parted by white space, so an id with a space in it would fall apart.
White space and the percent sign in ids are written as in web addresses (`%20`), and read back.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eval.errors import QueryFileError

Ranked = dict[str, list[tuple[str, float]]]  # query id → (product id, score), best first

_TO_ESCAPE = re.compile(r"[\s%]")
_ESCAPED = re.compile(r"(?:%[0-9a-f]{2})+")
_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*([^<]*)", re.IGNORECASE)


def read_topics(path: Path) -> dict[str, str]:
    """Texts by query id: `<top>` blocks with `<num>` and `<title>`, or lines of id, tab, text.

    Raises:
        QueryFileError: neither of the two, or an id that comes twice.
    """
    text = read_text(path)
    found = _blocks(path, text) if "<top>" in text.lower() else _tabbed(path, text)
    topics: dict[str, str] = {}
    for query, words in found:
        if query in topics:
            raise QueryFileError(f"{path} has two queries with the id “{query}”; ids are unique.")
        topics[query] = words
    if not topics:
        raise QueryFileError(f"{path} has no query.")
    return topics


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Grades by product id by query id, from lines of query, iteration, product, grade.

    A grade below 0, which some collections use for spam, counts as 0.

    Raises:
        QueryFileError: a line that is not of this form.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, words in _lines(path):
        try:
            query, _, product, grade = words
            qrels.setdefault(_plain(query), {})[_plain(product)] = max(0, int(grade))
        except ValueError:
            raise QueryFileError(
                f"{path}, line {number}, is no line of qrels: "
                "write query, 0, product and a whole grade, parted by spaces."
            ) from None
    if not qrels:
        raise QueryFileError(f"{path} has no judgement.")
    return qrels


def write_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> None:
    """Write qrels as TREC's tools read them."""
    with path.open("w", encoding="utf-8") as out:
        for query, grades in qrels.items():
            for product, grade in grades.items():
                out.write(f"{_escaped(query)} 0 {_escaped(product)} {grade}\n")


def read_run(path: Path) -> Ranked:
    """The answers of a run file, in its order of rank.

    Raises:
        QueryFileError: a line that is not of the form, or no line at all.
    """
    ranked: dict[str, list[tuple[int, str, float]]] = {}
    for number, words in _lines(path):
        try:
            query, _, product, rank, score, _ = words
            answer = (int(rank), _plain(product), float(score))
        except ValueError:
            raise QueryFileError(
                f"{path}, line {number}, is no line of a run: "
                "write query, Q0, product, rank, score and a name, parted by spaces."
            ) from None
        ranked.setdefault(_plain(query), []).append(answer)
    if not ranked:
        raise QueryFileError(f"{path} is an empty run: it answers no query.")
    return {
        query: [(product, score) for _, product, score in sorted(answers, key=lambda each: each[0])]
        for query, answers in ranked.items()
    }


def write_run(path: Path, ranked: Mapping[str, Sequence[tuple[str, float]]], name: str) -> None:
    """Write answers with their ranks, from 1, and their true scores."""
    with path.open("w", encoding="utf-8") as out:
        for query, answers in ranked.items():
            asked = _escaped(query)
            for rank, (product, score) in enumerate(answers, start=1):
                out.write(f"{asked} Q0 {_escaped(product)} {rank} {score:.7f} {_escaped(name)}\n")


def read_text(path: Path) -> str:
    """A text file as UTF-8.

    Raises:
        QueryFileError: it is missing, not text, or empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise QueryFileError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise QueryFileError(f"{path} cannot be read as UTF-8 text: {error}.") from None
    if not text.strip():
        raise QueryFileError(f"{path} is empty.")
    return text


def _blocks(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, block in enumerate(_TOPIC.findall(text), start=1):
        name, title = _NUMBER.search(block), _TITLE.search(block)
        if not name or not title or not title[1].strip():
            raise QueryFileError(f"{path}: topic {number} lacks its <num> or its <title>.")
        yield name[1], " ".join(title[1].split())


def _tabbed(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            name, tab, words = line.partition("\t")
            if not (tab and name.strip() and words.strip()):
                raise QueryFileError(
                    f"{path}, line {number}, is no topic: write an id, a tab and the text."
                )
            yield name.strip(), words.strip()


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            yield number, line.split()


def _escaped(name: str) -> str:
    return _TO_ESCAPE.sub(lambda found: _percent(found[0]), name)


def _percent(letter: str) -> str:
    return "".join(f"%{byte:02x}" for byte in letter.encode())


def _plain(name: str) -> str:
    return _ESCAPED.sub(
        lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace"), name
    )
