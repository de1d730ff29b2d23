"""An installation that an earlier version made is usable as it is (see tests/earlier_version)."""

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from pictures.sources import open_file
from qdrant.model import Filters, Spec, VectorQuery
from qdrant.store import open_embedded
from search.query import Query
from search.shop import open_shop

MADE = Path(__file__).parent / "earlier_version"
EXPECTED = json.loads((MADE / "expected.json").read_text())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installation, its checkpoint where this test unpacked it."""
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(MADE / "shop.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    for name in EXPECTED:
        file = folder / "home" / "variants" / name / "manifest.json"
        file.write_text(file.read_text().replace("/tmp/old/checkpoint", f"{folder}/checkpoint"))
    return folder / "home"


@pytest.mark.parametrize("name", EXPECTED)
def test_its_variants_keep_their_fingerprint(home, name):
    assert Variants(home).get(name).fingerprint == EXPECTED[name]["fingerprint"]


@pytest.mark.parametrize("name", EXPECTED)
def test_its_collections_answer_as_they_did(home, name):
    picture = open_file(home / "source" / "kettle-navy.png")
    queries = {
        "words": Query("navy kettle", k=4),
        "picture": Query(picture=picture, k=4, vector="fused"),
        "both": Query("in coral", picture, k=4, match="vectors"),
    }
    with open_shop(home) as opened:
        engine = opened.engine(name)
        for kind, query in queries.items():
            expected = EXPECTED[name][kind]
            found = engine.search(query).results
            assert [result.id for result in found] == [product for product, _ in expected]
            assert [result.score for result in found] == pytest.approx(
                [score for _, score in expected], abs=1e-4
            )


def test_its_products_have_their_category_as_a_path(home):
    with Catalogue(home, create=False) as catalogue:
        products = list(catalogue.products())
    assert len(products) == 12
    assert all(product.categories == ((product.category,),) for product in products)


@pytest.mark.parametrize("name", EXPECTED)
def test_its_collections_can_be_changed_and_are_searched_as_before(home, tmp_path, name):
    with open_embedded(shutil.copytree(home / "qdrant", tmp_path / "qdrant")) as store:
        spec = Spec(**store.collection(name).facts())
        first, second, third, *others = store.scroll(name, vectors=True)
        changed = replace(first, payload={**first.payload, "title": "changed"})
        added = replace(third, id="added", payload={"title": "added"})
        assert store.update(spec, [changed, added], delete=[second.id]).points == 12
        query = VectorQuery("text", first.vectors["text"], 12, Filters(exclude=(third.id,)))
        [found] = store.rank_batch(name, [query])
        facts = store.facts(name, found.ids, ["title"])
        titles = {each["id"]: each["title"] for each in map(facts.__getitem__, found.ids)}
        assert titles == {point.id: point.payload["title"] for point in others} | {
            first.id: "changed",
            "added": "added",
        }
        assert store.retrieve(name, [second.id]) == {}
        assert store.facet(name, "brand", Filters(ids=(third.id,))) == {third.payload["brand"]: 1}


@pytest.mark.parametrize("name", EXPECTED)
def test_its_collections_are_renewed_once_from_its_vector_files(home, name):
    assert verify_collection(home, name)["faults"] == {"stale": 12}  # they have no words
    for written in (12, 0):
        figures = embed_products(home, name)
        assert (figures["encoded"], figures["written"], figures["points"]) == (0, written, 12)
    assert verify_collection(home, name)["faults"] == {}
    with open_shop(home) as opened:
        found = opened.engine(name).search(Query("navy kettles", k=1, match="words")).results
    assert [result.id for result in found] == ["kettle-navy"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_new_generation_is_built_from_its_vector_files(home, name):
    figures = embed_products(home, name, recreate=True)
    assert (figures["encoded"], figures["points"]) == (0, 12)
