"""Queries of people as training texts: read, divided without a leak, trained on and measured."""

import dataclasses
import json
from random import Random

import numpy as np
import pytest

from encoder.vectors import normalize
from finetune.batches import Batches
from finetune.errors import FinetuneError
from finetune.pairs import MAX_CHARACTERS, Pairs, SplitPairs, read_pairs, split_pairs
from finetune.query_retrieval import QueryTask
from finetune.retrieval import Vectors
from finetune.split import draw_split
from tests.finetune.conftest import COLOURS, QUICK, SHAPES, drawn_products
from tests.finetune.test_command import QUICK as OPTIONS
from tests.finetune.test_command import call, home  # noqa: F401 - a fixture

IDS = [product.id for product, _ in drawn_products()]


def write(folder, *rows):
    file = folder / "pairs.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.write_text("\n".join(lines) + "\n")
    return file


def pair(text, product):
    return {"text": text, "product": product}


def colour_pairs():
    """Each colour, by two spellings of a made-up word, for its four products."""
    return [
        pair(f"{word} {colour}", f"{shape}-{colour}")
        for word in ("zork", "blim")
        for colour in COLOURS
        for shape in SHAPES
    ]


def test_queries_that_differ_in_case_and_punctuation_are_one(tmp_path):
    file = write(tmp_path, pair("Red disc", IDS[0]), pair("red  DISC!", IDS[1]), pair("x", "gone"))
    found = read_pairs(file, IDS)
    assert found == Pairs({"Red disc": frozenset(IDS[:2])}, 1)


def test_a_long_query_is_cut(tmp_path):
    found = read_pairs(write(tmp_path, pair("red " * 1000, IDS[0])), IDS)
    assert [len(text) for text in found.products] == [MAX_CHARACTERS]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["no JSON"], "line 1, is no pair: write it as"),
        ([pair("red", IDS[0]), {"text": "red"}], "line 2, is no pair"),
        ([pair("red", 7)], "is no pair"),
        ([pair(" ", IDS[0])], "is no pair"),
        ([["red", IDS[0]]], "is no pair"),
        (["[" * 100_000], "is no pair"),
        ([""], "has no pair with a picture"),
        ([pair("red", "gone")], "has 1 pairs, and no product of them with a picture"),
    ],
    ids=range(8),
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, rows, sentence):
    with pytest.raises(FinetuneError, match=sentence):
        read_pairs(write(tmp_path, *rows), IDS)


def test_a_file_that_is_missing_or_no_text_is_one_sentence(tmp_path):
    with pytest.raises(FinetuneError, match="cannot be read"):
        read_pairs(tmp_path / "nowhere", IDS)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FinetuneError, match="is not UTF-8"):
        read_pairs(tmp_path / "bytes", IDS)


def test_no_query_and_no_group_is_in_two_parts(examples):
    rng = Random(5)
    every = {f"query {n}": frozenset(rng.sample(IDS, rng.randint(1, 6))) for n in range(200)}
    split = draw_split(examples, seed=0, validation=0.2, test=0.2)
    parts = split_pairs(Pairs(every, 0), split.parts(), 0).parts
    assert sum(map(len, parts.values())) == len(set().union(*parts.values())) == 200
    for part, queries in parts.items():
        for text, products in queries.items():
            assert products
            assert products <= set(split.parts()[part]) & every[text]
    assert all(len(queries) > 15 for queries in parts.values())


@pytest.fixture
def divided():
    every = {"zork": frozenset(IDS[:4]), "blim": frozenset(IDS[2:6])}
    return SplitPairs({"train": every, "validation": {}, "test": {}}, every)


def batches(examples, checkpoint, pairs, share):
    settings = dataclasses.replace(QUICK, batch=32, pair_share=share)
    return Batches(examples, IDS, checkpoint, settings, pairs=pairs)


def test_a_share_of_the_texts_are_queries_of_products_that_have_them(examples, checkpoint, divided):
    made = batches(examples, checkpoint, divided, 0.5)
    both, none = (examples.rows[examples.row_of[IDS[row]]] for row in (2, 10))
    texts = [made.text(both, epoch) for epoch in range(400)]
    queries = [text for text in texts if text in ("zork", "blim")]
    assert 150 < len(queries) < 250
    assert set(queries) == {"zork", "blim"}
    assert {made.text(none, epoch) for epoch in range(20)} <= set(none.views)


def test_a_query_is_right_for_all_its_products_whatever_their_own_text_is(
    examples, checkpoint, divided
):
    made = batches(examples, checkpoint, divided, 1.0)
    [batch] = made.epoch(0)
    ids = [IDS[row] for row in range(32)]
    texts = {name: made.text(examples.rows[examples.row_of[name]], 0) for name in ids}
    assert texts[IDS[0]] == "zork"
    assert texts[IDS[4]] == "blim"
    # Products 0 and 1 have zork alone, 4 and 5 blim alone; 2 and 3 fit both.
    right = divided.positives(ids, [texts[name] for name in ids])
    assert right[2, 0]
    assert right[2, 4]
    assert not right[0, 4]
    assert batch.positives.sum() == (right | np.eye(32, dtype=bool)).sum()


def test_products_of_a_query_in_other_parts_are_neither_right_nor_wrong(examples):
    every = {"zork": frozenset(IDS[:3]), "blim": frozenset(IDS[3:5])}
    pairs = SplitPairs({"test": {"zork": frozenset(IDS[:1]), "blim": every["blim"]}}, every)
    task = QueryTask.of(pairs, "test")
    rows = [examples.row_of[name] for name in IDS]
    vectors = normalize(np.eye(len(rows), dtype=np.float32) + 0.01)
    # The query is nearest to its two products of other parts, then to its own.
    nearness = np.zeros((2, len(rows)), np.float32)
    nearness[0, [examples.row_of[name] for name in IDS[:3]]] = (1, 3, 2)
    nearness[1, [examples.row_of[name] for name in IDS[3:5]]] = 1

    class Encoder:
        def encode_texts(self, texts):
            assert texts == ["zork", "blim"]
            return normalize(nearness)

    scores = task.scores(
        Encoder(), Vectors(vectors, vectors, vectors), examples, range(len(examples))
    )
    assert scores["nDCG@10"].tolist() == [1, 1]
    assert len(set(task.clusters(examples).tolist())) == 2


def test_one_query_is_no_task(examples):
    every = {"zork": frozenset(IDS[:3])}
    assert QueryTask.of(SplitPairs({"test": every}, every), "test") is None
    assert QueryTask.of(None, "test") is None


@pytest.mark.parametrize("share", [0.5, 1])
def test_a_job_trains_on_pairs_and_measures_on_held_out_ones(home, tiny_clip, share):  # noqa: F811
    file = write(home, *colour_pairs())
    words = ("train", "--base", tiny_clip, *OPTIONS, "--pairs", file)
    words += ("--set", f"pair_share={share}", "--json")
    ran = call(*words)
    assert ran.exit_code == 0, ran.stderr
    made = json.loads(ran.stdout)
    folder = home / "variants" / "lora"
    notes = json.loads((folder / "manifest.json").read_text())["notes"]
    counts = notes["data"]["pairs"]
    assert notes["settings"]["pair_share"] == share
    assert counts["train"]["pairs"] > 8
    assert counts["unknown_products"] == 0
    queries = json.loads((folder / "split.json").read_text())["queries"]
    assert len(queries["test"]) == counts["test"]["queries"]
    measured = made["heldout"]["pairs"]
    assert (measured["n"] if measured else 0) == (
        counts["test"]["queries"] if counts["test"]["queries"] > 1 else 0
    )
    if measured:
        assert "**Queries of people.**" in (folder / "README.md").read_text()
    assert "already" in call(*words).stderr
    assert call(*words[:-3], "--set", "pair_share=0.25").exit_code == 1  # another training


def test_without_a_file_no_setting_is_new(home, tiny_clip):  # noqa: F811
    assert call("train", "--base", tiny_clip, *OPTIONS, "--set", "pair_share=0.5").exit_code == 2
    ran = call("train", "--base", tiny_clip, *OPTIONS, "--json")
    assert json.loads(ran.stdout)["heldout"]["pairs"] is None
    manifest = json.loads((home / "variants" / "lora" / "manifest.json").read_text())
    assert "pair_share" not in manifest["notes"]["settings"]
    assert "pairs" not in manifest["notes"]["data"]
