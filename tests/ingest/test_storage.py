"""How a collection is stored: chosen, built anew from the vector files, kept, verified."""

import json
from pathlib import Path

import numpy as np
import pytest
from rich.filesize import decimal
from typer.testing import CliRunner

import ingest.storage
from backup.reading import restore_archive
from backup.writing import write_archive
from encoder.variants import Variants
from ingest.__main__ import app
from ingest.products import load_products
from ingest.status import read_status
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.model import Collection, Filters
from qdrant.storage import DEFAULT, STORAGES
from qdrant.storage_settings import FILE, write_choice
from qdrant.store import open_store
from search.engine import Engine
from search.query import Query
from tests import shop
from tests.ingest.stored import points


def collection(home: Path) -> Collection:
    with open_store(home) as store:
        return store.collection("tiny")


def test_a_collection_is_stored_as_chosen_until_something_else_is_and_nothing_is_encoded(
    home: Path,
):
    before = points(home)
    assert collection(home).storage == DEFAULT
    for name, storage in reversed(STORAGES.items()):
        figures = embed_products(home, "tiny", storage={"storage": name})
        assert (figures["encoded"], figures["written"]) == (0, 12)
        assert embed_products(home, "tiny")["written"] == 0
        assert collection(home).storage == name
        assert verify_collection(home, "tiny")["faults"] == {}
        for product, point in points(home).items():
            for vector, stored in point.vectors.items():
                assert storage.holds(before[product].vectors[vector], stored)


def test_a_shop_that_was_backed_up_opens_elsewhere_stored_as_was_chosen(home: Path, tmp_path: Path):
    embed_products(home, "tiny", storage={"storage": "turbo16", "vectors": ("image", "text")})
    write_archive(home, tmp_path / "shop.tar", lambda count: None)
    restore_archive(tmp_path / "shop.tar", tmp_path / "elsewhere", lambda count: None)
    moved = tmp_path / "elsewhere"
    assert collection(moved) == collection(home)
    assert verify_collection(moved, "tiny")["faults"] == {}
    assert embed_products(moved, "tiny")["written"] == 0


def test_verify_finds_a_vector_that_is_further_off_than_storing_it_loses(home: Path):
    embed_products(home, "tiny", storage={"storage": "turbo8"})
    with open_store(home) as store:
        point = store.retrieve("tiny", ["kettle-teal"], vectors=True)["kettle-teal"]
        turned = np.roll(point.vectors["text"], 1)
        point.vectors["text"][:] = turned
        store.update(store.collection("tiny"), [point])
    assert verify_collection(home, "tiny")["faults"] == {"other vectors": 1}


def test_pictures_and_words_alone_find_all_products(home: Path):
    rows = shop.rows()
    del rows[0]["image"]
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    figures = embed_products(home, "tiny", storage={"vectors": ("image",)})
    assert figures["points"] == 12
    assert collection(home).vectors == ("image",)
    assert verify_collection(home, "tiny")["faults"] == {}
    stored = points(home)
    assert stored[rows[0]["id"]].vectors == {}
    assert set(stored[rows[1]["id"]].vectors) == {"image"}
    with open_store(home) as store:
        engine = Engine(Variants(home).get("tiny"), store)
        bare, teal = rows[0]["id"], "kettle-teal"
        for query in (
            Query("teal kettle"),
            Query("teal kettle", match="words"),
            Query("teal kettle", diverse=True),
            Query(like=(teal,)),
            Query(picture=shop.draw(teal)),
            Query("teal", picture=shop.draw(teal)),
        ):
            assert engine.search(query).results
        assert engine.search(Query(rows[0]["title"])).results[0].id == bare
        assert engine.count(Filters(has_picture=False)) == 1
        assert len(engine.browse(Filters(), 12)) == 11
        with pytest.raises(Exception, match="has no picture, and the collection of tiny compares"):
            engine.search(Query(like=(bare,)))
        with pytest.raises(Exception, match="has no `fused` vectors"):
            engine.search(Query("teal", vector="fused"))


def test_texts_alone_have_the_room_of_one_vector_until_there_is_a_picture(
    tmp_path: Path, tiny_clip: Path
):
    rows = shop.rows()
    bare = [{name: fact for name, fact in row.items() if name != "image"} for row in rows]
    home = shop.build(tmp_path, tiny_clip, bare)
    made = collection(home)
    assert (made.vectors, made.stored) == (("image", "text", "fused"), ("text",))
    assert verify_collection(home, "tiny")["faults"] == {}
    with open_store(home) as store:
        engine = Engine(Variants(home).get("tiny"), store)
        for query in (Query("teal kettle"), Query("teal", vector="fused"), Query(like=("x",))):
            if not query.like:
                found = engine.search(query)
                assert {each.id for each in (*found.results, *found.without_picture)}
        assert store.search("tiny", np.ones(made.dim), vector="image") == [[]]
    bare[0]["price"] = 1
    load_products(home, shop.write_source(home / "source", bare), category_field="category")
    assert embed_products(home, "tiny")["points"] == 12
    assert collection(home).stored == ("text",)


def test_fewer_vectors_are_proposed_where_most_products_have_no_picture(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    rows = shop.rows()
    for row in rows[:7]:
        del row["image"]
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    embed_products(home, "tiny")
    assert "--vectors image,text" not in capsys.readouterr().err  # some hundred bytes
    monkeypatch.setattr(ingest.storage, "WORTH_SAVING", 1)
    embed_products(home, "tiny")
    shown = " ".join(capsys.readouterr().err.split())
    assert "7 of 12 products have no picture" in shown
    saved = decimal(12 * STORAGES[DEFAULT].bytes(collection(home).dim))
    assert f"--variant tiny --vectors image,text` saves about {saved}." in shown
    for chosen in ((), ("image", "text")):
        embed_products(home, "tiny", storage={"vectors": chosen})
        assert "products have no picture" not in capsys.readouterr().err


def test_what_cannot_be_stored_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    for options, sentence in (
        (["--storage", "int4"], "Vectors cannot be stored as “int4”; take int8, turbo4"),
        (["--vectors", "image,sound"], "There is no dense vector “sound”; take image, text"),
    ):
        run = CliRunner().invoke(app, ["vectors", *options])
        assert run.exit_code == 2
        assert sentence in " ".join(run.stderr.replace("│", " ").split())
    assert not (home / "variants" / "tiny" / FILE).exists()


def test_a_choice_that_was_not_applied_is_shown_and_a_damaged_one_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    folder = home / "variants" / "tiny"
    write_choice(folder, {"vectors": ["image", "text"]})
    assert not read_status(home)["collections"][0]["stored_as_chosen"]
    shown = " ".join(CliRunner().invoke(app, ["status"]).stdout.split())
    assert "The collection tiny is not stored yet as was chosen: run `vitrine" in shown
    figures = json.loads(
        CliRunner().invoke(app, ["vectors", "--storage", "turbo4", "--json"]).stdout
    )
    assert (figures["encoded"], figures["written"]) == (0, 12)
    made = collection(home)
    assert (made.storage, made.vectors) == ("turbo4", ("image", "text"))
    assert read_status(home)["collections"][0]["stored_as_chosen"]
    for damage in ("[]", '{"storage": "x"}', '{"vectors": "image"}', '{"form": "int8"}'):
        (folder / FILE).write_text(damage)
        assert embed_products(home, "tiny")["written"] == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "storage.json" in said
        assert "The collection is stored as it was: correct the file or delete it." in said
