"""Writes a report: `report.html`, `results.json`, qrels and run files.

HOME/reports/NAME/report.html    one file with its plots and pictures inside
                  results.json   every number, per query too
                  qrels.txt      TREC qrels of the measured queries
                  VARIANT.run    TREC run of each variant
"""

import base64
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import jinja2
from filelock import FileLock, Timeout
from markupsafe import Markup

from eval import EvalError, plots
from eval.comparison import Difference, Estimate, format_p, format_queries
from eval.examples import choose_examples
from eval.measures import DECIDING, GROUND_TRUTH, JUDGED, MEASURES, average_name
from eval.queries import COUNTS
from eval.results import Evaluation, Slice, as_object, per_query
from eval.tables import number
from eval.trec import write_qrels, write_run
from pictures.store import PictureStore
from vitrine.command import describe, finite

TEMPLATES = Path(__file__).parent / "templates"
MOST_SLICES = 20  # rows of a table by category; the others are in results.json
MOST_PAIRS = 6  # panels of the differences plot; of more pairs, those with the first variant
FEW_QUERIES = 50  # independent ones; below it, intervals are too wide for small differences
COLLAPSED = 0.9  # mean cosine of random pairs above which a variant is reported as collapsed
UNFINISHED = ".new-"  # how the name of a folder begins until its report is complete
LOCK = "reports.lock"
LOCK_SECONDS = 60  # a report of thousands of queries is written in a few
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def default_name(query_set: str, now: datetime) -> str:
    """A report's name from its query set and the time."""
    return f"{fit_name(query_set)[:40]}-{now:%Y%m%d-%H%M%S}"


def fit_name(name: str) -> str:
    """A name that can be a folder of `reports/`.

    Raises:
        EvalError: no character of it fits.
    """
    fit = _UNFIT.sub("-", name).strip("-.")
    if not fit:
        raise EvalError(f"“{name}” cannot name a report: use letters, digits, dot and dash.")
    return fit


def write_report(home: Path, name: str, evaluation: Evaluation) -> Path:
    """Write a report; one of the same name is replaced once the new one is complete.

    Returns:
        Its folder.

    Raises:
        EvalError: it cannot be written.
    """
    created = datetime.now(UTC)
    pictures = PictureStore(home / "images")

    def fill(folder: Path) -> None:
        write_qrels(folder / "qrels.txt", evaluation.qrels)
        for variant, outcome in evaluation.outcomes.items():
            write_run(folder / f"{variant}.run", outcome.ranked, variant)
        results = {
            "name": name,
            "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            **as_object(evaluation),
            "per_query": per_query(evaluation),
        }
        (folder / "results.json").write_text(
            json.dumps(finite(results), ensure_ascii=False, indent=1), encoding="utf-8"
        )
        page = render(
            "report.html.j2",
            name=name,
            created=f"{created:%Y-%m-%d %H:%M} UTC",
            plots=_plots(evaluation),
            examples=choose_examples(evaluation, pictures),
            **_page_values(evaluation),
        )
        (folder / "report.html").write_text(page, encoding="utf-8")

    return replace_folder(home, name, fill)


def check_reports(home: Path) -> None:
    """Remove what killed runs left, and check that a report can be written, before a long run.

    Raises:
        EvalError: it cannot.
    """
    with _reports(home) as reports:
        Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=reports)).rmdir()


def replace_folder(home: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """Fill a new folder, then rename it over one of the same name.

    Raises:
        EvalError: it cannot be written.
    """
    with _reports(home) as reports:
        fresh = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=reports))
        try:
            fresh.chmod(0o755)
            fill(fresh)
            folder = reports / name
            if folder.exists():
                shutil.rmtree(folder)
            return fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def _reports(home: Path) -> Iterator[Path]:
    """The folder of reports, under a lock, so that unfinished reports in it are of killed runs.

    Raises:
        EvalError: it cannot be written, or another run holds the lock for too long.
    """
    reports = home / "reports"
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with FileLock(home / LOCK, timeout=LOCK_SECONDS):
            for unfinished in reports.glob(f"{UNFINISHED}*"):
                shutil.rmtree(unfinished)
            yield reports
    except Timeout:
        raise EvalError(
            f"Another evaluation has been writing its report to {reports} for {LOCK_SECONDS} s: "
            "wait until it has ended, or end it."
        ) from None
    except OSError as error:
        raise EvalError(f"The report cannot be written to {reports}: {describe(error)}.") from None


def render(template: str, **values: Any) -> str:  # noqa: ANN401 - what the template shows
    """A page; everything is escaped, since titles are data."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "p": format_p}
    environment.globals["format_queries"] = format_queries
    return environment.get_template(template).render(values)


def _page_values(evaluation: Evaluation) -> dict[str, Any]:
    whole, *parts = evaluation.slices
    similarity = average_name(evaluation.settings.k)
    deciding = [each for each in evaluation.differences if each.measure == DECIDING]
    categories = [part for part in parts if part.sort == "category"]
    return {
        "evaluation": evaluation,
        "settings": evaluation.settings,
        "whole": whole,
        "kinds": [part for part in parts if part.sort == "kind"],
        "categories": categories[:MOST_SLICES],
        "more_categories": max(0, len(categories) - MOST_SLICES),
        "measures": MEASURES,
        "judged": JUDGED,
        "deciding": DECIDING,
        "similarity": similarity,
        "ground_truth": GROUND_TRUTH,
        "counts": {COUNTS[name]: count for name, count in evaluation.counts.items()},
        "verdicts": [
            *_against_baseline(whole),
            *(each.verdict for each in deciding),
            *_misled(whole.estimates, deciding, similarity),
        ],
        "warnings": _warnings(evaluation),
    }


def _against_baseline(whole: Slice) -> list[str]:
    """Each variant beside the random baseline, in a sentence."""
    baseline = whole.baseline[DECIDING]
    sentences = []
    for variant, measures in whole.estimates.items():
        ndcg, mrr = measures[DECIDING], measures["MRR"]
        between = f" ({ndcg.low:.3f} to {ndcg.high:.3f})" if ndcg.clusters > 1 else ""
        sentence = (
            f"{variant}: {DECIDING} {ndcg.value:.3f}{between}, MRR {mrr.value:.3f}; "
            f"the random baseline has {baseline:.4f} and {whole.baseline['MRR']:.4f}."
        )
        if ndcg.clusters > 1 and ndcg.low <= baseline:
            sentence += " It is not significantly better than the random baseline."
        sentences.append(sentence)
    return sentences


def _misled(
    variants: Mapping[str, Mapping[str, Estimate]],
    differences: Sequence[Difference],
    similarity: str,
) -> list[str]:
    """A sentence where the reference's measure would have chosen the worse of two variants."""
    closest = max(variants, key=lambda name: variants[name][similarity].value)
    better = [
        each.winner
        for each in differences
        if closest in (each.first, each.second) and each.winner not in ("", closest)
    ]
    if not better:
        return []
    best = max(better, key=lambda name: variants[name][DECIDING].value)
    chosen, other = variants[closest], variants[best]
    return [
        f"{similarity} alone would have chosen {closest} "
        f"({chosen[similarity].value:.3f} against {other[similarity].value:.3f}); "
        f"by {DECIDING} it finds fewer relevant products than {best} "
        f"({chosen[DECIDING].value:.3f} against {other[DECIDING].value:.3f})."
    ]


def _warnings(evaluation: Evaluation) -> list[str]:
    """What limits the meaning of the numbers, in sentences."""
    found = []
    queries, clusters = len(evaluation.queries), evaluation.counts["clusters"]
    if repeating := evaluation.counts.get("repeating"):
        found.append(
            f"{repeating:,} of {queries:,} queries repeat the title or the picture of a relevant "
            "product, and that title or picture is part of the vector that is searched: "
            "a leak, so their scores are too high."
        )
    if clusters < FEW_QUERIES:
        found.append(
            f"{format_queries(queries, clusters)} {'is' if queries == 1 else 'are'} few: "
            "intervals are wide, and small differences cannot be seen."
        )
    if evaluation.failed:
        reason = next(iter(evaluation.failed.values()))
        found.append(
            f"{len(evaluation.failed):,} queries were left out because their picture cannot be "
            f"read; the first: {reason}"
        )
    for name, outcome in evaluation.outcomes.items():
        cosines = outcome.diagnostics.random_cosine
        cosine = max(cosines.get("image–image", 0), cosines.get("text–text", 0))
        if cosine > COLLAPSED:
            found.append(
                f"The vectors of {name} have collapsed: those of two random products have a mean "
                f"cosine of {cosine:.2f}."
            )
    return found


def _plots(evaluation: Evaluation) -> dict[str, Markup]:
    whole = evaluation.slices[0]
    similarity = {name: outcome.similarity for name, outcome in evaluation.outcomes.items()}
    drawn = {
        "measures": svg_image(
            plots.measures_plot(whole.estimates, whole.baseline),
            "Each measure of each variant with its interval",
        ),
        "scores": svg_image(
            plots.scores_plot(similarity), "Scores of relevant and of other products by variant"
        ),
    }
    names = list(evaluation.outcomes)
    pairs = list(combinations(names, 2))
    if len(pairs) > MOST_PAIRS:
        pairs = [(names[0], name) for name in names[1 : MOST_PAIRS + 1]]
    if pairs:
        scores = {name: outcome.scores[DECIDING] for name, outcome in evaluation.outcomes.items()}
        gaps = {(first, second): scores[second] - scores[first] for first, second in pairs}
        drawn["differences"] = svg_image(
            plots.differences_plot(gaps, DECIDING), f"Differences of {DECIDING} by query"
        )
    return drawn


def svg_image(svg: str, words: str) -> Markup:
    """A plot as an image of its own, so that its ids cannot clash with another plot's."""
    data = base64.b64encode(svg.encode()).decode()
    return Markup('<img class="plot" alt="{}" src="data:image/svg+xml;base64,{}">').format(
        words, data
    )
