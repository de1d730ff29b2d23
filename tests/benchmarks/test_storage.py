"""Ways to store dense vectors, measured on a few products."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import storage_sources
from benchmarks.__main__ import app
from benchmarks.storage_collections import WAYS, ways_of
from benchmarks.storage_sources import K, Source, filled_shop, generated_shop, generated_vectors
from encoder.variant import Variant
from qdrant.model import Point
from tests import shop

N, DIM = 300, 16


def run(folder: Path, *options: object) -> tuple[list[dict], str]:
    words = ["storage", "--folder", folder, "--n", N, "--dim", DIM, "--json", *options]
    ran = CliRunner().invoke(app, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)["rows"], ran.stderr


def test_ways_cost_and_find_what_their_storage_does_and_are_built_once(tmp_path: Path):
    options = ("--no-facts", "--vector", "text", "--way", "int8")
    (exact, small), written = run(tmp_path, *options, "--way", "turbo8")
    assert [exact["way"], small["way"]] == ["int8", "turbo8"]
    assert exact["recall"] == {"text": 1.0}
    assert 0.8 < small["recall"]["text"] < 1.0
    assert exact["built"]["vectors"] > small["built"]["vectors"] > DIM
    assert exact["ratio"] == 1.0
    assert exact["built"]["graphs"] == 0  # so few are always scanned
    assert written.count("building") == 2
    (again,), written = run(tmp_path, *options, "--way", "int8_image")
    assert (again["built"], written.count("building")) == (exact["built"], 0)


def test_an_unknown_way_is_named_before_anything_is_built(tmp_path: Path):
    few = ["storage", "--folder", str(tmp_path), "--n", "0"]
    for option, name in (("--way", "int4"), ("--vector", "fused")):
        ran = CliRunner().invoke(app, [*few, option, name])
        assert ran.exit_code == 2
        assert f"there is no {name}; take" in " ".join(ran.stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [generated_shop, generated_vectors])
def test_the_exact_nearest_are_those_of_all_blocks_without_the_own_product(
    make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(storage_sources, "BLOCK", 37)
    source = make(tmp_path, N, DIM)
    source.read()
    queries = source.queries(["text", "image"])
    points = list(source.points())
    assert len(points) == N
    assert len(queries.ids) == storage_sources.QUERIES
    for name in ("text", "image"):
        having = [point for point in points if name in point.vectors]
        matrix = np.array([point.vectors[name] for point in having])
        np.testing.assert_array_equal(source.matrix(name)[0], matrix)
        scores = queries.vectors @ matrix.T
        for row, (own, found) in enumerate(zip(queries.ids, queries.nearest[name], strict=True)):
            others = {point.id: scores[row, column] for column, point in enumerate(having)}
            others.pop(own, None)
            best = sorted(others.values())[-K:]
            scored = sorted(others[each] for each in found)
            np.testing.assert_allclose(scored[-K:], best, atol=1e-6)
            assert scored[0] >= best[0] - 1e-5


def test_products_that_are_as_near_as_the_last_of_the_nearest_count_as_found(tmp_path: Path):
    single = generated_vectors(tmp_path / "single", 40, DIM)

    def twice() -> Iterator[Point]:
        points = list(single.points())
        return iter([*points, *(replace(each, id=f"{each.id}-2") for each in points)])

    source = Source(tmp_path / "twice", single.spec, 80, twice)
    source.read()
    queries = source.queries(["text"])
    for own, found in zip(queries.ids, queries.nearest["text"], strict=True):
        # Its own double and both of each of five others: one more than ten.
        assert len(found) == K + 1
        assert own not in found
        assert {each.removesuffix("-2") for each in found} >= {own.removesuffix("-2")}


def test_ways_that_are_the_same_without_pictures_or_with_one_vector_are_measured_once(
    tmp_path: Path,
):
    pictured = generated_vectors(tmp_path / "pictured", 20, DIM)

    def texts() -> Iterator[Point]:
        return (replace(each, vectors={"text": each.vectors["text"]}) for each in pictured.points())

    bare = Source(tmp_path / "bare", pictured.spec, 20, texts)
    for source in (pictured, bare):
        source.read()
    alone = ["int8", "turbo4", "turbo16", "turbo8"]
    assert list(ways_of(pictured, list(WAYS), [])) == list(WAYS)
    assert list(ways_of(pictured, list(WAYS), ["text"])) == alone
    ways = ways_of(bare, list(WAYS), [])
    assert list(ways) == alone
    assert ways["turbo8"].vectors == ("text",)


def test_a_filled_shop_gives_the_vectors_of_its_variant(
    tmp_path: Path, tiny_clip: Path, monkeypatch: pytest.MonkeyPatch
):
    home = shop.build(tmp_path / "home", tiny_clip)
    source = filled_shop(tmp_path / "kept", home)
    source.read()
    assert [len(source.matrix(name)[0]) for name in ("text", "image")] == [12, 12]
    assert {len(found) for found in source.queries(["image"]).nearest["image"]} == {K}
    monkeypatch.setattr(Variant, "vectors", ("image", "text"))
    source = filled_shop(tmp_path / "of two models", home)
    assert {tuple(point.vectors) for point in source.points()} == {("text",)}
