"""Writes a report: `report.html`, `results.json`, qrels and run files.

HOME/reports/NAME/report.html    one file, its plots and pictures inside
                  results.json   every number, per query too
                  qrels.txt      TREC qrels of the measured queries
                  VARIANT.run    TREC run of each variant, with its true scores
"""

import base64
import json
import math
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from eval import plots
from eval.comparison import Difference, Estimate, format_p
from eval.errors import EvalError
from eval.examples import examples
from eval.measures import DECIDING, GROUND_TRUTH, MEASURES, average_name
from eval.outcome import Evaluation, Slice
from eval.trec import write_qrels, write_run
from pictures.store import PictureStore

TEMPLATES = Path(__file__).parent / "templates"
MOST_SLICES = 20  # rows of a table by category; the others are in results.json
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
# A differences plot a pair: of more variants, those against the first.
MOST_PAIRS = 6


def default_name(query_set: str, now: datetime) -> str:
    """A report's name from its query set and the time."""
    return f"{fit_name(query_set)[:40]}-{now:%Y%m%d-%H%M%S}"


def fit_name(name: str) -> str:
    """A name that can be a folder of `reports/`.

    Raises:
        EvalError: nothing of it could.
    """
    fit = _UNFIT.sub("-", name).strip("-.")
    if not fit:
        raise EvalError(f"“{name}” cannot name a report: use letters, digits, dot and dash.")
    return fit


def write_report(home: Path, name: str, evaluation: Evaluation) -> Path:
    """Write a report; one of the same name is replaced once the new one is complete.

    Returns:
        Its folder.
    """
    created = datetime.now(UTC)
    results = as_object(evaluation)
    pictures = PictureStore(home / "images")

    def fill(folder: Path) -> None:
        write_qrels(folder / "qrels.txt", evaluation.qrels)
        for variant, outcome in evaluation.outcomes.items():
            write_run(folder / f"{variant}.run", outcome.ranked, variant)
        stamp = {"name": name, "created": f"{created:%Y-%m-%dT%H:%M:%SZ}"}
        write_json(folder / "results.json", stamp | results | {"per_query": _per_query(evaluation)})
        told = _told(evaluation) | {"name": name, "created": f"{created:%Y-%m-%d %H:%M} UTC"}
        told |= {"plots": _plots(evaluation), "moved": examples(evaluation, pictures)}
        (folder / "report.html").write_text(render("report.html.j2", told), encoding="utf-8")

    return replace_folder(home / "reports" / name, fill)


def as_object(evaluation: Evaluation) -> dict[str, Any]:
    """What `eval run --json` prints: numbers alone, and null where there is none."""
    whole, *parts = evaluation.slices
    told = variants_object(whole.estimates, evaluation.differences) | {
        "chance": whole.chance,
        "slices": [
            {
                "sort": part.sort,
                "label": part.label,
                "variants": _values(part.estimates),
                "chance": part.chance,
            }
            for part in parts
        ],
        "diagnostics": {
            name: asdict(outcome.diagnostics) | {"separation": outcome.similarity.auc}
            for name, outcome in evaluation.outcomes.items()
        },
        "about": {
            name: {
                "fingerprint": outcome.variant.fingerprint,
                "base": outcome.variant.base,
                "template": outcome.variant.template.name,
                "points": outcome.points,
                "seconds": outcome.seconds,
            }
            for name, outcome in evaluation.outcomes.items()
        },
        "queries": {"set": evaluation.name, "counts": evaluation.notes},
        "settings": asdict(evaluation.settings),
    }
    return without_nan(told)


def variants_object(
    variants: Mapping[str, Mapping[str, Estimate]], differences: Sequence[Difference]
) -> dict[str, Any]:
    """Measures and differences as an object."""
    return {
        "variants": _values(variants),
        "differences": [asdict(each) | {"winner": each.winner} for each in differences],
    }


def replace_folder(folder: Path, fill: Any) -> Path:  # noqa: ANN401 - Callable[[Path], None]
    """Fill a new folder, then put it in the place of one of the same name.

    Raises:
        EvalError: the disk does not take it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            fresh.chmod(0o755)
            fill(fresh)
            if folder.exists():
                shutil.rmtree(folder)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise EvalError(f"The report cannot be written to {folder}: {error}.") from None
    return folder


def render(template: str, told: Mapping[str, Any]) -> str:
    """Fill a template; in HTML everything is escaped, titles being data."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=template.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "p": format_p}
    return environment.get_template(template).render(told)


def write_json(path: Path, told: Mapping[str, Any]) -> None:
    """Write one JSON object."""
    path.write_text(json.dumps(without_nan(told), ensure_ascii=False, indent=1), encoding="utf-8")


def as_image(svg: str, words: str) -> Markup:
    """A plot as an image that carries itself; its own names cannot meet another plot's."""
    data = base64.b64encode(svg.encode()).decode()
    return Markup('<img class="plot" alt="{}" src="data:image/svg+xml;base64,{}">').format(
        words, data
    )


def number(value: float | None, places: int = 3) -> str:
    """A number as it is written; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{places}f}".replace("-", "−")


def _told(evaluation: Evaluation) -> dict[str, Any]:
    """What the template shows."""
    whole, *parts = evaluation.slices
    close = average_name(evaluation.settings.k)
    deciding = [each for each in evaluation.differences if each.measure == DECIDING]
    by_category = [part for part in parts if part.sort == "category"]
    return {
        "evaluation": evaluation,
        "settings": evaluation.settings,
        "whole": whole,
        "kinds": [part for part in parts if part.sort == "kind"],
        "categories": by_category[:MOST_SLICES],
        "more_categories": max(0, len(by_category) - MOST_SLICES),
        "measures": MEASURES,
        "deciding": DECIDING,
        "close": close,
        "ground_truth": GROUND_TRUTH,
        "verdicts": [*_openings(whole), *(each.verdict for each in deciding)],
        "misled": _misled(whole.estimates, deciding, close),
        "warnings": _warnings(evaluation),
    }


def _openings(whole: Slice) -> list[str]:
    """What each variant came to, beside guessing, in a sentence."""
    guess, guessed = whole.chance[DECIDING], whole.chance["MRR"]
    found = []
    for variant, told in whole.estimates.items():
        each, first = told[DECIDING], told["MRR"]
        between = f" ({each.low:.3f} to {each.high:.3f})" if each.n > 1 else ""
        sentence = (
            f"{variant}: {DECIDING} {each.value:.3f}{between}, MRR {first.value:.3f}; "
            f"guessing would have {guess:.4f} and {guessed:.4f}."
        )
        if each.n > 1 and each.low <= guess:
            sentence += " It cannot be told from guessing."
        found.append(sentence)
    return found


def _misled(
    variants: Mapping[str, Mapping[str, Estimate]], differences: Sequence[Difference], close: str
) -> str:
    """A sentence where the reference's number would have chosen the worse of two variants."""
    closest = max(variants, key=lambda name: variants[name][close].value)
    better = [
        each.winner
        for each in differences
        if closest in (each.first, each.second) and each.winner not in ("", closest)
    ]
    if not better:
        return ""
    best = max(better, key=lambda name: variants[name][DECIDING].value)
    return (
        f"{close} alone would have chosen {closest} "
        f"({variants[closest][close].value:.3f} against {variants[best][close].value:.3f}); "
        f"by {DECIDING} it finds fewer right answers than {best} "
        f"({variants[closest][DECIDING].value:.3f} against {variants[best][DECIDING].value:.3f})."
    )


def _warnings(evaluation: Evaluation) -> list[str]:
    """What a reader should know before believing a number, in sentences."""
    notes, found = evaluation.notes, []
    queries = len(evaluation.queries)
    repeating = next((count for note, count in notes.items() if "repeat the title" in note), 0)
    if repeating:
        found.append(
            f"{repeating:,} of {queries:,} queries repeat the title or the picture of a right "
            "answer, and that title or picture is part of the vector that is searched: "
            "they find what was put in."
        )
    if queries < 50:
        found.append(
            f"{queries:,} {'query is' if queries == 1 else 'queries are'} few: "
            "intervals are wide, and small differences cannot be seen."
        )
    if evaluation.failed:
        reason = next(iter(evaluation.failed.values()))
        found.append(
            f"{len(evaluation.failed):,} queries were left out because their picture cannot be "
            f"had; the first: {reason}"
        )
    for name, outcome in evaluation.outcomes.items():
        cosines = outcome.diagnostics.random_cosine
        if (cosine := max(cosines.get("image–image", 0), cosines.get("text–text", 0))) > 0.9:
            found.append(
                f"{name} has put its products in nearly one place: two random ones have a mean "
                f"cosine of {cosine:.2f}."
            )
    return found


def _plots(evaluation: Evaluation) -> dict[str, Markup]:
    whole = evaluation.slices[0]
    similarity = {name: outcome.similarity for name, outcome in evaluation.outcomes.items()}
    drawn = {
        "measures": as_image(
            plots.measures_plot(whole.estimates, whole.chance),
            "Each measure of each variant with its interval",
        ),
        "scores": as_image(
            plots.scores_plot(similarity), "Scores of right and of wrong answers by variant"
        ),
    }
    names = list(evaluation.outcomes)
    pairs = list(combinations(names, 2))
    if len(pairs) > MOST_PAIRS:
        pairs = [(names[0], name) for name in names[1 : MOST_PAIRS + 1]]
    if pairs:
        scores = {name: outcome.scores[DECIDING] for name, outcome in evaluation.outcomes.items()}
        gaps = {(first, second): scores[second] - scores[first] for first, second in pairs}
        drawn["differences"] = as_image(
            plots.differences_plot(gaps, DECIDING), f"Differences of {DECIDING} by query"
        )
    return drawn


def _per_query(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "queries": [query.id for query in evaluation.queries],
        "variants": {
            name: {measure: values.tolist() for measure, values in outcome.scores.items()}
            for name, outcome in evaluation.outcomes.items()
        },
    }


def _values(
    estimates: Mapping[str, Mapping[str, Estimate]],
) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        name: {measure: asdict(each) for measure, each in measures.items()}
        for name, measures in estimates.items()
    }


def without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A value as JSON can have it: it knows no NaN, so null stands there."""
    if isinstance(value, Mapping):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
