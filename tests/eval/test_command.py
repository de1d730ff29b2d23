import json
import shutil
import subprocess
import sys

import openpyxl
import pytest
from typer.testing import CliRunner

from eval.__main__ import app
from eval.reference_files import COLUMNS
from tests.shop import copy


@pytest.fixture
def command(shop, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(shop))

    def run(*arguments, expect=0):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        assert result.exit_code == expect, result.output
        return result

    return run


@pytest.fixture
def titles(command, tmp_path):
    command("make-queries", "--kind", "title", "--share", 1, "--out", tmp_path / "titles.jsonl")
    return tmp_path / "titles.jsonl"


def test_made_queries_are_run_and_stdout_is_one_object(command, titles, shop):
    result = command(
        "run", "--variant", "tiny", "--variant", "other", "--queries", titles,
        "--resamples", 200, "--name", "cli", "--json",
    )  # fmt: skip
    printed = json.loads(result.stdout)
    assert list(printed["variants"]) == ["tiny", "other"]
    assert set(printed["variants"]["tiny"]["nDCG@10"]) == {"value", "low", "high", "n", "clusters"}
    assert printed["variants"]["tiny"]["nDCG@10"]["n"] == 12
    assert printed["report"] == str(shop / "reports" / "cli")
    assert (shop / "reports" / "cli" / "report.html").is_file()


def test_without_json_a_table_and_a_verdict_are_printed(command, titles):
    result = command(
        "run", "--variant", "tiny", "--variant", "other", "--queries", titles, "--resamples", 200
    )
    for word in ("nDCG@10", "AvgMeanSimilarity@5", "random baseline", "between tiny and other"):
        assert word in result.stdout
    assert "report.html" in result.stderr


def test_run_files_of_a_report_are_compared(command, titles, shop):
    command("run", "--variant", "tiny", "--queries", titles, "--name", "one", "--resamples", 200)
    command("run", "--variant", "other", "--queries", titles, "--name", "two", "--resamples", 200)
    reports = shop / "reports"
    result = command(
        "compare", reports / "one" / "tiny.run", reports / "two" / "other.run",
        "--qrels", reports / "two" / "qrels.txt", "--json",
    )  # fmt: skip
    printed = json.loads(result.stdout)
    measured = json.loads((reports / "two" / "results.json").read_text())["variants"]["other"]
    assert printed["variants"]["other"]["MRR"]["value"] == measured["MRR"]["value"]
    (shop / "empty.run").touch()
    qrels = reports / "two" / "qrels.txt"
    result = command("compare", shop / "empty.run", "--qrels", qrels, expect=1)
    assert "is empty" in result.stderr


def test_queries_with_the_same_relevant_products_are_one_cluster_of_a_comparison(command, tmp_path):
    (tmp_path / "q").write_text("a 0 x 1\nb 0 x 1\nc 0 y 1\nd 0 none 0\n")
    (tmp_path / "one.run").write_text("a Q0 x 1 1 one\nb Q0 x 1 1 one\nc Q0 y 1 1 one\n")
    (tmp_path / "two.run").write_text("a Q0 y 1 1 two\n")
    runs = (tmp_path / "one.run", tmp_path / "two.run")
    printed = json.loads(command("compare", *runs, "--qrels", tmp_path / "q", "--json").stdout)
    difference = printed["differences"][0]
    assert (difference["n"], difference["clusters"]) == (3, 2)
    assert difference["p"] == 0.5  # of four assignments of signs


def test_the_references_excel_becomes_a_catalogue_and_queries(command, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    book.active.append(("Mugs", "https://www.amazon.com/x/dp/B000000001", "Red mug", "u", "d"))
    book.save(tmp_path / "gt.xlsx")
    out, products = tmp_path / "q.jsonl", tmp_path / "p.jsonl"
    command(
        "make-queries", "--from", tmp_path / "gt.xlsx", "--as-catalogue", products,
        "--category", "Beauty", "--out", out,
    )  # fmt: skip
    [product] = map(json.loads, products.read_text().splitlines())
    assert product == {
        "id": "B000000001",
        "title": "Red mug",
        "category": "Beauty",
        "description": "d",
        "link": "https://www.amazon.com/x/dp/B000000001",
        "image": "u",
    }
    [query] = map(json.loads, out.read_text().splitlines())
    assert query["relevant"] == ["B000000001"]
    result = command("run", "--variant", "tiny", "--queries", tmp_path / "gt.xlsx", expect=1)
    assert "not found in the catalogue" in " ".join(result.stderr.split())


def test_strict_fails_when_a_query_was_left_out(command, tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text(
        '{"text": "teal", "relevant": ["kettle-teal"]}\n{"text": "x", "relevant": ["gone"]}\n'
    )
    arguments = ("run", "--variant", "tiny", "--queries", path, "--resamples", 200)
    command(*arguments)
    command(*arguments, "--strict", expect=1)


def test_a_variant_that_must_win_and_does_not_fails_the_run(command, titles):
    both = ("run", "--variant", "tiny", "--variant", "other", "--queries", titles)
    result = command(*both, "--resamples", 200, "--json", "--must-win", "other", expect=1)
    assert json.loads(result.stdout)["variants"]["other"]
    assert "other is not significantly better in nDCG@10" in result.stderr
    command(*both, "--must-win", "gone", expect=2)
    command(*both[:3], "--queries", titles, "--must-win", "tiny", expect=2)


def test_labels_are_predicted_from_pictures_and_measured_on_products(command, shop):
    picture = shop / "source" / "kettle-teal.png"
    result = command(
        "classify", "--variant", "tiny", "--label", "matte", "--label", "glossy",
        "--image", picture, "--json",
    )  # fmt: skip
    assert set(json.loads(result.stdout)["pictures"][str(picture)]) == {"matte", "glossy"}
    result = command(
        "classify", "--variant", "tiny", "--label", "matte", "--label", "glossy",
        "--image", picture, "--image", shop / "none.png", "--json",
    )  # fmt: skip
    assert set(json.loads(result.stdout)["failed"]) == {str(shop / "none.png")}
    assert "There is no file" in result.stderr
    result = command("classify", "--variant", "tiny", "--field", "brand", "--json")
    printed = json.loads(result.stdout)
    assert printed["products"] == 12
    assert set(printed["told"]) == {"Acme", "Zenith"}
    assert (
        "labelled correctly" in command("classify", "--variant", "tiny", "--field", "brand").stdout
    )


def test_the_only_variant_is_evaluated_where_none_is_named(
    command, titles, shop, tmp_path, monkeypatch
):
    home = copy(shop, tmp_path / "home")
    shutil.rmtree(home / "qdrant" / "other")
    monkeypatch.setenv("VITRINE_HOME", str(home))
    printed = json.loads(command("run", "--queries", titles, "--resamples", 100, "--json").stdout)
    assert list(printed["variants"]) == ["tiny"]
    assert json.loads(command("classify", "--field", "brand", "--json").stdout)["products"] == 12


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("classify",),
        ("classify", "--image", "x.jpg", "--field", "brand"),
        ("classify", "--image", "x.jpg", "--label", "one"),
        ("make-queries", "--out", "q.jsonl", "--as-catalogue", "p.jsonl"),
        ("run", "--queries", "q.jsonl", "--depth", "5"),
        ("run", "--queries", "q.jsonl", "--seed", "-1"),
        ("run", "--queries", "q.jsonl", "--resamples", "10"),
    ],
)
def test_wrong_usage_ends_with_2(command, arguments):
    command(*arguments, expect=2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--queries", "none.jsonl"), "There is no file none.jsonl"),
        (("run", "--queries", "none.docx"), "There is no file none.docx"),
        (("run", "--queries", __file__), "no known form"),
        (("run", "--variant", "gone", "--queries", "{titles}"), "gone"),
        (("run", "--queries", "{titles}"), "Name a variant: --variant with one of other, tiny"),
        (("classify", "--field", "brand"), "Name a variant: --variant with one of other, tiny"),
        (("run", "--variant", "tiny", "--queries", "{titles}", "--vector", "text"), "--vector out"),
        (("run", "--variant", "tiny", "--queries", "{titles}", "--category", "Shoes"), "Shoes"),
        (("run", "--variant", "tiny", "--queries", "{titles}", "--engine", "lucene"), "lucene"),
        (("classify", "--variant", "tiny", "--field", "finish"), "No product has a field “finish”"),
        (("make-queries", "--share", "nan", "--out", "q.jsonl"), "lies between 0 and 1"),
        (("make-queries", "--kind", "sound", "--out", "q.jsonl"), "kind “sound”"),
        (("compare", "none.run", "--qrels", "none.txt"), "There is no file none.txt"),
    ],
)  # fmt: skip
def test_a_users_mistake_is_one_sentence(command, titles, arguments, sentence):
    result = command(*(each.format(titles=titles) for each in arguments), expect=1)
    assert result.stderr.startswith("Error:")
    assert sentence in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_reports_that_cannot_be_written_are_an_error_before_any_search(
    command, titles, shop, tmp_path, monkeypatch
):
    home = shutil.copytree(shop, tmp_path / "home", ignore=shutil.ignore_patterns("reports"))
    (home / "reports").touch()
    monkeypatch.setenv("VITRINE_HOME", str(home))
    result = command("run", "--variant", "tiny", "--queries", titles, expect=1)
    assert "The report cannot be written" in " ".join(result.stderr.split())
    assert "searching" not in result.stderr


def test_a_home_without_a_catalogue_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["make-queries", "--out", str(tmp_path / "q.jsonl")])
    assert result.exit_code == 1
    assert "vitrine ingest products" in " ".join(result.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["compare", "--help"], ["run", "--help"]])
def test_help_imports_neither_torch_nor_what_only_reports_and_baselines_need(arguments):
    assert imported(arguments) == []


def test_comparing_run_files_does_not_import_torch(tmp_path):
    (tmp_path / "a.run").write_text("q Q0 a 1 0.9 x\n")
    (tmp_path / "qrels.txt").write_text("q 0 a 1\n")
    runs = [str(tmp_path / "a.run"), "--qrels", str(tmp_path / "qrels.txt")]
    assert imported(["compare", *runs, "--json"]) == []


def imported(arguments):
    """Which of the heavy libraries a command imports."""
    script = (
        "import sys\n"
        "from eval.__main__ import app\n"
        f"app({arguments!r}, standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'faiss', 'matplotlib', 'openpyxl', 'jinja2'}\n"
        "print(*sorted(heavy & sys.modules.keys()), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return result.stderr.split()
