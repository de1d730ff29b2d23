"""The third job: long descriptions into summaries that fit what CLIP reads."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path

from catalog.catalogue import Catalogue, Entry
from catalog.product import Product
from encoder.template import TEMPLATES
from encoder.tokenizer import Tokenizer
from encoder.variant import Variant
from encoder.variants import Variants
from ingest.job import Figures, exclusive, recorded
from ingest.summarizer import Recipe, Summarizer
from vitrine.progress import progress_bar

UNCUT = 1_000_000  # tokens: longer than any description
WINDOW = 512  # products looked up together


def prompt(product: Product) -> str:
    """What is summarised: the reference system's input, with empty parts left out."""
    parts = {
        "Product Title": product.title,
        "Description": product.description,
        "Features": " ".join(product.features),
        "Details": ", ".join(f"{name}: {value}" for name, value in product.details.items()),
    }
    return "\n".join(f"{name}: {value}" for name, value in parts.items() if value)


def write_summaries(
    home: Path,
    variant_name: str = "zeroshot",
    *,
    recipe: Recipe | None = None,
    every: bool = False,
) -> Figures:
    """Summarise the products whose text is longer than a variant reads.

    Args:
        home: the shop's folder.
        variant_name: whose tokenizer says how much is read.
        recipe: the checkpoint and how it is used; the reference system's by default.
        every: summarise products whose text fits, too.

    Returns:
        `summarised` now, `reused` from earlier runs, `fit` and so need none; and the tokens
        that the variant cuts off over all products, `cut_without` and `cut_with` summaries.

    Raises:
        SummarizerMissing: the checkpoint cannot be had.
        VariantMissing, CatalogError, JobRunning: as they say.
    """
    recipe = recipe or Recipe()
    variant = Variants(home).get(variant_name)
    settings = {"variant": variant_name, "every": every, **asdict(recipe)}
    with (
        exclusive(home),
        Catalogue(home, create=False) as catalogue,
        recorded(catalogue, "summaries", settings) as run,
    ):
        job = _Job(catalogue, variant, recipe, every)
        try:
            job.summarise()
        finally:
            run.figures |= {"summarised": job.summarised, "reused": job.reused, "fit": job.fit}
        run.figures |= job.cuts()
        return run.figures


class _Job:
    def __init__(self, catalogue: Catalogue, variant: Variant, recipe: Recipe, every: bool) -> None:
        self.summarised = self.reused = self.fit = 0
        self._catalogue = catalogue
        self._recipe = recipe
        self._every = every
        self._reads = variant.max_tokens
        self._tokens = Tokenizer(variant.checkpoint().folder, UNCUT)
        self._plain = variant.template
        # A variant that uses no summaries is measured against the template that does.
        self._summed = variant.template if variant.template.uses_summary else TEMPLATES["summary"]

    def summarise(self) -> None:
        with progress_bar("summaries", len(self._catalogue)) as advance:
            lacking = self._lacking(advance)
            if (first := next(lacking, None)) is None:
                return
            summarizer = Summarizer.load(self._recipe)
            for batch in summarizer.stream(chain([first], lacking)):
                self._catalogue.save_summaries(
                    (product, digest, text) for (product, digest), text in batch
                )
                self.summarised += len(batch)
                advance(len(batch))

    def cuts(self) -> Figures:
        """Tokens beyond what the variant reads, over all products."""
        without = with_ = 0
        for window in self._windows():
            without += sum(self._excess([self._text(entry) for entry in window]))
            with_ += sum(
                self._excess(
                    [self._summed.product_text(entry.product, entry.summary) for entry in window]
                )
            )
        return {"cut_without": without, "cut_with": with_}

    def _lacking(self, advance: Callable[[int], None]) -> Iterator[tuple[tuple[str, str], str]]:
        """Products that need a summary and have none: (id, digest of the input), input."""
        for window in self._windows():
            excess = self._excess([self._text(entry) for entry in window])
            long = [e for e, over in zip(window, excess, strict=True) if over or self._every]
            self.fit += len(window) - len(long)
            asked = {entry.product.id: prompt(entry.product) for entry in long}
            digests = {name: self._digest(text) for name, text in asked.items()}
            made = self._catalogue.summaries(digests.values())
            ready = [(name, d, made[d]) for name, d in digests.items() if d in made]
            self._catalogue.save_summaries(ready)
            self.reused += len(ready)
            advance(len(window) - len(long) + len(ready))
            yield from (((n, d), asked[n]) for n, d in digests.items() if d not in made)

    def _windows(self) -> Iterator[list[Entry]]:
        entries = self._catalogue.entries()
        while window := list(islice(entries, WINDOW)):
            yield window

    def _text(self, entry: Entry) -> str:
        return self._plain.product_text(entry.product, None)

    def _excess(self, texts: list[str]) -> list[int]:
        return [max(0, len(tokens) - self._reads) for tokens in self._tokens(texts)]

    def _digest(self, text: str) -> str:
        return hashlib.sha256(json.dumps([text, asdict(self._recipe)]).encode()).hexdigest()
