"""Embedding on several machines: plan, embed, merge."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.distributed import plan
from ingest.distributed.blocks import GOT
from ingest.kept_vectors import open_vectors
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from tests import shop
from tests.ingest.commands import ROOT, run_here


@pytest.fixture(autouse=True)
def five_rows_a_block(monkeypatch):
    monkeypatch.setattr(plan, "BLOCK", 5)


@pytest.fixture
def bare(home):
    """The shop without vector files."""
    shutil.rmtree(home / "vectors")
    return home


@pytest.fixture
def want(bare, tmp_path):
    """A plan of all 24 vectors of the shop, in 5 blocks."""
    planned = figures(bare, "plan", "--out", tmp_path / "want")
    assert planned == {"texts": 12, "pictures": 12, "blocks": 5, "unreadable": 0}
    return tmp_path / "want"


def figures(home: Path, *words: object) -> dict:
    ended = run_here(home, *words, "--json")
    assert ended.status == 0, ended.stderr
    return json.loads(ended.stdout)


def kept(home: Path) -> dict[bytes, np.ndarray]:
    """Every vector of the variant, by key."""
    with open_vectors(home, Variants(home).get("tiny")) as opened:
        return {
            key: vector
            for keys, vectors in opened.images.batches()
            for key, vector in zip(keys, vectors, strict=True)
        }


def changed(got: Path, change) -> None:
    """Rewrite every block of results, its rows changed."""
    for path in got.glob("block-*"):
        table = parquet.read_table(path)
        rows = change(table.to_pylist())
        parquet.write_table(pa.Table.from_pylist(rows, table.schema), path)


def test_a_plan_embedded_and_merged_gives_the_vectors_of_an_embedding_here(home, tmp_path):
    expected = kept(home)
    shutil.rmtree(home / "vectors")
    want, got = tmp_path / "want", tmp_path / "got"
    assert figures(home, "plan", "--out", want)["blocks"] == 5
    embedded = figures(home, "embed", want, got)
    assert embedded == {"blocks": 5, "rows": 24, "encoded": 24, "known": 0, "failed": {}}
    merged = {"merged": 24, "known": 0, "duplicates": 0, "unknown": 0, "failed": {}}
    assert figures(home, "merge", got) == merged
    found = kept(home)
    assert found.keys() == expected.keys()
    for key, vector in expected.items():
        assert np.abs(found[key] - vector).max() < 1e-5
    assert embed_products(home, "tiny")["encoded"] == 0
    assert verify_collection(home, "tiny")["faults"] == {}


def test_what_was_done_is_not_done_again(bare, want, tmp_path):
    got = tmp_path / "got"
    figures(bare, "embed", want, got)
    written = {path.name: path.stat().st_ino for path in got.iterdir()}
    again = figures(bare, "embed", want, got)
    assert (again["encoded"], again["known"]) == (0, 24)
    assert {path.name: path.stat().st_ino for path in got.iterdir()} == written
    figures(bare, "merge", got)
    before = kept(bare)
    assert figures(bare, "merge", got)["known"] == 24
    assert figures(bare, "merge", got, got)["duplicates"] == 24
    assert kept(bare).keys() == before.keys()
    assert figures(bare, "plan", "--out", want)["blocks"] == 0
    assert [path.name for path in want.iterdir()] == ["plan.json"]


def test_two_workers_killed_in_the_middle_lose_nothing(bare, want, tmp_path):
    got = tmp_path / "got"
    killed = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.ingest.killed_worker", when, "2"),
                *("embed", want, got, "--shard", f"{number}/2"),
            ],
            cwd=ROOT,
            env={**os.environ, "VITRINE_HOME": str(bare), "VITRINE_RUNTIME": "torch"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number, when in enumerate(["before", "after"], start=1)
    ]
    assert [each.wait() for each in killed] == [-signal.SIGKILL] * 2
    whole = {path.name: path.stat().st_ino for path in got.glob("block-*")}
    assert len(whole) == 1 + 2
    rest = figures(bare, "embed", want, got)
    assert rest["blocks"] == 5
    assert rest["encoded"] + rest["known"] == 24
    assert 0 < rest["encoded"] < 24
    assert {name: (got / name).stat().st_ino for name in whole} == whole
    assert figures(bare, "merge", got)["merged"] == 24
    assert embed_products(bare, "tiny")["encoded"] == 0
    assert verify_collection(bare, "tiny")["faults"] == {}


def test_plan_pictures_and_results_may_lie_in_object_stores(bare):
    store = fsspec.filesystem("memory")
    store.put(str(bare / "images"), "/shop/images", recursive=True)
    want, got = "memory://shop/want", "memory://shop/got"
    planned = figures(bare, "plan", "--out", want, "--pictures", "memory://shop/images/")
    assert planned["pictures"] == 12
    shutil.rmtree(bare / "images")
    assert figures(bare, "embed", want, got)["encoded"] == 24
    assert figures(bare, "merge", got)["merged"] == 24


def test_a_picture_that_cannot_be_had_is_a_row_with_its_reason_until_it_is_tried_again(
    bare, tmp_path, capsys
):
    pictures, want, got = tmp_path / "pictures", tmp_path / "want", tmp_path / "got"
    shutil.copytree(bare / "images", pictures)
    lost, damaged = sorted(pictures.glob("*/*.jpg"))[:2]
    lost.rename(tmp_path / "lost")
    damaged.write_bytes(b"damaged")
    figures(bare, "plan", "--out", want, "--pictures", pictures.as_uri())
    embedded = figures(bare, "embed", want, got)
    failed = {"missing file": 1, "not a picture": 1}
    assert (embedded["encoded"], embedded["failed"]) == (22, failed)
    assert run_here(bare, "embed", want, got, "--strict").status == 1
    (tmp_path / "lost").rename(lost)
    assert figures(bare, "embed", want, got)["encoded"] == 0
    merged = figures(bare, "merge", got)
    assert (merged["merged"], merged["failed"]) == (22, failed)
    again = figures(bare, "embed", want, got, "--retry-failed")
    assert (again["encoded"], again["failed"]) == (1, {"not a picture": 1})
    assert figures(bare, "merge", got)["merged"] == 1
    assert embed_products(bare, "tiny")["encoded"] == 1  # from the shop's own file


def test_a_stored_picture_that_cannot_be_read_is_left_out_of_the_plan(bare, tmp_path):
    next((bare / "images").glob("*/*.jpg")).unlink()
    planned = figures(bare, "plan", "--out", tmp_path / "want")
    assert (planned["pictures"], planned["unreadable"]) == (11, 1)


def test_a_worker_with_another_variant_of_that_name_refuses(bare, want, tmp_path, tiny_clip):
    Variants(bare).add("tiny", tiny_clip, template="title", force=True)
    ended = run_here(bare, "embed", want, tmp_path / "got")
    assert ended.status == 1
    assert "the plan was made for" in ended.error
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("config.json", "weights or configuration"),
        ("preprocessor_config.json", "picture settings"),
        ("tokenizer.json", "tokenizer"),
    ],
)
def test_a_worker_with_another_checkpoint_refuses(bare, want, tmp_path, tiny_clip, file, what):
    """Its fingerprint is that of the plan, and its files are not."""
    base = shutil.copytree(tiny_clip, tmp_path / "base")
    Variants(bare).add("tiny", base, force=True)
    figures(bare, "plan", "--out", want)
    settings = json.loads((base / file).read_text())
    changes = {"preprocessor_config.json": {"image_mean": [0.1, 0.2, 0.3]}}
    (base / file).write_text(json.dumps(settings | changes.get(file, {}), indent=7))
    ended = run_here(bare, "embed", want, tmp_path / "got")
    assert ended.status == 1
    assert f"has changed since variant 'tiny' was made ({what}" in ended.error
    assert not (tmp_path / "got").exists()


def test_a_folder_without_a_complete_plan_is_refused(bare, want, tmp_path):
    (want / "plan.json").unlink()
    assert "has no complete plan" in run_here(bare, "embed", want, tmp_path / "got").error
    (want / "plan.json").write_text("[]")
    assert "cannot be read as a plan" in run_here(bare, "embed", want, tmp_path / "got").error


def test_results_of_another_variant_are_not_overwritten(bare, want, tmp_path, tiny_clip):
    got = tmp_path / "got"
    figures(bare, "embed", want, got)
    Variants(bare).add("titles", tiny_clip, template="title")
    figures(bare, "plan", "--variant", "titles", "--out", want)
    ended = run_here(bare, "embed", want, got)
    assert "is of another variant or another state of 'titles'" in ended.error
    assert (
        "name it with --variant tiny" in run_here(bare, "merge", got, "--variant", "titles").error
    )


def test_vectors_that_are_not_fit_are_refused_one_by_one(bare, want, tmp_path):
    got = tmp_path / "got"
    figures(bare, "embed", want, got)
    unfit = iter(
        [
            lambda vector: vector[:-1],
            lambda vector: None,
            lambda vector: [float("nan"), *vector[1:]],
            lambda vector: [None, *vector[1:]],
            lambda vector: [2 * number for number in vector],
            lambda vector: [3e38 for _ in vector],
        ]
    )
    changed(
        got,
        lambda rows: [
            {**row, "vector": next(unfit, lambda vector: vector)(row["vector"])} for row in rows
        ],
    )
    merged = figures(bare, "merge", got)
    assert (merged["merged"], merged["failed"]) == (
        24 - 6,
        {"not of the variant's dimension": 2, "not finite": 2, "not of unit length": 2},
    )
    assert embed_products(bare, "tiny")["encoded"] == 6
    assert verify_collection(bare, "tiny")["faults"] == {}


def test_rows_of_no_kind_unknown_hashes_and_repeated_ones_are_counted(bare, want, tmp_path):
    got = tmp_path / "got"
    figures(bare, "embed", want, got)
    rows = {"kind": "sound"}, {"hash": b"0" * 16}, {}
    changed(got, lambda found: [*found, *({**found[0], **row} for row in rows)])
    assert figures(bare, "merge", got) == {
        "merged": 24,
        "known": 0,
        "duplicates": 5,
        "unknown": 5,
        "failed": {"neither text nor image": 5},
    }


def test_a_product_that_changed_since_the_plan_is_embedded_by_the_next_one(bare, want, tmp_path):
    got = tmp_path / "got"
    figures(bare, "embed", want, got)
    rows = shop.rows()
    rows[0]["title"] = "crimson lipstick, now in velvet"
    source = shop.write_source(bare / "source", rows)
    figures(bare, "products", source, "--category-field", "category")
    merged = figures(bare, "merge", got)
    assert (merged["merged"], merged["unknown"]) == (23, 1)
    assert figures(bare, "plan", "--out", want)["texts"] == 1


def test_damaged_and_foreign_results_are_refused_before_any_vector_is_taken_over(
    bare, want, tmp_path
):
    got = tmp_path / "got"
    assert "has no vectors of tiny" in run_here(bare, "merge", tmp_path).error
    assert "no embedded blocks" in run_here(bare, "merge", "memory://nowhere").error
    figures(bare, "embed", want, got)
    last = sorted(got.iterdir())[-1]
    whole = last.read_bytes()
    last.write_bytes(whole[:-20])
    assert f"{last} is damaged" in run_here(bare, "merge", got).error
    doubles = pa.schema([GOT.field(0), GOT.field(1), ("vector", pa.list_(pa.float64()))])
    parquet.write_table(pa.Table.from_pylist([], doubles), last)
    assert "has other columns" in run_here(bare, "merge", got).error
    parquet.write_table(pa.Table.from_pylist([], GOT), last)
    assert "was not written by" in run_here(bare, "merge", got).error
    assert not list(bare.glob("vectors/*/*.part"))
    last.write_bytes(whole)
    assert run_here(bare, "merge", got, bare).status == 2
    assert figures(bare, "merge", got)["merged"] == 24


def test_an_address_that_cannot_be_opened_is_one_sentence(bare, tmp_path):
    assert "has the scheme https" in run_here(bare, "plan", "--out", "https://shop/want").error
    for words in (["plan", "--out", "az://c/want"], ["embed", "az://c/want", tmp_path / "got"]):
        assert "pip install adlfs" in run_here(bare, *words).error
    ended = run_here(bare, "plan", "--out", tmp_path / "want", "--pictures", "ftp://shop/images")
    assert "has the scheme ftp" in ended.error
    assert not (tmp_path / "want").exists()


def test_a_plan_has_each_text_and_picture_once(tmp_path, tiny_clip):
    rows = shop.rows()[:3]
    for row in rows:
        row |= {"title": "lipstick", "description": "", "image": "lipstick-crimson.png"}
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip, template="title")
    source = shop.write_source(home / "source", rows)
    figures(home, "products", source)
    figures(home, "images")
    planned = figures(home, "plan", "--out", tmp_path / "want")
    assert (planned["texts"], planned["pictures"]) == (1, 1)
    with Catalogue(home) as catalogue:
        assert next(run.job for run in catalogue.runs()) == "plan"
