"""Searches of collections beyond the full scan: graph, int8, rescoring."""

from dataclasses import replace

import numpy as np
import pytest

from qdrant import layout
from qdrant.embedded import mapping
from qdrant.model import Filters, Point, Spec
from qdrant.sizing import link_bytes
from qdrant.storage import STORAGES
from qdrant.store import open_embedded
from tests.qdrant.shop import SPEC, ids

DIM = 128
COUNT = 22_000
QUERIES = 60
# Of vectors as long as these 1,250 are scanned; half of so many are more.
LONG = 2048
MANY = 9_000
UNIT = np.array([1.0, 0.0], np.float32)


def clustered(rng: np.random.Generator, centres: np.ndarray, count: int) -> np.ndarray:
    """Unit vectors around random ones of the centres, as products lie around their kinds."""
    drawn = centres[rng.integers(0, len(centres), count)]
    drawn = drawn + 0.7 * rng.standard_normal(drawn.shape)
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory):
    """A store with a graph, its vectors, and queries of the same kind."""
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((100, DIM))
    vectors, queries = clustered(rng, centres, COUNT), clustered(rng, centres, QUERIES)
    assert not layout.scan_all(COUNT, DIM), "this must be beyond the full scan"
    points = (
        Point(f"p{i}", {"categories": [f"c{i % 5}"], "price": float(i)}, {"fused": vector})
        for i, vector in enumerate(vectors)
    )
    with open_embedded(tmp_path_factory.mktemp("large")) as store:
        store.build(replace(SPEC, dim=DIM, vectors=("fused",)), points)
        yield store, vectors, queries


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory):
    """A store of long vectors, so that half of it is beyond the full scan.

    The first half has a category, and its vectors lie apart from the others.
    """
    rng = np.random.default_rng(2)
    centres = rng.standard_normal((30, LONG))
    halves = [clustered(rng, each, MANY // 2) for each in (centres[:15], centres[15:])]
    vectors, queries = np.concatenate(halves), clustered(rng, centres, QUERIES)
    points = (
        Point(
            f"p{i}",
            {"price": float(i % 2), "categories": ["first"] if i < MANY // 2 else []},
            {"text": vector, "image": UNIT} if i % 2 else {"text": vector},
        )
        for i, vector in enumerate(vectors)
    )
    with open_embedded(tmp_path_factory.mktemp("long")) as store:
        spec = replace(SPEC, dim=LONG, dims={"image": 2}, vectors=("text", "image"))
        store.build(spec, points)
        yield store, vectors, queries


def recall(found: list[list[str]], vectors: np.ndarray, queries: np.ndarray, kept: np.ndarray):
    """The share of the true ten nearest among those kept that was found."""
    order = np.argsort(-(queries @ vectors[kept].T), axis=1)[:, :10]
    true = [{f"p{kept[i]}" for i in row} for row in order]
    return np.mean([len(t & set(f)) / 10 for t, f in zip(true, found, strict=True)])


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(), lambda i: i >= 0),
        (Filters(categories=("c3",)), lambda i: i % 5 == 3),
        (Filters(price_min=10_000), lambda i: i >= 10_000),
        (
            Filters(categories=("c1", "c2"), price_max=50),
            lambda i: (i <= 50) & np.isin(i % 5, (1, 2)),
        ),
    ],
)
def test_the_graph_finds_the_true_nearest(large, filters: Filters, wanted):
    store, vectors, queries = large
    found = [ids(hits) for hits in store.search(SPEC.variant, queries, filters=filters)]
    numbers = np.arange(COUNT)
    kept = numbers[wanted(numbers)]
    assert recall(found, vectors, queries, kept) >= 0.97
    assert len(store.search(SPEC.variant, queries[0], k=5000, filters=filters)[0]) <= len(kept)


def test_the_ef_of_a_search_is_the_measured_one(large, monkeypatch):
    """The vectors lie in clusters, where few candidates are enough."""
    store, _, queries = large
    graph = store.collection(SPEC.variant).graphs["fused"]
    assert graph.recall >= 0.99
    assert graph.ef < layout.EF
    made = []
    with store.engine.reader(SPEC.variant) as reader:
        really_search = reader.search
        monkeypatch.setattr(reader, "search", lambda each: made.extend(each) or really_search(each))
        store.search(SPEC.variant, queries[0])
        store.search(SPEC.variant, queries[0], ef=77)
    assert [search.ef for search in made] == [graph.ef, 77]


@pytest.mark.parametrize(("deleted", "changed"), [(2, 2), (2_300, 0)])
def test_a_small_change_keeps_what_was_measured_and_a_large_one_is_measured_again(
    large, deleted: int, changed: int
):
    store, _, _ = large
    before = store.collection(SPEC.variant)
    gone = [f"p{i}" for i in range(deleted)]
    made = store.update(Spec(**before.facts()), [], delete=gone)
    store.rollback(SPEC.variant)
    assert made.points == COUNT - deleted
    assert made.changed == changed
    # Measured again: so few are compared one by one.
    assert made.graphs == ({} if layout.scan_all(made.points, DIM) else before.graphs)


def test_an_exact_search_misses_nothing(large):
    store, vectors, queries = large
    found = [ids(hits) for hits in store.search(SPEC.variant, queries, exact=True)]
    assert recall(found, vectors, queries, np.arange(COUNT)) == 1


def test_scores_are_those_of_the_original_vectors_not_of_int8(large):
    store, vectors, queries = large
    for query, hits in zip(queries, store.search(SPEC.variant, queries), strict=True):
        for hit in hits:
            cosine = float(vectors[int(hit.id[1:])] @ query)
            assert hit.score == pytest.approx(cosine, abs=1e-5)


def test_the_graph_and_the_int8_copies_are_there(large):
    store, _, _ = large
    generation = store.collection(SPEC.variant).generation
    names = {
        p.name for p in store.engine.folder.glob(f"{SPEC.variant}/{generation}/segments/*/*/*")
    }
    assert any(name.startswith("graph") for name in names)
    assert any(name.startswith("quantized") for name in names)


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (Filters(), lambda i: True),
        (Filters(categories=("first",)), lambda i: i < MANY // 2),
        (Filters(price_max=0), lambda i: i % 2 == 0),
        (Filters(price_max=0, has_picture=False), lambda i: i % 2 == 0),
        (Filters(has_picture=True), lambda i: i % 2),
    ],
)
@pytest.mark.parametrize(("scanned_kib", "least"), [(0, 0.97), (layout.FILTERED_SCAN_KIB, 0.99)])
def test_searches_have_full_recall_under_filters(
    long, filters, kept, scanned_kib, least, monkeypatch
):
    """By the graph with ACORN, and where all that pass are compared."""
    monkeypatch.setattr(layout, "FILTERED_SCAN_KIB", scanned_kib)
    store, vectors, queries = long
    found = store.search(SPEC.variant, queries, vector="text", filters=filters)
    rows = np.array([i for i in range(len(vectors)) if kept(i)])
    assert rows.size > layout.FULL_SCAN_KIB * 1024 / vectors[0].nbytes, "more than are scanned"
    assert recall([ids(hits) for hits in found], vectors, queries, rows) >= least


def test_all_that_pass_a_filter_are_compared_up_to_a_limit(long, monkeypatch):
    store, _, queries = long
    made = []
    really_query = mapping.query
    monkeypatch.setattr(
        mapping,
        "query",
        lambda search, *rest: made.append(search) or really_query(search, *rest),
    )
    half, none = Filters(price_max=0), Filters(exclude=("p1",))
    for filters, scanned_kib in ((half, 40_000), (half, 30_000), (none, 10**6)):
        monkeypatch.setattr(layout, "FILTERED_SCAN_KIB", scanned_kib)
        store.search(SPEC.variant, queries[0], vector="text", filters=filters)
    assert [search.exact for search in made] == [True, False, False]


@pytest.mark.parametrize(
    ("passing", "dim", "scanned"),
    [
        (4_000, 512, False),  # which the engine itself compares
        (64_000, 512, True),
        (70_000, 512, False),
        (30_000, 64, False),
        (180_000, 64, True),
        (200_000, 64, False),  # 49 MB of vectors
    ],
)
def test_short_vectors_that_pass_a_filter_are_compared_up_to_fewer_bytes(passing, dim, scanned):
    assert layout.scan_filtered(passing, dim) == scanned


def test_vectors_take_the_bytes_that_a_plan_counts_with(large):
    store, _, _ = large
    generation = store.generations("demo")[-1]  # the built one, also after an update
    folder = store.engine.folder / "demo" / generation.name
    files = [path for path in folder.rglob("*") if "vector_" in str(path) and path.is_file()]
    taken = sum(path.stat().st_blocks * 512 for path in files)
    planned = COUNT * (STORAGES[SPEC.storage].bytes(DIM) + link_bytes(COUNT))
    assert 0.95 * taken <= planned <= 1.25 * taken
