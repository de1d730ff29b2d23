"""The state of a shop: what is there, what is missing and why, and how fast the jobs run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from catalog.catalogue import Catalogue
from catalog.database import FILE
from catalog.runs import Run
from encoder.errors import EncoderError
from encoder.variants import Variants
from qdrant.errors import CollectionMissing, StoreError
from qdrant.model import Collection
from qdrant.storage_settings import read_choice as read_storage
from qdrant.store import Store, open_store
from qdrant.word_settings import read_choice

LAST_RUNS = 8
NO_PICTURE = "no picture given"  # the ledger's reason for a product without an address
# The figures of a run that count what it processed, whatever the outcome.
PROCESSED = {
    "products": ("rows",),
    "images": ("stored", "failed"),
    "summaries": ("summarised",),
    "vectors": ("encoded",),
}


@dataclass(frozen=True, slots=True)
class Share:
    """How far a job has come with some products.

    Attributes:
        done: products in the catalogue, stored pictures, summaries, or points.
        pending: products still to be tried; None where only the job can find out, or the store
            does not answer.
        none: products with nothing to do: those that name no picture.
        failed: by reason.
        bytes: on disk; None where the engine does not report it.
    """

    done: int
    pending: int | None = 0
    none: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """A job, all in all and by category; of `vectors`, one variant's.

    Attributes:
        job: its name on the command line.
        variant: whose vectors.
        total: over all products.
        categories: by category.
        rate: items a second of the last run; None without work or before its end.
        last_run: its outcome, and when it started and ended.
    """

    job: str
    variant: str
    total: Share
    categories: Mapping[str, Share]
    rate: float | None
    last_run: Mapping[str, Any] | None


def read_status(home: Path) -> dict[str, Any]:
    """The state of a shop.

    Returns:
        `home`; `products`; `jobs`: the `JobState` of each, of `vectors` one a variant;
        `failures`: reasons, counts and an example sentence; `collections`: variant, points,
        fingerprint, whether it is the variant's own, and whether its words count as chosen;
        `errors`: variants and collections that could not be read, each with its `variant` (empty
        for the whole store) and `error`;
        `runs`: the last ones, newest first.

    Raises:
        CatalogError: there is no catalogue, or it cannot be read.
    """
    with Catalogue(home, create=False) as catalogue, ExitStack() as stack:
        errors: list[dict[str, str]] = []
        runs = catalogue.runs()
        fingerprints = _fingerprints(Variants(home), errors)
        collections: list[Collection] = []
        otherwise: set[str] = set()  # collections in which words do not count as chosen
        stored_otherwise: set[str] = set()
        store: Store | None = None
        built: list[str] = []
        with _recorded(errors):
            opened = stack.enter_context(open_store(home))
            built = opened.engine.variants()
            store = opened
        jobs = [_products(catalogue, runs), _images(catalogue, runs), _summaries(catalogue, runs)]
        for name in sorted({*fingerprints, *built}):
            share = Share(0, pending=None, bytes=None)
            state = _state("vectors", share, {}, _last(runs, "vectors", name), name)
            with _recorded(errors, name):
                if store:
                    collection = store.collection(name) if name in built else None
                    state = _vectors(catalogue, store, name, collection, runs)
                    collections += [collection] if collection else []
            jobs.append(state)
        for each in collections:
            with _recorded(errors, each.variant):
                chosen = read_choice(Variants(home).folder / each.variant)
                if each.words and replace(each.words, **chosen) != each.words:
                    otherwise.add(each.variant)
            with _recorded(errors, each.variant):
                if not _stored_as_chosen(Variants(home), each):
                    stored_otherwise.add(each.variant)
        return {
            "home": str(home),
            "products": len(catalogue),
            "jobs": [asdict(each) for each in jobs],
            "failures": [asdict(each) for each in catalogue.picture_failures()],
            "collections": [
                {
                    "variant": each.variant,
                    "points": each.points,
                    "fingerprint": each.fingerprint,
                    "matches": fingerprints.get(each.variant) == each.fingerprint,
                    "words_as_chosen": each.variant not in otherwise,
                    "stored_as_chosen": each.variant not in stored_otherwise,
                    "storage": each.storage,
                    "generation": each.generation,
                    "created": each.created,
                }
                for each in collections
            ],
            "errors": errors,
            "runs": [asdict(run) for run in runs[:LAST_RUNS]],
        }


def _stored_as_chosen(variants: Variants, collection: Collection) -> bool:
    chosen = read_storage(variants.folder / collection.variant)
    if chosen.get("storage", collection.storage) != collection.storage:
        return False
    names = chosen.get("vectors") or ()
    return not names or set(names) == set(collection.vectors)


def _fingerprints(variants: Variants, errors: list[dict[str, str]]) -> dict[str, str]:
    """Each variant's fingerprint; an empty string where its manifest cannot be read."""
    fingerprints = dict.fromkeys(variants.names(), "")
    for name in fingerprints:
        with _recorded(errors, name):
            fingerprints[name] = variants.get(name).fingerprint
    return fingerprints


@contextmanager
def _recorded(errors: list[dict[str, str]], variant: str = "") -> Iterator[None]:
    """Record an error of one variant, or of the whole store; the others are read."""
    try:
        yield
    except (EncoderError, StoreError) as error:
        errors.append({"variant": variant, "error": str(error)})


def _products(catalogue: Catalogue, runs: list[Run]) -> JobState:
    last = _last(runs, "products")
    size = sum(path.stat().st_size for path in catalogue.home.glob(f"{FILE}*"))
    dropped = last.figures.get("dropped", {}) if last else {}
    return _state(
        "products",
        Share(len(catalogue), failed=dropped, bytes=size),
        {category: Share(count) for category, count in catalogue.categories().items()},
        last,
    )


def _images(catalogue: Catalogue, runs: list[Run]) -> JobState:
    sizes = catalogue.picture_bytes()
    counts = catalogue.picture_counts()
    total: Counter[str] = Counter()
    for each in counts.values():
        total.update(each)
    return _state(
        "images",
        _pictures(dict(total.most_common()), sizes.get(None, 0)),
        {category: _pictures(each, sizes.get(category, 0)) for category, each in counts.items()},
        _last(runs, "images"),
    )


def _pictures(counts: Mapping[str, int], size: int) -> Share:
    """A row of the ledger's counts as done, pending, none and failed."""
    failed = dict(counts)
    done, pending, none = (failed.pop(name, 0) for name in ("stored", "pending", NO_PICTURE))
    return Share(done, pending, none, failed, size)


def _summaries(catalogue: Catalogue, runs: list[Run]) -> JobState:
    counts = catalogue.summary_counts()
    return _state(
        "summaries",
        Share(sum(counts.values()), pending=None),
        {category: Share(counts.get(category, 0), None) for category in catalogue.categories()},
        _last(runs, "summaries"),
    )


def _vectors(
    catalogue: Catalogue, store: Store, name: str, collection: Collection | None, runs: list[Run]
) -> JobState:
    last = _last(runs, "vectors", name)
    products = catalogue.categories()
    points: Mapping[str, int] = {}
    failed = dict(last.figures.get("failed", {})) if last else {}
    if last and (unreadable := last.figures.get("unreadable", 0)):
        failed["unreadable picture"] = unreadable
    if collection:
        counted = store.facet(name, "category", limit=len(products) + 1)
        points = {"": collection.points - sum(counted.values())} | counted
    return _state(
        "vectors",
        Share(
            collection.points if collection else 0,
            sum(max(0, count - points.get(each, 0)) for each, count in products.items()),
            failed=failed,
            bytes=_size(store, name) if collection else 0,
        ),
        {
            category: Share(points.get(category, 0), max(0, count - points.get(category, 0)))
            for category, count in products.items()
        },
        last,
        name,
    )


def _state(
    job: str, total: Share, categories: Mapping[str, Share], last: Run | None, variant: str = ""
) -> JobState:
    last_run = None
    if last:
        last_run = {"outcome": last.outcome, "started": last.started, "ended": last.ended}
    return JobState(job, variant, total, categories, _rate(last), last_run)


def _last(runs: list[Run], job: str, variant: str = "") -> Run | None:
    """The newest run of a job, for a variant where that is given."""
    return next(
        (
            run
            for run in runs
            if run.job == job and (not variant or run.settings.get("variant") == variant)
        ),
        None,
    )


def _rate(run: Run | None) -> float | None:
    if run is None or not run.figures.get("seconds"):
        return None
    count = 0
    for name in PROCESSED[run.job]:
        figure = run.figures.get(name, 0)
        count += sum(figure.values()) if isinstance(figure, dict) else figure
    return count / run.figures["seconds"] if count else None


def _size(store: Store, name: str) -> int | None:
    """Bytes of a variant's generations; None where the engine does not report them."""
    try:
        sizes = [each.size for each in store.generations(name)]
    except CollectionMissing:
        return 0
    return None if None in sizes else sum(size or 0 for size in sizes)
