"""The third job: long descriptions into summaries that fit what CLIP reads."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from catalog import values
from catalog.catalogue import Catalogue, Entry
from catalog.product import Product
from encoder.template import TEMPLATES, Template
from encoder.tokenizer import Tokenizer
from encoder.variant import Variant
from encoder.variants import Variants
from ingest.job import Figures, exclusive_run, record_unexpected
from ingest.summarizer import Recipe, Summarizer
from vitrine.batches import attempt, batched
from vitrine.progress import progress_bar
from vitrine.text import fold

WINDOW = 512  # products looked up together


def prompt(product: Product) -> str:
    """What is summarised: the reference system's input, with empty parts left out."""
    facts = ((name, values.text(value)) for name, value in product.attributes.items())
    parts = {
        "Product Title": product.title,
        "Description": product.description,
        "Features": " ".join(product.features),
        "Details": ", ".join(f"{name}: {value}" for name, value in facts),
    }
    return "\n".join(f"{name}: {fold(value)}" for name, value in parts.items() if value)


def write_summaries(
    home: Path,
    variant_name: str,
    *,
    recipe: Recipe | None = None,
    every: bool = False,
) -> Figures:
    """Summarise the products whose text is longer than a variant reads.

    Args:
        home: the shop's folder.
        variant_name: whose token limit decides which text is long.
        recipe: the checkpoint and how it is used; the reference system's by default.
        every: summarise products whose text fits, too.

    Returns:
        `summarised` now, `reused` from earlier runs, `fit` and so need none; `failed` by
        reason; and the tokens that the variant cuts off over all products, `cut_without` and
        `cut_with` summaries.

    Raises:
        IngestError: the checkpoint is not available.
        VariantMissing: there is no such variant.
        CatalogError: there is no catalogue, or another job is running.
    """
    recipe = recipe or Recipe()
    variant = Variants(home).get(variant_name)
    settings = {"variant": variant_name, "every": every, **asdict(recipe)}
    with exclusive_run(home, "summaries", settings) as run:
        job = _Job(run.catalogue, variant, recipe, every)
        try:
            job.summarise()
        finally:
            run.figures |= {"summarised": job.summarised, "reused": job.reused, "fit": job.fit}
            run.figures["failed"] = dict(job.failed)
        run.figures |= job.cuts()
        return run.figures


class _Job:
    def __init__(self, catalogue: Catalogue, variant: Variant, recipe: Recipe, every: bool) -> None:
        self.summarised = self.reused = self.fit = 0
        self.failed: Counter[str] = Counter()
        self._unreadable: set[str] = set()  # products whose text the tokenizer fails on
        self._catalogue = catalogue
        self._recipe = recipe
        self._every = every
        self._max_tokens = variant.max_tokens
        self._tokenizer = _tokenizer(variant)
        self._template = variant.template
        # A variant that uses no summaries is compared with the template that does.
        self._with_summary = self._template if self._template.uses_summary else TEMPLATES["summary"]

    def summarise(self) -> None:
        with progress_bar("summaries", len(self._catalogue)) as advance:
            missing = self._missing(advance)
            if (first := next(missing, None)) is None:
                return
            summarizer = Summarizer.load(self._recipe)
            for batch in summarizer.stream(chain([first], missing)):
                self._catalogue.save_summaries(
                    (product, digest, text) for (product, digest), text in batch.done
                )
                self.summarised += len(batch.done)
                for (product, _), error in batch.failed:
                    record_unexpected(self.failed, product, error, self.summarised)
                advance(len(batch.done) + len(batch.failed))

    def cuts(self) -> Figures:
        """Tokens beyond what the variant reads, over all products."""
        without = with_ = 0
        for window in batched(self._catalogue.entries(), WINDOW):
            without += sum(self._excess(self._template, window))
            with_ += sum(self._excess(self._with_summary, window, summaries=True))
        return {"cut_without": without, "cut_with": with_}

    def _missing(self, advance: Callable[[int], None]) -> Iterator[tuple[tuple[str, str], str]]:
        """Products that need a summary and have none: (id, digest of the input), input."""
        for window in batched(self._catalogue.entries(), WINDOW):
            excess = self._excess(self._template, window)
            prompts = {
                entry.product.id: prompt(entry.product)
                for entry, tokens in zip(window, excess, strict=True)
                if tokens or self._every
            }
            digests = {product: self._digest(text) for product, text in prompts.items()}
            known = self._catalogue.summaries(digests.values())
            ready = [(product, d, known[d]) for product, d in digests.items() if d in known]
            self._catalogue.save_summaries(ready)
            self.fit += len(window) - len(prompts)
            self.reused += len(ready)
            advance(len(window) - len(prompts) + len(ready))
            for product, digest in digests.items():
                if digest not in known:
                    yield (product, digest), prompts[product]

    def _excess(
        self, template: Template, window: list[Entry], *, summaries: bool = False
    ) -> list[int]:
        """Tokens of each product's text that the variant does not read.

        A text that the tokenizer fails on counts as one without any, and is recorded.
        """

        def tokenize(entries: list[Entry]) -> list[list[int]]:
            return self._tokenizer(
                [
                    template.product_text(entry.product, entry.summary if summaries else None)
                    for entry in entries
                ]
            )

        done, failed = attempt(tokenize, window)
        for entry, error in failed:
            if entry.product.id not in self._unreadable:
                self._unreadable.add(entry.product.id)
                record_unexpected(self.failed, entry.product.id, error, len(self._catalogue))
        lengths = {entry.product.id: len(tokens) for entry, tokens in done}
        return [max(0, lengths.get(e.product.id, 0) - self._max_tokens) for e in window]

    def _digest(self, text: str) -> str:
        return hashlib.sha256(json.dumps([text, asdict(self._recipe)]).encode()).hexdigest()


def _tokenizer(variant: Variant) -> Tokenizer:
    """The tokenizer of the model that embeds a variant's product texts; it cuts nothing."""
    if text_model := variant.text_model():
        return text_model.uncut_tokenizer()
    return variant.checkpoint().uncut_tokenizer()
