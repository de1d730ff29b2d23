"""Damaged rows of the catalogue and damaged vectors: named, counted, repaired."""

import json
import sqlite3
from contextlib import closing

from catalog.database import FILE
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
