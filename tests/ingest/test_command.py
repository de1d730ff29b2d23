"""The command line of the jobs: its contract, the variant it takes by default, its errors."""

import json

import pytest

from encoder.variants import Variants
from tests import shop
from tests.ingest.commands import begin, end, run_here


def test_the_command_line_prints_one_json_object_and_nothing_else_on_stdout(tmp_path, tiny_clip):
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip)
    source = shop.write_source(tmp_path / "source")
    options = ("--category-field", "category", "--variant", "tiny", "--json")
    done = end(begin(home, "all", source, *options))
    assert done.status == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["products"]["rows"] == figures["products"]["kept"] == 12
    assert figures["images"] == {"stored": 12, "skipped": 0, "failed": {}, "identical": 0}
    assert {name: figures["vectors"][name] for name in ("encoded", "reused", "points")} == {
        "encoded": 24,
        "reused": 0,
        "points": 12,
    }


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("products", "absent.jsonl"), 1, "absent.jsonl"),
        (("images",), 1, "vitrine ingest products"),
        (("vectors", "--variant", "none"), 1, "none"),
        (("products", "x.csv", "--field", "title"), 2, "title=name"),
        (("products", "x.csv", "--category", "a", "--category-field", "b"), 2, "not both"),
        (("vectors", "--shard", "3/2"), 2, "2/4"),
        (("all", "absent.jsonl", "--variant", "none"), 1, "No variant is called 'none'"),
        (("polish",), 2, "polish"),
    ],
)
def test_a_users_mistake_is_one_line_and_no_traceback(tmp_path, words, status, sentence):
    done = run_here(tmp_path / "home", *words)
    assert done.status == status
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words", [("images",), ("summaries",), ("vectors",), ("status",)])
def test_a_mistyped_home_is_not_made(tmp_path, words):
    home = tmp_path / "mistyped"
    assert run_here(home, *words).status == 1
    assert not home.exists()


def test_all_with_prune_deletes_products_and_pictures_that_the_source_no_longer_has(home):
    source = shop.write_source(home / "source", shop.rows()[:5])
    options = ("--category-field", "category", "--variant", "tiny", "--prune", "--json")
    figures = json.loads(run_here(home, "all", source, *options).stdout)
    assert (figures["products"]["pruned"], figures["images"]["pruned"]) == (7, 7)
    assert (figures["vectors"]["points"], figures["vectors"]["deleted"]) == (5, 0)


@pytest.fixture
def new_shop(tmp_path, tiny_clip):
    """A folder with the one variant `tiny` and no catalogue, and a file of products."""
    Variants(tmp_path / "home").add("tiny", tiny_clip)
    return tmp_path / "home", shop.write_source(tmp_path / "source")


def test_the_only_variant_is_used_where_none_is_named(new_shop, tmp_path):
    home, source = new_shop
    figures = json.loads(run_here(home, "all", source, "--json").stdout)
    assert figures["vectors"]["variants"].keys() == {"tiny"}
    assert json.loads(run_here(home, "verify", "--json").stdout).keys() == {"tiny"}
    exported = run_here(home, "export", "--folder", tmp_path / "export", "--json")
    assert json.loads(exported.stdout)["products"] == 12


def test_a_variant_must_be_named_where_there_are_several_and_none_is_the_default(
    new_shop, tiny_clip
):
    home, source = new_shop
    Variants(home).add("second", tiny_clip, template="title")
    ended = run_here(home, "all", source)
    assert (ended.status, ended.error) == (
        1,
        "Error: Name a variant: --variant with one of second, tiny.",
    )
    assert not (home / "catalog.sqlite").exists()  # before any work
    Variants(home).add("zeroshot", tiny_clip)
    assert run_here(home, "all", source, "--limit", 1).status == 0


def test_vectors_reports_pictures_that_were_not_fetched(new_shop):
    home, source = new_shop
    run_here(home, "products", source)
    ended = run_here(home, "vectors", "--json")
    assert "12 pictures have not been fetched" in ended.stderr
    assert "vitrine ingest images" in ended.stderr
    assert json.loads(ended.stdout)["pictures_pending"] == 12
    run_here(home, "images")
    ended = run_here(home, "vectors", "--json")
    assert "not been fetched" not in ended.stderr
    assert json.loads(ended.stdout)["pictures_pending"] == 0


def test_strict_turns_recorded_failures_into_status_one(tmp_path):
    source = tmp_path / "mixed.jsonl"
    source.write_text('{"id": "1", "title": "a"}\n{"id": "2"}\n')
    assert run_here(tmp_path / "home", "products", source).status == 0
    assert run_here(tmp_path / "home", "products", source, "--strict").status == 1
