"""What the command line shows of its results."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from eval.comparison import Difference, Estimate
from eval.labels import LabelResults
from eval.measures import DECIDING, JUDGED, MEASURES, average_name
from eval.queries import COUNTS
from eval.results import Evaluation


def show(lines: Iterable[RenderableType], *, stderr: bool = False) -> None:
    """Print lines and tables; lines are not wrapped."""
    console = Console(highlight=False, stderr=stderr)
    for line in lines:
        console.print(line, soft_wrap=isinstance(line, str))


def evaluation_table(evaluation: Evaluation) -> Iterator[RenderableType]:
    """The measures of each variant, the verdicts, and what was left out."""
    whole = evaluation.slices[0]
    measures = (average_name(evaluation.settings.k), *MEASURES, JUDGED)
    yield from variants_table(measures, whole.estimates, whole.baseline, evaluation.differences)
    yield from counts_lines(evaluation.counts)


def variants_table(
    measures: Sequence[str],
    variants: Mapping[str, Mapping[str, Estimate]],
    baseline: Mapping[str, float],
    differences: Sequence[Difference],
) -> Iterator[RenderableType]:
    """Measures down, variants across, then the verdict on every two."""
    table = Table("", box=None, header_style="bold")
    for variant in variants:
        table.add_column(escape(variant), justify="right", overflow="fold")
    if baseline:
        table.add_column("random baseline", justify="right", style="dim")
    for measure in measures:
        cells = [_cell(estimates[measure]) for estimates in variants.values()]
        last = [number(baseline.get(measure), 4)] if baseline else []
        table.add_row(measure, *cells, *last)
    yield table
    yield from (escape(each.verdict) for each in differences if each.measure == DECIDING)


def counts_lines(counts: Mapping[str, int]) -> Iterator[str]:
    """Counts, a line each, by the words of `COUNTS` or else their own name."""
    for name, count in counts.items():
        yield f"[dim]{count:>8,}  {escape(COUNTS.get(name, name))}[/dim]"


def picture_table(picture: str, cosines: Mapping[str, float]) -> Iterator[RenderableType]:
    """The labels of one picture, the best first."""
    yield escape(picture)
    table = Table(box=None, show_header=False)
    for name, cosine in cosines.items():
        table.add_row(f"{cosine:.3f}", escape(name))
    yield table


def labels_table(field: str, results: LabelResults) -> Iterator[RenderableType]:
    """The accuracy of a field's labels, and the result of each label."""
    accuracy = results.accuracy
    groups = f" in {accuracy.clusters:,} groups" if accuracy.clusters < accuracy.n else ""
    yield (
        f"{escape(field)}: {accuracy.value:.3f} of {results.products:,} products{groups} labelled "
        f"correctly ({number(accuracy.low)} to {number(accuracy.high)}); "
        f"mean over labels {results.balanced:.3f}; always the most frequent label: "
        f"{results.majority:.3f}; random baseline: {1 / len(results.labels):.3f}"
    )
    table = Table("label", box=None, header_style="bold")
    for column in ("products", "correct"):
        table.add_column(column, justify="right")
    table.add_column("most often taken for")
    for name, each in results.by_label.items():
        share = f"{each.correct / each.products:.2f}" if each.products else "–"
        table.add_row(escape(name), f"{each.products:,}", share, escape(each.taken_for))
    yield table
    left_out = {
        "products left out: no embedded picture": results.without_picture,
        "products left out: another value than the labels": results.other,
    }
    yield from counts_lines({words: count for words, count in left_out.items() if count})


def number(value: float | None, places: int = 3) -> str:
    """A number as people read it; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{places}f}".replace("-", "−")


def _cell(estimate: Estimate) -> str:
    if estimate.clusters < 2:
        return number(estimate.value)
    return f"{estimate.value:.3f} [dim]{estimate.low:.3f}–{estimate.high:.3f}[/dim]"
