"""What a search of converted models imports: neither torch nor transformers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from encoder.runtimes.machine import load_openvino
from encoder.runtimes.runtime import VARIABLE
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from tests import shop
from tests.tiny_models import build_tiny_text_model

pytestmark = pytest.mark.skipif(load_openvino() is None, reason="OpenVINO is not installed")

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "sentence_transformers", "peft", "nncf"}

# The page as a visitor's first search runs it, in a process of its own.
PAGE = """
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app/main.py", default_timeout=600).run()
page.text_input(key="text").set_value("crimson lipstick").run()
assert not page.exception, page.exception
print(*(link.proto.label for link in page.get("page_link")))
"""

# The API as its first client's search runs it.
API = """
from starlette.testclient import TestClient
from api.application import create
with TestClient(create(), base_url="http://localhost") as client:
    answer = client.post("/v1/search", json={"text": "crimson lipstick"})
print(answer.json()["results"][0]["product"]["title"])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_clip) -> Path:
    """A shop whose variant has a text model, both converted as `vitrine ingest vectors` does."""
    folder = tmp_path_factory.mktemp("converted")
    text_model = build_tiny_text_model(tmp_path_factory.mktemp("words") / "model")
    Variants(folder).add("words", tiny_clip, text_model=text_model)
    load_products(folder, shop.write_source(folder / "source"), category_field="category")
    fetch_images(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "auto")
        embed_products(folder, "words")
    return folder


def run(home: Path, *words: str) -> tuple[str, set[str]]:
    """Run Python with these words; what it printed, and the modules that it imported."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        env={**os.environ, "VITRINE_HOME": str(home), VARIABLE: "auto"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    lines = [line for line in ran.stderr.splitlines() if line.startswith("import time:")]
    modules = {line.rpartition("|")[2].strip() for line in lines}
    assert {"openvino", "tokenizers"} <= {name.partition(".")[0] for name in modules}
    assert not HEAVY & modules
    # Its import is tried, and fails: see `encoder.runtimes.machine.load_openvino`.
    assert not [name for name in modules if name.startswith("openvino_telemetry.")]
    return ran.stdout, modules


def test_a_search_by_words_imports_neither_torch_nor_transformers(home):
    printed, imported = run(home, "-m", "vitrine", "search", "crimson lipstick", "--json")
    found = json.loads(printed)
    assert found["results"]
    assert found["seconds"]["encode"] > 0
    assert found["models"].keys() == {"image", "text"}
    # What fetches and decodes pictures, and what builds collections, takes 0.3 s; what reads the
    # cells of a feed 0.04 s.
    assert not {"httpx", "pebble", "pyarrow", "catalog.values"} & imported


def test_a_search_by_a_picture_imports_neither_torch_nor_transformers(home):
    picture = str(home / "source" / "kettle-teal.png")
    printed, _ = run(home, "-m", "vitrine", "search", "--image", picture, "--json")
    assert json.loads(printed)["results"]


def test_the_pages_first_search_imports_neither_torch_nor_transformers(home):
    printed, _ = run(home, "-c", PAGE)
    assert "crimson" in printed  # a title


def test_the_apis_first_search_imports_neither_torch_nor_transformers(home):
    printed, _ = run(home, "-c", API)
    assert "crimson" in printed
