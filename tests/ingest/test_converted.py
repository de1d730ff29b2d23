"""`vitrine ingest vectors` converts the variant's model, and only where there is need."""

import shutil

import pytest

from encoder.encoder import Encoder
from encoder.runtimes.machine import load_openvino
from encoder.runtimes.preparation import _Preparation
from encoder.runtimes.runtime import VARIABLE
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from tests import shop

pytestmark = pytest.mark.skipif(load_openvino() is None, reason="OpenVINO is not installed")


def test_a_model_is_converted_once_and_where_nothing_is_encoded_without_a_trial_of_int8(
    tmp_path, tiny_clip, monkeypatch, capsys
):
    monkeypatch.setenv(VARIABLE, "auto")
    Variants(tmp_path).add("tiny", tiny_clip)
    load_products(tmp_path, shop.write_source(tmp_path / "source"))
    fetch_images(tmp_path)
    assert embed_products(tmp_path, "tiny")["encoded"] == 24
    assert "int8: it needs 96 pictures and texts" in in_one_line(capsys)
    with monkeypatch.context() as patch:
        patch.delattr(_Preparation, "run")
        assert embed_products(tmp_path, "tiny")["encoded"] == 0
    shutil.rmtree(tmp_path / "variants" / "tiny" / "openvino")
    assert embed_products(tmp_path, "tiny")["encoded"] == 0
    assert "int8: it is tried when something is to be encoded" in in_one_line(capsys)
    variant = Variants(tmp_path).get("tiny")
    assert type(Encoder.load(variant)._model).__name__ == "OpenVINOModel"


def in_one_line(capsys) -> str:
    return " ".join(capsys.readouterr().err.split())
