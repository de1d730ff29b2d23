"""What `vitrine eval tune` prints for people."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.markup import escape

from encoder.variant import Variant
from eval import tables
from eval.comparison import Estimate
from eval.measures import DECIDING, MEASURES
from eval.tuning import TUNED, Comparison, Tuning
from eval.word_tuning import Choice
from qdrant.word_settings import FILE, WordSettings
from search.settings import SearchSettings, settings_file


def tuning_tables(tuning: Tuning) -> Iterator[RenderableType]:
    """Both comparisons as tables with their verdicts."""
    for heading, each in (
        ("Proof: the half of the queries that did not choose", tuning.proof),
        ("Two-fold cross-validation: all queries", tuning.cross_validation),
    ):
        yield f"[bold]{heading}[/bold]"
        yield from tables.variants_table(MEASURES, each.estimates, {}, each.differences)
        yield ""


def conclusion(variant: Variant, tuning: Tuning, written: bool) -> str:
    """What was done with the settings, in sentences."""
    settings = describe_choice(tuning.chosen)
    if written:
        files = [settings_file(variant).path]
        said = "" if tuning.proved else " They are not proved better than the present ones."
        if tuning.renews:
            files.append(variant.folder / FILE)
            said += f" {renewal(variant)}"
        return escape(f"Written to {' and '.join(map(str, files))}: {settings}.{said}")
    if tuning.proved:
        return escape(f"Not written, as --write never has it: {settings}.")
    proved_on = tuned_estimate(tuning.proof).n
    return escape(
        f"Nothing was written: on {proved_on:,} other queries {settings} is not proved "
        f"better than the present settings, {describe_choice(tuning.present)}. More "
        "labelled queries can prove smaller differences; --write always keeps the settings anyway."
    )


def renewal(variant: Variant) -> str:
    """How the words of a collection come to count as it was chosen."""
    return (
        f"Words count so once `vitrine ingest vectors --variant {variant.name}` has run, which "
        "makes the collection's words anew and runs no model; until then they count as before."
    )


def describe_choice(choice: Choice) -> str:
    """A choice in a line."""
    return f"{describe_settings(choice.settings)}; {describe_words(choice.words)}"


def describe_settings(settings: SearchSettings) -> str:
    """Settings in a line, each weight as its share."""
    total = sum(settings.weights.values())
    weights = (f"{part} {weight / total:.3g}" for part, weight in settings.weights.items())
    return f"{settings.method}, {', '.join(weights)}"


def describe_words(words: WordSettings) -> str:
    """How words count, in a line: every field that does not count once, k and b."""
    fields = (f"{name} × {weight}" for name, weight in words.weights.items() if weight != 1)
    return f"words with {', '.join([*fields, f'k {words.k:g}', f'b {words.b:g}'])}"


def tuned_estimate(comparison: Comparison) -> Estimate:
    """The deciding measure of the tuned settings."""
    return comparison.estimates[TUNED][DECIDING]
