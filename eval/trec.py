"""TREC's files: topics, qrels and runs. `ir-measures` parses the lines of the last two.

The fields of a line are separated by white space, so white space and the percent sign in ids are
percent-encoded (`%20`), and decoded when read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import ir_measures
import numpy as np

from eval import EvalError
from eval.measures import MAX_GRADE, Qrels, Ranked, score
from vitrine.command import describe

# A step down that a float32 cosine keeps: trec_eval holds scores as float32, whose spacing below 1
# is 6e-8, and orders equal scores by descending id.
STEP = 1e-7

_TO_ENCODE = re.compile(r"[\s%]")
_ENCODED = re.compile(r"(?:%[0-9a-f]{2})+")
_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*([^<]*)", re.IGNORECASE)


def read_topics(path: Path) -> dict[str, str]:
    """Texts by query id: `<top>` blocks with `<num>` and `<title>`, or lines of id, tab, text.

    Raises:
        EvalError: neither of the two, or an id occurs twice.
    """
    text = read_text(path)
    found = _blocks(path, text) if "<top>" in text.lower() else _tabbed(path, text)
    topics: dict[str, str] = {}
    for query, words in found:
        if query in topics:
            raise EvalError(f"{path} has two queries with the id “{query}”; ids are unique.")
        topics[query] = words
    if not topics:
        raise EvalError(f"{path} has no query.")
    return topics


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Grades by product id by query id, from lines of query, iteration, product, grade.

    A grade below 0, which some collections use for spam, counts as 0.

    Raises:
        EvalError: a line of another form, a grade above `MAX_GRADE`, or no line at all.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        try:
            [found] = ir_measures.read_trec_qrels(line)
        except ValueError:
            raise EvalError(
                f"{path}, line {number}, is no line of qrels: "
                "write query, 0, product and a whole grade, separated by spaces."
            ) from None
        if found.relevance > MAX_GRADE:
            raise EvalError(f"{path}, line {number}: a grade is at most {MAX_GRADE:,}.")
        grade = max(0, found.relevance)
        qrels.setdefault(_decoded(found.query_id), {})[_decoded(found.doc_id)] = grade
    return qrels


def read_run(path: Path) -> Ranked:
    """The results of a run file, by descending score as TREC's tools read it; equals by rank.

    Raises:
        EvalError: a line of another form, or no line at all.
    """
    ranked: dict[str, list[tuple[float, int, str]]] = {}
    for number, line in _lines(path):
        try:
            [found] = ir_measures.read_trec_run(line)
            rank = int(line.split()[3])
        except ValueError:
            found = None
        if found is None or not np.isfinite(found.score):
            raise EvalError(
                f"{path}, line {number}, is no line of a run: "
                "write query, Q0, product, rank, score and a name, separated by spaces."
            )
        result = (-found.score, rank, _decoded(found.doc_id))
        ranked.setdefault(_decoded(found.query_id), []).append(result)
    return {
        query: [(product, -negative) for negative, _, product in sorted(results)]
        for query, results in ranked.items()
    }


def write_qrels(path: Path, qrels: Qrels) -> None:
    """Write qrels as TREC's tools read them."""
    path.write_text(format_qrels(qrels), encoding="utf-8")


def format_qrels(qrels: Qrels) -> str:
    """Qrels as lines of query, 0, product and grade; empty without a grade."""
    return "".join(
        f"{_encoded(query)} 0 {_encoded(product)} {grade}\n"
        for query, grades in qrels.items()
        for product, grade in grades.items()
    )


def write_run(path: Path, ranked: Mapping[str, Sequence[tuple[str, float]]], name: str) -> None:
    """Write results with their ranks, from 1, and their scores.

    TREC's tools order by score alone, so a score that does not descend is written one `STEP`
    below the one before it.
    """
    with path.open("w", encoding="utf-8") as out:
        for query, results in ranked.items():
            written = np.inf
            for rank, (product, value) in enumerate(results, start=1):
                written = min(round(value, 7), written - STEP)
                out.write(
                    f"{_encoded(query)} Q0 {_encoded(product)} {rank} {written:.7f} "
                    f"{_encoded(name)}\n"
                )


def score_runs(paths: Sequence[Path], qrels: Qrels) -> dict[str, dict[str, np.ndarray]]:
    """Each measure of each query for run files, by the file's name without its suffix.

    Queries without a relevant product are left out. A run without results for one of the others
    scores 0 on it, as `trec_eval -c`.

    Raises:
        EvalError: a file is no run or answers none of the queries, or no product is relevant.
    """
    judged = keep_judged(qrels)
    names = [path.stem for path in paths]
    scores = {}
    for path in paths:
        ranked = read_run(path)
        if not ranked.keys() & judged.keys():
            raise EvalError(f"{path} answers none of the queries of the qrels.")
        name = path.stem if names.count(path.stem) == 1 else str(path)
        scores[name] = score(
            judged, {query: [product for product, _ in ranked.get(query, ())] for query in judged}
        )
    return scores


def keep_judged(qrels: Qrels) -> Qrels:
    """The qrels of queries that have a relevant product.

    Raises:
        EvalError: no query has one.
    """
    judged = {query: grades for query, grades in qrels.items() if any(grades.values())}
    if not judged:
        raise EvalError("The qrels name no relevant product of any query.")
    return judged


def read_text(path: Path) -> str:
    """A text file as UTF-8.

    Raises:
        EvalError: it is missing, not text, or empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise EvalError(f"There is no file {path}.") from None
    except OSError as error:
        raise EvalError(f"{path} cannot be read: {describe(error)}.") from None
    except UnicodeDecodeError:
        raise EvalError(f"{path} is not UTF-8 text: save it as such, or name another.") from None
    if not text.strip():
        raise EvalError(f"{path} is empty.")
    return text


def _blocks(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, block in enumerate(_TOPIC.findall(text), start=1):
        name, title = _NUMBER.search(block), _TITLE.search(block)
        if not name or not title or not title[1].strip():
            raise EvalError(f"{path}: topic {number} lacks its <num> or its <title>.")
        yield name[1], " ".join(title[1].split())


def _tabbed(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            name, tab, words = line.partition("\t")
            if not (tab and name.strip() and words.strip()):
                raise EvalError(
                    f"{path}, line {number}, is no topic: write an id, a tab and the text."
                )
            yield name.strip(), words.strip()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, each with its number and an end that `ir-measures` expects."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            yield number, line + "\n"


def _encoded(name: str) -> str:
    return _TO_ENCODE.sub(lambda found: "".join(f"%{byte:02x}" for byte in found[0].encode()), name)


def _decoded(name: str) -> str:
    return _ENCODED.sub(
        lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace"), name
    )
