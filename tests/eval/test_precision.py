"""`vitrine eval precision`: the rankings of a precision beside those of float32."""

import json

import pytest
from typer.testing import CliRunner

from encoder.runtimes import preparation
from encoder.runtimes.machine import has_bfloat16, load_openvino
from encoder.runtimes.runtime import VARIABLE
from eval.__main__ import app
from eval.precision import PrecisionResult
from ingest.vectors import embed_products
from tests.shop import copy

pytestmark = pytest.mark.skipif(
    load_openvino() is None or not has_bfloat16(), reason="this CPU has float32 alone"
)


@pytest.fixture
def home(shop, tmp_path, monkeypatch):
    """A copy of the shop, whose variant `tiny` is run by OpenVINO in bfloat16."""
    monkeypatch.setenv(VARIABLE, "auto")
    monkeypatch.setattr(preparation, "LEAST_COSINE", -1)  # random weights: any will do
    monkeypatch.setattr(preparation, "LEAST_GAIN", 0)
    folder = copy(shop, tmp_path / "home")
    monkeypatch.setenv("VITRINE_HOME", str(folder))
    embed_products(folder, "tiny")
    return folder


def measure(typed_queries, *words):
    return CliRunner().invoke(
        app, ["precision", "--variant", "tiny", "--queries", str(typed_queries), *words]
    )


def test_a_precision_is_measured_beside_float32_and_once_refused_is_not_chosen_again(
    home, typed_queries, monkeypatch, capsys
):
    measured = json.loads(measure(typed_queries, "--json").stdout)
    assert [each["vector"] for each in measured["vectors"]] == ["image", "text"]
    for each in measured["vectors"]:
        assert (each["precision"], each["queries"]) == ("bfloat16", 60)
        assert each["low"] <= each["float32"] <= each["high"]
        assert each["difference"][0] == pytest.approx(each["mean"] - each["float32"])
        assert not each["refused"]
    monkeypatch.setattr(PrecisionResult, "refused", True)
    refused = measure(typed_queries)
    assert "products: refused." in refused.stdout
    assert "torch runs it in float32" in refused.stderr
    capsys.readouterr()
    embed_products(home, "tiny")
    said = " ".join(capsys.readouterr().err.split())
    assert "run by OpenVINO in float32" in said
    assert "bfloat16: refused by `vitrine eval precision`" in said
    assert "nothing to compare" in measure(typed_queries).stderr


def test_only_what_is_below_the_interval_of_float32_is_refused():
    def refused(mean):
        return PrecisionResult("image", "int8", 9, 9, 0.5, 0.4, 0.6, mean, (0, 0, 0)).refused

    assert [refused(mean) for mean in (0.3, 0.4, 0.5, 0.7)] == [True, False, False, False]


def test_queries_of_another_shop_are_an_error(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(shop))
    file = tmp_path / "queries.jsonl"
    file.write_text('{"id": "1", "text": "shoe", "relevant": {"elsewhere": 1}}\n')
    done = measure(file)
    assert done.exit_code == 1
    assert "No query has a text and a relevant product of this catalogue" in done.stderr
