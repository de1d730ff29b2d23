"""Damaged rows of the catalogue and damaged vectors: named, counted, repaired."""

import json
import sqlite3
from contextlib import closing

import numpy as np

from catalog.catalogue import Catalogue
from catalog.database import FILE
from encoder.model import DualEncoder
from encoder.tokenizer import Tokenizer
from encoder.variants import Variants
from ingest import projection
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from tests.ingest.commands import run_here


def test_every_job_leaves_a_damaged_row_out_and_names_it_and_its_file_repairs_it(home, bart):
    source = home / "source" / "products.jsonl"
    products, images, vectors = (
        ("products", source, "--category-field", "category"),
        ("images", "--strict"),
        ("vectors", "--variant", "tiny", "--strict"),
    )
    with closing(sqlite3.connect(home / FILE)) as connection, connection:
        connection.execute("UPDATE product SET details = '[1' WHERE id = 'kettle-teal'")
    readers = [
        ("verify", "--variant", "tiny"),
        images,
        ("summaries", "--variant", "tiny", "--checkpoint", bart),
        vectors,
        ("export", "--variant", "tiny", "--folder", home / "export"),
    ]
    for words in readers:
        ended = run_here(home, *words, "--json")
        assert ended.status == ("--strict" in words or words[0] == "verify")
        figures = json.loads(ended.stdout).get("tiny") or json.loads(ended.stdout)
        assert figures["damaged"]["count"] == 1
        assert figures["damaged"]["example"] in ended.stderr
        assert "'kettle-teal' is damaged" in ended.stderr
    assert figures["products"] == 11
    assert "1 damaged" in run_here(home, *images).stdout
    assert json.loads(run_here(home, *products, "--json").stdout)["changed"] == 1
    for words in (images, vectors, readers[0]):
        ended = run_here(home, *words, "--json")
        assert (ended.status, '"damaged"' in ended.stdout) == (0, False)


def vector_file(home):
    variant = Variants(home).get("tiny")
    (file,) = (home / "vectors" / variant.fingerprint).glob("*.part")
    return file


def flip(file, *positions):
    content = bytearray(file.read_bytes())
    for position in positions:
        content[position] ^= 1
    file.write_bytes(content)


def test_verify_names_the_files_of_damaged_vectors_and_vectors_encodes_them_anew(home):
    file = vector_file(home)
    size = file.stat().st_size // 24
    flip(file, size - 1, -1)  # a bit of the first and of the last vector
    found = verify_collection(home, "tiny")
    assert found["faults"] == {"damaged vectors": 2}
    assert found["vector_files"] == {str(file): 2}
    ended = run_here(home, "verify", "--variant", "tiny")
    assert f"2  damaged vectors in {file}" in ended.stdout
    ended = run_here(home, "vectors", "--variant", "tiny", "--json")
    figures = json.loads(ended.stdout)
    assert (figures["damaged_vectors"], figures["encoded"], figures["written"]) == (2, 2, 0)
    assert f"{file} holds 2 damaged vectors" in ended.stderr
    assert verify_collection(home, "tiny") == {"products": 12, "points": 12, "faults": {}}
    assert "damaged_vectors" not in embed_products(home, "tiny")


def test_a_vector_whose_key_is_damaged_is_encoded_anew(home):
    flip(vector_file(home), 0)
    assert verify_collection(home, "tiny")["faults"] != {}
    assert embed_products(home, "tiny")["encoded"] == 1
    assert verify_collection(home, "tiny")["faults"] == {}


def test_a_vector_file_of_garbage_is_encoded_anew(home):
    file = vector_file(home)
    file.write_bytes(bytes(file.stat().st_size))
    assert verify_collection(home, "tiny")["vector_files"] == {str(file): 1}  # all of one key
    assert embed_products(home, "tiny")["encoded"] == 24
    assert verify_collection(home, "tiny")["faults"] == {}


def test_a_point_that_is_not_fit_is_recorded_and_the_others_are_stored(home, monkeypatch):
    fuse, first = projection.fuse, np.array([[np.nan], *[[1]] * 11], np.float32)
    monkeypatch.setattr(projection, "fuse", lambda *both: first * fuse(*both))
    ended = run_here(home, "vectors", "--variant", "tiny", "--recreate", "--json")
    figures = json.loads(ended.stdout)
    assert (figures["points"], figures["failed"]) == (11, {"unexpected InvalidPoint": 1})
    assert "kettle-coral: unexpected InvalidPoint: " in ended.stderr
    assert ended.status == 0


def test_a_text_that_the_tokenizer_fails_on_is_recorded_and_the_others_are_encoded(
    home, bart, monkeypatch
):
    tokenize = Tokenizer.__call__

    def fail(tokenizer, texts):
        if any("teal kettle" in text for text in texts):
            raise ValueError("odd text")
        return tokenize(tokenizer, texts)

    vector_file(home).unlink()
    monkeypatch.setattr(Tokenizer, "__call__", fail)
    figures = embed_products(home, "tiny")
    assert figures["failed"] == {"unexpected ValueError": 1}
    assert (figures["encoded"], figures["points"]) == (23, 11)
    summaries = ("summaries", "--variant", "tiny", "--checkpoint", bart, "--all", "--json")
    figures = json.loads(run_here(home, *summaries).stdout)
    assert figures["failed"] == {"unexpected ValueError": 1}
    assert figures["summarised"] == 12


def test_a_picture_that_the_model_fails_on_is_recorded_with_the_exceptions_name(home, monkeypatch):
    features = DualEncoder.image_features

    def fail(model, pixels):
        middle = pixels.shape[1] // 2
        if pixels[:, middle, middle, 0].min() < 50:  # navy and teal have little red
            raise ValueError("odd pixels")
        return features(model, pixels)

    with Catalogue(home) as catalogue:
        files = [catalogue.pictures.path(each.picture) for each in catalogue.entries()]
    files[0].write_bytes(b"no picture")
    vector_file(home).unlink()
    monkeypatch.setattr(DualEncoder, "image_features", fail)
    figures = embed_products(home, "tiny")
    assert figures["failed"] == {"unexpected ValueError": 4}
    assert figures["unreadable"] == 1
    assert [file.exists() for file in files] == [False, *[True] * 11]
