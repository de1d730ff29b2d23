"""What the command line shows of its results."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from eval.comparison import Difference, Estimate
from eval.labels import LabelResults
from eval.measures import DECIDING, MEASURES, average_name
from eval.outcome import Evaluation
from eval.report import number


def of_evaluation(evaluation: Evaluation) -> Iterator[RenderableType]:
    """The measures of each variant, the verdicts, and what was left out."""
    whole = evaluation.slices[0]
    measures = (average_name(evaluation.settings.k), *MEASURES)
    yield from of_variants(measures, whole.estimates, whole.chance, evaluation.differences)
    yield from of_counts(evaluation.notes)


def of_variants(
    measures: Sequence[str],
    variants: Mapping[str, Mapping[str, Estimate]],
    chance: Mapping[str, float],
    differences: Sequence[Difference],
) -> Iterator[RenderableType]:
    """Measures down, variants across, then what may be said of every two."""
    table = Table("", box=None, header_style="bold")
    for variant in variants:
        table.add_column(escape(variant), justify="right", overflow="fold")
    if chance:
        table.add_column("guessing", justify="right", style="dim")
    for measure in measures:
        cells = [_cell(told[measure]) for told in variants.values()]
        table.add_row(measure, *cells, *([number(chance.get(measure), 4)] if chance else []))
    yield table
    yield from (escape(each.verdict) for each in differences if each.measure == DECIDING)


def of_counts(counts: Mapping[str, int]) -> Iterator[str]:
    """Counts of what is named, a line each."""
    for name, count in counts.items():
        yield f"[dim]{count:>8,}  {escape(name)}[/dim]"


def of_labels(picture: str, cosines: Mapping[str, float]) -> Iterator[RenderableType]:
    """The labels of one picture, the best first."""
    yield escape(picture)
    table = Table(box=None, show_header=False)
    for name, cosine in cosines.items():
        table.add_row(f"{cosine:.3f}", escape(name))
    yield table


def of_verdicts(field: str, verdicts: LabelResults) -> Iterator[RenderableType]:
    """How well a field was told from pictures, and each label of it."""
    accuracy = verdicts.accuracy
    yield (
        f"{escape(field)}: {accuracy.value:.3f} of {verdicts.products:,} products told right "
        f"({number(accuracy.low)} to {number(accuracy.high)}); "
        f"mean over labels {verdicts.balanced:.3f}; always the most frequent label: "
        f"{verdicts.guess:.3f}; by chance: {1 / len(verdicts.labels):.3f}"
    )
    table = Table("label", box=None, header_style="bold")
    for column in ("products", "right"):
        table.add_column(column, justify="right")
    table.add_column("mostly taken for")
    for name, each in verdicts.told.items():
        share = f"{each.right / each.products:.2f}" if each.products else "–"
        table.add_row(escape(name), f"{each.products:,}", share, escape(each.taken_for))
    yield table
    left_out = {
        "products left out: no embedded picture": verdicts.without_picture,
        "products left out: another value than the labels": verdicts.other,
    }
    yield from of_counts({words: count for words, count in left_out.items() if count})


def _cell(told: Estimate) -> str:
    if told.n < 2:
        return number(told.value)
    return f"{told.value:.3f} [dim]{told.low:.3f}–{told.high:.3f}[/dim]"
