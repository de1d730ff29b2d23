"""The adaptation experiment on a shop of 32 shapes."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from tests.finetune.conftest import drawn_products


@pytest.fixture
def experiment(tiny_clip, tmp_path):
    """Runs the experiment with one seed, each time in the same folder."""
    rows = []
    for product, data in drawn_products():
        (tmp_path / f"{product.id}.png").write_bytes(data)
        rows.append({"id": product.id, "title": product.title, "image": f"{product.id}.png"})
    source = tmp_path / "products.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(batch=8, output=("--json",)):
        words = ["adaptation", source, "--base", tiny_clip, "--out", tmp_path / "out", *output]
        words += ["--source-domain", source, "--", "--epochs", 1, "--batch", batch]
        words += ["--recipe", "reference"]
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


def seeds_of(ran):
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout.splitlines()[-1])["seeds"]


def test_a_seed_is_judged_on_held_out_products_and_on_the_source_domain_once(experiment, tmp_path):
    (result,) = seeds_of(experiment())
    assert set(result["training"]["heldout"]["ways"]) == {"title → picture", "picture → text"}
    assert list(result["source_domain"]["variants"]) == ["base", "seed0"]
    # What is there is read, not computed again.
    kept = result | {"source_domain": None}
    (tmp_path / "out" / "seed0.json").write_text(json.dumps(kept))
    assert seeds_of(experiment()) == [kept]
    table = experiment(output=()).stdout
    assert "both: " in table
    assert "recommended" in table
    other = experiment(batch=4)
    assert other.exit_code == 2
    assert "another experiment" in " ".join(other.output.replace("│", " ").split())
