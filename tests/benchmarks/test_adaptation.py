"""The adaptation experiment on a shop of 32 shapes: who is asked, what is chosen, what is kept."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.adaptation import Shop, folds
from benchmarks.adaptation_rows import STRENGTHS
from tests.finetune.conftest import looks

COUNT = 3


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A file of products, of which a disc and a square share a title in every colour."""
    folder = tmp_path_factory.mktemp("source")
    rows = []
    for product, data in looks():
        (folder / f"{product.id}.png").write_bytes(data)
        title = product.title.replace("disc", "square")
        rows.append({"id": product.id, "title": title, "image": f"{product.id}.png"})
    file = folder / "products.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture(scope="module")
def experiment(source, tiny_clip, tmp_path_factory):
    """Runs rows on all folds, each time the same experiment goes on."""
    out = tmp_path_factory.mktemp("experiment")

    def run(*rows, batch=8):
        words = ["adaptation", source, "--base", tiny_clip, "--out", out, "--folds", COUNT]
        words += ["--epochs", 1, "--batch", batch, "--forgetting", source]
        words += [word for row in rows for word in ("--row", row)]
        return out, CliRunner().invoke(app, [str(word) for word in words])

    return run


def unit(out, fold, row):
    return json.loads((out / "units" / f"{fold}-{row}.json").read_text())


def test_each_product_is_held_out_once_and_never_beside_its_like(source, tmp_path):
    examples = Shop.fill(source, tmp_path / "shop").examples()
    made = folds(examples, COUNT)
    assert sorted(name for fold in made for name in fold.test) == sorted(examples.place)
    group = dict(zip(examples.place, examples.groups, strict=True))
    for fold in made:
        train, validation, test = (
            {group[name] for name in part} for part in (fold.train, fold.validation, fold.test)
        )
        assert train.isdisjoint(test)
        assert validation.isdisjoint(train | test)
        assert len(validation) > 1


def test_a_row_is_told_once_all_of_its_folds_are_there(experiment):
    out, ran = experiment("zeroshot", "lora_best", "full")
    assert ran.exit_code == 0, ran.output
    told = {line["row"]: line for line in json.loads((out / "results.json").read_text())}
    assert set(told) == {"zeroshot", "lora_best", "full"}
    assert {way["nDCG@10"]["n"] for way in told["full"]["estimates"].values()} == {32}
    assert set(told["full"]["gains"]) == set(told["full"]["estimates"])
    assert told["full"]["forgetting"]
    assert "full fine-tuning" in (out / "table.md").read_text()


@pytest.mark.parametrize("better", [0, 1])
def test_the_candidate_that_validation_prefers_is_taken_at_one_of_the_strengths(experiment, better):
    out, _ = experiment("lora_best")
    for at in range(2):
        file = out / "units" / f"0-lora_best-{at}.candidate.json"
        told = json.loads(file.read_text())
        told["validation"]["nDCG@10"] = float(at == better)
        file.write_text(json.dumps(told))
    (out / "units" / "0-lora_best.json").unlink()
    experiment("lora_best")
    chosen = unit(out, 0, "lora_best")["chosen"]
    assert chosen["model"] == f"0-lora_best-{better}"
    assert chosen["strength"] in STRENGTHS


def test_what_is_there_is_not_worked_out_again(experiment):
    out, _ = experiment("zeroshot")
    before = {file: file.stat().st_mtime_ns for file in (out / "units").iterdir()}
    experiment("zeroshot")
    assert before == {file: file.stat().st_mtime_ns for file in (out / "units").iterdir()}


def test_another_experiment_is_not_mixed_in(experiment):
    experiment("zeroshot")
    _, ran = experiment("zeroshot", batch=4)
    assert ran.exit_code == 2
    assert "another experiment" in " ".join(ran.output.replace("│", " ").split())
