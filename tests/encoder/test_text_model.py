"""Text models beside a dual encoder: loaded safely, with their prompts, and pinned."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.sentence_weights import check_sentence_weights
from encoder.text_model import TextModel
from encoder.variants import Variants
from tests.encoder.conftest import drop_weights, edit
from tests.tiny_models import TEXT_DIM, TOKENS, build_tiny_text_model

PROMPTS = {"query": "find: ", "document": "item: "}


@pytest.fixture(scope="session")
def text_model(tmp_path_factory):
    return build_tiny_text_model(tmp_path_factory.mktemp("words") / "model", prompts=PROMPTS)


@pytest.fixture(scope="session")
def worded(tmp_path_factory, tiny_clip, text_model):
    """A variant with a text model."""
    variants = Variants(tmp_path_factory.mktemp("home"))
    return variants.add("words", tiny_clip, text_model=text_model, keep_base=True)


@pytest.fixture
def copied(tmp_path, text_model):
    return shutil.copytree(text_model, tmp_path / "copied")


def test_texts_have_the_vectors_of_sentence_transformers_with_their_prompts(
    worded, text_model, texts
):
    encoder = Encoder.load(worded, device="cpu")
    theirs = SentenceTransformer(str(text_model), device="cpu")
    texts = [text for text in texts if "\ud800" not in text]
    expected = theirs.encode([PROMPTS["query"] + text for text in texts], normalize_embeddings=True)
    got = encoder.encode_queries(texts)
    assert (got.dtype, got.shape) == (np.float32, (len(texts), TEXT_DIM))
    assert (got * expected).sum(axis=1).min() > 0.99999
    documents = theirs.encode([PROMPTS["document"] + text for text in texts])
    seen = []
    for batch in encoder.stream_documents(enumerate(texts)):
        assert batch.failed == []
        np.testing.assert_allclose(batch.vectors, documents[batch.keys], atol=1e-5)
        seen += batch.keys
    assert sorted(seen) == list(range(len(texts)))
    assert (got * documents).sum(axis=1).min() < 0.999  # the prompts differ


def test_texts_for_pictures_stay_with_the_dual_encoder(worded, encoder, texts):
    got = Encoder.load(worded, device="cpu").encode_texts(texts)
    np.testing.assert_allclose(got, encoder.encode_texts(texts), atol=1e-6)


@pytest.mark.parametrize(
    "text", ["", "http://127.0.0.1:9/x.png", "/etc/hostname", "\ud800", "x" * 9000]
)
def test_any_text_is_a_text_and_no_address(worded, text):
    encoder = Encoder.load(worded, device="cpu")
    assert np.isfinite(encoder.encode_queries([text])).all()
    assert encoder.encode_queries([]).shape == (0, TEXT_DIM)


def test_the_manifest_has_the_text_models_facts(worded):
    facts = worded.manifest.text_model
    assert (facts.dim, facts.max_tokens) == (TEXT_DIM, TOKENS)
    assert (worded.dim, worded.text_dim, worded.max_tokens) == (16, TEXT_DIM, TOKENS)
    assert worded.vectors == ("image", "text")
    assert Variants(worded.folder.parents[1]).get("words") == worded
    assert "text model" in (worded.folder / "README.md").read_text()


def test_the_fingerprint_depends_on_all_files_of_the_text_model_and_images_do_not(
    tmp_path, tiny_clip, copied
):
    variants = Variants(tmp_path)
    plain = variants.add("plain", tiny_clip)
    made = [plain, variants.add("words", tiny_clip, text_model=copied)]
    for file, changes in (
        ("config_sentence_transformers.json", {"prompts": {"query": "q: ", "document": ""}}),
        ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        ("sentence_bert_config.json", {"max_seq_length": 8}),
        ("tokenizer_config.json", {"model_max_length": 9}),
    ):
        edit(copied / file, **changes)
        made.append(variants.add(f"words_{len(made)}", tiny_clip, text_model=copied))
    assert len({each.fingerprint for each in made}) == len(made)
    assert {each.manifest.image_fingerprint for each in made} == {plain.manifest.image_fingerprint}


def test_a_text_model_that_changed_is_noticed(tmp_path, tiny_clip, copied):
    variant = Variants(tmp_path).add("words", tiny_clip, text_model=copied)
    edit(copied / "sentence_bert_config.json", max_seq_length=8)
    with pytest.raises(EncoderError, match="has changed since variant 'words'"):
        variant.text_model()
    shutil.rmtree(copied)
    with pytest.raises(EncoderError, match="--text-model FOLDER"):
        variant.text_model()


def test_an_installation_has_its_own_copy_of_a_text_model(tmp_path, tiny_clip, copied):
    home = tmp_path / "home"
    variants = Variants(home)
    for name in ("words", "other"):
        variants.add(name, tiny_clip, text_model=copied, keep_base=True)
    shutil.rmtree(copied)
    kept = variants.get("words").text_model().folder
    assert kept.parent == home / "checkpoints"
    for name in ("words", "other"):
        assert kept.is_dir()
        variants.add(name, tiny_clip, keep_base=True, force=True)
    assert not kept.exists()


def test_an_installation_that_was_moved_finds_its_text_model(tmp_path, tiny_clip, copied):
    home = tmp_path / "home"
    Variants(home).add("words", tiny_clip, text_model=copied, keep_base=True)
    moved = Variants(home.rename(tmp_path / "moved"))
    kept = moved.get("words").text_model()
    assert kept.folder.is_relative_to(tmp_path / "moved" / "checkpoints")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "modules.json").unlink(), r"no modules\.json"),
        (lambda f: (f / "modules.json").write_text("{}"), "no JSON list"),
        (lambda f: change_module(f, type="os.system"), "type os.system"),
        (
            lambda f: change_module(f, type="sentence_transformers.models.Router"),
            "which Vitrine does not run",
        ),
        (lambda f: change_module(f, path="../elsewhere"), "path"),
        (lambda f: change_module(f, type="sentence_transformers.models.Dense"), "has no model.saf"),
        (lambda f: edit(f / "config.json", auto_map={"AutoModel": "x.X"}), "auto_map"),
        (
            lambda f: edit(f / "sentence_bert_config.json", model_args={"trust_remote_code": True}),
            "model_args",
        ),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "safetensors only"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), "cannot be loaded"),
        (lambda f: use_slow_pattern(f), "none of those known"),
        (lambda f: edit(f / "config.json", dtype="evil"), "dtype"),
        (lambda f: edit(f / "tokenizer_config.json", model_max_length=0), "model_max_length"),
        (lambda f: (f / "config.json").unlink(), r"config\.json"),
        (lambda f: drop_weights(f, "layer.1.output.dense"), "lack 2 of the model's parts, encoder"),
        (lambda f: edit(f / "config.json", num_hidden_layers=10**6), "num_hidden_layers 1,000,000"),
        (lambda f: edit(f / "config.json", intermediate_size=10**9), "of other shapes"),
        (lambda f: use_large_vocabulary(f), "the token 9,999, and its model takes"),
        (lambda f: add_dense(f, 60_000), "hold 144"),
    ],
)
def test_what_is_no_text_model_or_would_run_code_is_refused(
    tmp_path, tiny_clip, copied, spoil, says
):
    spoil(copied)
    with pytest.raises(EncoderError, match=says):
        Variants(tmp_path).add("words", tiny_clip, text_model=copied)
    assert not Variants(tmp_path).list()


def use_large_vocabulary(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["beyond"] = 9_999
    edit(folder / "tokenizer.json", model=tokenizer["model"])


def add_dense(folder, described):
    """Add a linear layer whose settings describe another size than its file has."""
    (folder / "2_Dense").mkdir()
    weights = {"linear.weight": np.zeros((TEXT_DIM, TEXT_DIM), dtype=np.float32)}
    save_file(weights, folder / "2_Dense" / "model.safetensors")
    (folder / "2_Dense" / "config.json").write_text(
        json.dumps({"in_features": described, "out_features": described, "bias": False})
    )
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*modules[:2], dense]))


def test_a_text_model_may_lack_the_pooler_which_nothing_reads(copied):
    drop_weights(copied, "pooler")
    check_sentence_weights(copied, "the text model")
    drop_weights(copied, "word_embeddings")
    with pytest.raises(EncoderError, match="lack 1 of"):
        check_sentence_weights(copied, "the text model")


def use_slow_pattern(folder):
    edit(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    edit(folder / "tokenizer.json", normalizer=SLOW)


SLOW = {"type": "Replace", "pattern": {"Regex": "(e|ee)*$"}, "content": ""}


def change_module(folder, **changes):
    modules = json.loads((folder / "modules.json").read_text())
    modules[1].update(changes)
    (folder / "modules.json").write_text(json.dumps(modules))


def test_text_model_and_dual_encoder_are_not_taken_for_each_other(tmp_path, tiny_clip, text_model):
    variants = Variants(tmp_path)
    with pytest.raises(EncoderError, match="holds a dual encoder"):
        variants.add("words", tiny_clip, text_model=tiny_clip)
    with pytest.raises(EncoderError, match=r"'bert'.*--text-model"):
        variants.add("words", text_model)


def test_a_folder_that_is_not_there_is_refused(tmp_path, tiny_clip):
    with pytest.raises(EncoderError, match="neither a folder"):
        Variants(tmp_path).add("words", tiny_clip, text_model="./nowhere/at/all")


def test_its_tokenizer_counts_without_cutting(text_model):
    [ids] = TextModel.find(str(text_model)).uncut_tokenizer()(["th " * 100])
    assert len(ids) > 2 * TOKENS


def test_variants_of_one_text_model_share_it_in_memory(tmp_path, tiny_clip, text_model):
    variants = Variants(tmp_path)
    one, other = (
        Encoder.load(
            variants.add(name, tiny_clip, text_model=text_model, template=name), device="cpu"
        )
        for name in ("title", "title_description")
    )
    assert one.text_encoder is other.text_encoder
