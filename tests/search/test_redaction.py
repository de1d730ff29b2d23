import pytest

from search.redaction import redact, redact_setting


@pytest.fixture(autouse=True)
def _installation(monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", "/srv/my shop")


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("/srv/my shop/catalog.sqlite is damaged.", "catalog.sqlite is damaged."),
        (
            "No catalogue is in /srv/my shop; make one.",
            "No catalogue is in the installation’s folder; make one.",
        ),
        ("The file “/models/clip/config.json” is gone.", "The file “config.json” is gone."),
        ("The server at http://qdrant.internal:6333 answers: no.", "The server at … answers: no."),
        ("No connection to 10.0.0.3:6333, fd00::1 or [::1].", "No connection to …, … or […]."),
    ],
)
def test_paths_and_addresses_of_the_server_are_hidden(sentence, shown):
    assert redact(sentence) == shown


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no variant “other” here, only tiny and/or 3/4 of openai/clip-vit.",
        "Built 2026-11-25T21:50:46+00:00 with 1.18.3; 12:30.",
        "Run `vitrine ingest vectors --variant tiny`.",
    ],
)
def test_other_words_are_unchanged(sentence):
    assert redact(sentence) == sentence


def test_a_setting_that_is_a_path_is_shown_by_its_last_part():
    assert redact_setting("/srv/other feed/products.jsonl") == "products.jsonl"
    assert redact_setting(32) == "32"
