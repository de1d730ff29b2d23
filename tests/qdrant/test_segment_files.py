"""Hard links between generations: what an update and readers leave as it was."""

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qdrant.disk import copy_sparse, extents, mirror
from qdrant.embedded import segment_files
from qdrant.errors import BuildFailed
from qdrant.model import Point, SparseVector
from qdrant.store import Store, open_embedded
from qdrant.word_settings import WordSettings
from tests.qdrant.processes import PATCH_BUILDER
from tests.qdrant.shop import SPEC, vectors

COUNT = 400
SPARSE_SPEC = replace(SPEC, vectors=("text",), words=WordSettings("en", 3.0))
DRAWN = vectors(COUNT)
# With this bound so few products get a sealed segment, in the builder's process.
FULL_SCAN_KIB = 4
SMALL_GRAPHS = f"import qdrant.layout\nqdrant.layout.FULL_SCAN_KIB = {FULL_SCAN_KIB}\n"
SHARED = {"matrix.dat", "quantized.data", "links_compressed.bin", "id_tracker.mappings"}
SHARED |= {"page_0.dat", "phrases-0.positions", "point_to_values.bin"}


def product(i: int, title: str = "product") -> Point:
    """One with all kinds of files: terms, numbers, a sparse vector."""
    facts = {"title": title, "terms": f"{title} {i % 40}", "price": i / 2, "brand": f"b{i % 9}"}
    words = SparseVector(np.array([i % 40, 50 + i % 7], np.uint32), np.ones(2, np.float32))
    return Point(f"p{i}", facts, {"text": DRAWN[i]}, {"words": words})


@pytest.fixture(autouse=True, scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The code that builders run as they start."""
    code = tmp_path_factory.mktemp("site") / "sitecustomize.py"
    code.write_text(SMALL_GRAPHS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qdrant.layout.FULL_SCAN_KIB", FULL_SCAN_KIB)
        patch.setenv("PYTHONPATH", str(code.parent))
        yield code


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store folder with one generation, of which nothing was read."""
    folder = tmp_path_factory.mktemp("built")
    with open_embedded(folder) as store:
        store.build(SPARSE_SPEC, map(product, range(COUNT)))
    return folder


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it, for one test to change."""
    mirror(built, tmp_path / "store", copy_sparse)
    with open_embedded(tmp_path / "store") as opened:
        yield opened


def files(store: Store, generation: str) -> list[Path]:
    """The files of a generation."""
    folder = store.engine.folder / "demo" / generation
    return [path for path in folder.rglob("*") if path.is_file()]


def digests(store: Store, generation: str) -> dict[str, str]:
    """The contents of a generation's files, which are mostly holes."""
    found = {}
    for path in files(store, generation):
        with path.open("rb") as file:
            digest = hashlib.sha256(str(path.stat().st_size).encode())
            for start, end in extents(file.fileno()):
                digest.update(os.pread(file.fileno(), end - start, start).rstrip(b"\0"))
        found[str(path)] = digest.hexdigest()
    return found


def shared(store: Store, *generations: str) -> set[str]:
    """The names of files that two generations have in common."""
    first, second = ({path.stat().st_ino: path for path in files(store, g)} for g in generations)
    return {first[inode].name for inode in first.keys() & second.keys()}


def read(store: Store) -> list[tuple[str, str]]:
    """Open the published generation and read all kinds of its files; what was found."""
    hits = store.search("demo", DRAWN[:20], vector="text", k=5)
    list(store.scroll("demo", vectors=True))
    store.facet("demo", "brand")
    return [(hit.id, hit.payload["title"]) for row in hits for hit in row]


def test_an_update_shares_files_with_the_generation_before_and_changes_no_byte_of_it(store: Store):
    first = store.collection("demo").generation
    before, found = digests(store, first), read(store)
    changed = (product(i, "changed") for i in range(30))
    second = store.update(SPARSE_SPEC, changed, delete=[f"p{i}" for i in range(30, 40)])
    assert shared(store, first, second.generation) >= SHARED
    assert digests(store, first) == before
    assert found[0] == ("p0", "product")
    assert {title for product, title in read(store) if int(product[1:]) < 30} == {"changed"}

    # So many that the engine makes another sealed segment of them.
    of_second, seen = digests(store, second.generation), read(store)
    changed = (product(i, "again") for i in range(200, COUNT))
    store.update(SPARSE_SPEC, changed, delete=[f"p{i}" for i in range(20, 100)])
    assert {title for product, title in read(store) if int(product[1:]) >= 200} == {"again"}
    store.rollback("demo")
    assert read(store) == seen
    assert digests(store, second.generation) == of_second


def test_a_generation_with_deleted_products_is_not_written_when_it_is_opened(store: Store):
    store.update(SPARSE_SPEC, [product(i) for i in range(9)], delete=["p10", "p11"])
    made = store.update(SPARSE_SPEC, [product(1)], delete=["p2", "p12"])
    before = digests(store, made.generation)
    folder = store.engine.folder
    with open_embedded(folder) as one, open_embedded(folder) as other:
        assert one.count("demo") == other.count("demo") == COUNT - 4
        read(one)
    assert digests(store, made.generation) == before


@pytest.mark.parametrize("method", ["write", "finish"])
def test_an_update_that_is_killed_there_changes_no_byte_of_the_generation_before(
    store: Store, site: Path, method: str
):
    generation = store.collection("demo").generation
    whole, found = digests(store, generation), read(store)
    end = "os.kill(os.getpid(), signal.SIGKILL)"
    dying = PATCH_BUILDER.format(method=method, before="", after=end, wrap="dying")
    site.write_text(SMALL_GRAPHS + dying)
    with pytest.raises(BuildFailed, match="SIGKILL"):
        store.update(SPARSE_SPEC, [product(0, "changed")], delete=["p5"])
    site.write_text(SMALL_GRAPHS)
    assert digests(store, generation) == whole
    assert read(store) == found
    store.update(SPARSE_SPEC, [product(0, "changed")])
    assert read(store)[0] == ("p0", "changed")


def test_files_that_cannot_have_two_names_are_copied(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), str(target))

    monkeypatch.setattr(segment_files.os, "link", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = store.collection("demo").generation
    made = store.update(SPARSE_SPEC, [product(0, "changed")])
    assert read(store)[0] == ("p0", "changed")
    assert shared(store, first, made.generation) == set()
