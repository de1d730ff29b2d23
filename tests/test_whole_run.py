"""The whole run by the command line, from a model to its evaluation, for more than CLIP alone."""

import json

import pytest
from typer.testing import CliRunner

from tests import shop
from tests.tiny_models import build_tiny_model, build_tiny_text_model
from vitrine.__main__ import app

TRAINING = ["--recipe", "reference", "--variant", "tuned", "--cpu", "--epochs", "1"]
TRAINING += ["--batch", "4", "--set", "validation=0.2", "--set", "test=0.2"]


@pytest.mark.parametrize("kind", ["siglip", "clip with a text model"])
def test_a_model_is_added_searched_trained_and_evaluated(tmp_path, tiny_clip, monkeypatch, kind):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "home"))

    def run(*words):
        ran = CliRunner().invoke(app, [str(word) for word in words])
        assert ran.exit_code == 0, ran.output
        return ran

    if kind == "siglip":
        base, words = build_tiny_model("siglip", tmp_path / "base"), []
    else:
        base = tiny_clip
        words = ["--text-model", build_tiny_text_model(tmp_path / "words")]
    run("add", "one", "--base", base, *words)
    source = shop.write_source(tmp_path / "source")
    run("ingest", "all", source, "--category-field", "category", "--variant", "one")

    found = run("search", "navy kettle", "--image", source.parent / "kettle-navy.png", "--k", "3")
    assert "navy kettle" in found.stdout
    assert base.name in found.stderr
    assert ("text by words" in found.stderr) == bool(words)

    trained = run("finetune", "--base", base, *TRAINING, "--json")
    assert json.loads(trained.stdout)["recommended"] is False
    run("ingest", "vectors", "--variant", "tuned")
    queries = tmp_path / "queries.jsonl"
    run("eval", "make-queries", "--kind", "title", "--share", "1", "--out", queries)
    compared = ["--variant", "one", "--variant", "tuned", "--resamples", "200", "--json"]
    report = json.loads(run("eval", "run", *compared, "--queries", queries).stdout)
    assert set(report["variants"]) == {"one", "tuned"}
