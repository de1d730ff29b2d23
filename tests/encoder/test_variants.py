"""The registry: manifests, fingerprints, and what changed on disk."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from encoder.adapter import merge_adapter
from encoder.checkpoint import Checkpoint
from encoder.errors import (
    EncoderError,
    VariantInvalid,
    VariantMissing,
)
from encoder.model import load_model
from encoder.variant import Manifest
from encoder.variants import Variants
from tests.encoder.conftest import build_adapter
from tests.tiny_clip import build_tiny_clip

# As `vitrine add` wrote it when the adapter weight was called strength everywhere.
EARLIER_MANIFEST = """\
{
  "name": "lora",
  "base": "openai/clip-vit-base-patch32",
  "revision": "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
  "tokenizer_hash": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "processor_hash": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
  "template": {
    "name": "title_description",
    "format": "{title}. {description}",
    "fallback": "",
    "limit": 0,
    "ascii": false
  },
  "dim": 512,
  "image_side": 224,
  "max_tokens": 77,
  "created": "2026-01-02T03:04:05+00:00",
  "adapter_hash": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
  "strength": 0.5,
  "notes": {
    "epochs": 3
  },
  "fingerprint": "102828265ef3ac99"
}
"""


@pytest.fixture
def base(tiny_clip, tmp_path):
    """A copy of the tiny checkpoint that a test may change."""
    return shutil.copytree(tiny_clip, tmp_path / "base")


@pytest.fixture
def variants(tmp_path):
    return Variants(tmp_path / "home")


def edit(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_variant_is_found_again_as_it_was_added(variants, base):
    added = variants.add("photo", base, template="title", notes={"loss": 0.1})
    assert variants.get("photo") == added
    assert (added.dim, added.image_side, added.max_tokens) == (16, 32, 32)
    assert added.base == str(base.resolve())
    assert added.template.name == "title"
    assert added.manifest.notes == {"loss": 0.1}
    assert added.adapter_folder is None
    assert "photo" in (added.folder / "README.md").read_text()


def test_variants_are_listed_by_name(variants, base):
    assert list(variants.list()) == []
    for name in ("b", "a_1"):
        variants.add(name, base)
    assert [variant.name for variant in variants.list()] == ["a_1", "b"]


def test_a_missing_variant_is_answered_with_those_there_are(variants, base):
    variants.add("photo", base)
    with pytest.raises(VariantMissing, match="photo") as caught:
        variants.get("foto")
    assert caught.value.known == ("photo",)


@pytest.mark.parametrize("name", ["", "Photo", "a-b", "../x", "ä", "a" * 65, ".new"])
def test_a_name_that_cannot_be_a_folder_everywhere_is_refused(variants, base, name):
    with pytest.raises(VariantInvalid, match="lower-case"):
        variants.add(name, base)


def test_adding_the_same_again_changes_nothing(variants, base):
    first = variants.add("photo", base)
    assert variants.add("photo", base) == first


def test_another_content_under_the_same_name_needs_force(variants, base):
    first = variants.add("photo", base)
    with pytest.raises(EncoderError, match="--force"):
        variants.add("photo", base, template="title")
    assert variants.get("photo") == first
    second = variants.add("photo", base, template="title", force=True)
    assert variants.get("photo") == second != first


def test_force_replaces_an_adapter_and_takes_one_away(variants, base, adapter, tmp_path):
    first = variants.add("lora", base, adapter=adapter)
    other = build_adapter(base, tmp_path / "other", seed=2)
    second = variants.add("lora", base, adapter=other, force=True)
    assert second.fingerprint != first.fingerprint
    assert second.checkpoint()
    third = variants.add("lora", base, force=True)
    assert third.adapter_folder is None
    assert not (third.folder / "adapter").exists()


def test_the_fingerprint_depends_on_all_that_a_vector_depends_on(variants, base, adapter, tmp_path):
    made = [
        variants.add("plain", base),
        variants.add("titles", base, template="title"),
        variants.add("cut", base, template="reference"),
        variants.add("lora", base, adapter=adapter),
        variants.add("half", base, adapter=adapter, adapter_weight=0.5),
    ]
    tokenizer = shutil.copytree(base, tmp_path / "tokenizer")
    edit(tokenizer / "tokenizer_config.json", model_max_length=16)
    made.append(variants.add("tokenizer", tokenizer))
    processor = shutil.copytree(base, tmp_path / "processor")
    edit(processor / "preprocessor_config.json", resample=2)
    made.append(variants.add("processor", processor))
    assert len({variant.fingerprint for variant in made}) == len(made)
    assert all(len(variant.fingerprint) == 16 for variant in made)


def test_the_fingerprint_ignores_names_places_and_notes(variants, base, tmp_path):
    elsewhere = shutil.copytree(base, tmp_path / "elsewhere")
    one = variants.add("one", base)
    other = variants.add("other", elsewhere, notes={"epochs": 3}, template="{title}. {description}")
    assert one.fingerprint == other.fingerprint


def test_an_adapters_training_history_is_not_part_of_it(variants, base, adapter, tmp_path):
    reordered = shutil.copytree(adapter, tmp_path / "reordered")
    modules = json.loads((reordered / "adapter_config.json").read_text())["target_modules"]
    edit(
        reordered / "adapter_config.json",
        base_model_name_or_path="/gone",
        lora_dropout=0.7,
        target_modules=modules[::-1],
    )
    one, other = (
        variants.add(name, base, adapter=a) for name, a in [("a", adapter), ("b", reordered)]
    )
    assert one.fingerprint == other.fingerprint
    edit(reordered / "adapter_config.json", lora_alpha=99)
    assert variants.add("c", base, adapter=reordered).fingerprint != one.fingerprint


def test_an_adapter_of_another_base_is_refused(variants, base, adapter, tmp_path):
    other = shutil.copytree(adapter, tmp_path / "other")
    edit(other / "adapter_config.json", revision="0" * 64, base_model_name_or_path="bags")
    with pytest.raises(EncoderError, match="trained on bags at 000000000000, not on"):
        variants.add("lora", base, adapter=other)
    assert variants.list() == []


def test_an_adapter_that_names_its_own_base_or_only_a_branch_is_taken(
    variants, base, adapter, tmp_path
):
    other = shutil.copytree(adapter, tmp_path / "other")
    for revision in (variants.add("base", base).manifest.revision, "main"):
        edit(other / "adapter_config.json", revision=revision)
        assert variants.add("lora", base, adapter=other).manifest.adapter_hash


def test_a_damaged_adapter_is_refused(variants, base, adapter, tmp_path):
    torn = shutil.copytree(adapter, tmp_path / "torn")
    weights = torn / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(EncoderError, match="damaged"):
        variants.add("lora", base, adapter=torn)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_factor_is_refused(variants, base, adapter, weight):
    with pytest.raises(VariantInvalid, match="weight"):
        variants.add("lora", base, adapter=adapter, adapter_weight=weight)


def test_a_weight_without_an_adapter_is_refused(variants, base):
    with pytest.raises(VariantInvalid, match="adapter"):
        variants.add("lora", base, adapter_weight=0.5)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda base: (base / "model.safetensors").open("ab").write(b"x"), "weights"),
        (lambda base: edit(base / "config.json", logit_scale_init_value=3.0), "configuration"),
        (lambda base: edit(base / "tokenizer_config.json", model_max_length=16), "tokenizer"),
        (lambda base: edit(base / "preprocessor_config.json", resample=2), "picture settings"),
    ],
)
def test_a_base_that_changed_on_disk_is_noticed(variants, base, change, names):
    variant = variants.add("photo", base)
    variant.checkpoint()
    change(base)
    with pytest.raises(EncoderError, match=names):
        variant.checkpoint()


def test_a_base_that_is_gone_is_noticed_and_a_new_place_accepted(variants, base, tmp_path):
    variant = variants.add("photo", base)
    moved = base.rename(tmp_path / "moved")
    with pytest.raises(EncoderError, match="is missing"):
        variant.checkpoint()
    again = variants.add("photo", moved, force=True)
    assert again.fingerprint == variant.fingerprint
    assert again.checkpoint().folder == moved.resolve()


def no_links(*_):
    raise OSError(18, "Invalid cross-device link")


@pytest.mark.parametrize("links", [True, False])
def test_a_shop_with_its_own_copy_of_the_base_is_whole_in_itself(
    variants, base, tmp_path, monkeypatch, links
):
    if not links:
        monkeypatch.setattr("pathlib.Path.hardlink_to", no_links)
    linked = variants.add("linked", base)
    variant = variants.add("photo", base, keep_base=True)
    assert variants.add("photo", base, keep_base=True) == variant
    kept = variants.folder.parent / "checkpoints"
    assert Path(variant.base).parent == kept
    assert variant.fingerprint == linked.fingerprint
    weights = Path(variant.base, "model.safetensors")
    assert weights.samefile(base / "model.safetensors") == links
    assert [folder.name[:5] for folder in kept.iterdir()] == ["base-"]
    shutil.rmtree(base)
    moved = Variants(variants.folder.parent.rename(tmp_path / "moved"))
    assert moved.get("photo").checkpoint().folder.is_relative_to(tmp_path / "moved")
    with pytest.raises(EncoderError, match="is missing"):
        moved.get("linked").checkpoint()


def test_variants_of_one_base_share_its_copy_until_none_needs_it(variants, base, tmp_path):
    other = build_tiny_clip(tmp_path / "other", seed=3)
    for name in ("one", "two"):
        variants.add(name, base, keep_base=True)
    first = Path(variants.get("one").base)
    run = variants.folder.parent / "training" / "lora" / "run.json"
    run.parent.mkdir(parents=True)
    for name in ("one", "two"):
        assert first.is_dir()
        run.write_text(json.dumps({"base": str(first)} if name == "one" else {}))
        variants.add(name, other, keep_base=True, force=True)
        assert variants.get("two").checkpoint()
    assert [str(each) for each in first.parent.iterdir()] == [variants.get("one").base]


def test_an_adapter_that_changed_is_noticed(variants, base, adapter):
    variant = variants.add("lora", base, adapter=adapter)
    weights = variant.adapter_folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    with pytest.raises(EncoderError, match="has changed"):
        variant.checkpoint()


def test_a_manifest_edited_by_hand_is_refused(variants, base):
    variant = variants.add("photo", base)
    edit(variant.folder / "manifest.json", strength=2.0)
    with pytest.raises(VariantInvalid, match="edited by hand"):
        variants.get("photo")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"fingerprint": "x", "template": 3}'])
def test_a_manifest_that_is_none_is_refused_and_can_be_replaced(variants, base, text):
    variant = variants.add("photo", base)
    (variant.folder / "manifest.json").write_text(text)
    with pytest.raises(VariantInvalid, match="manifest"):
        variants.get("photo")
    assert variants.add("photo", base, force=True).fingerprint == variant.fingerprint


def test_a_manifest_written_by_an_earlier_version_is_read_and_keeps_its_fingerprint(tmp_path):
    file = tmp_path / "manifest.json"
    file.write_text(EARLIER_MANIFEST)
    manifest = Manifest.read(file)
    assert manifest.fingerprint == "102828265ef3ac99"
    assert manifest.adapter_weight == 0.5
    assert manifest.to_json() == EARLIER_MANIFEST


def test_a_manifest_survives_its_file(variants, base, adapter):
    manifest = variants.add("lora", base, adapter=adapter, adapter_weight=0.5).manifest
    assert Manifest.read(variants.folder / "lora" / "manifest.json") == manifest


def test_a_failed_add_leaves_nothing_behind(variants, base, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("encoder.variants._card", full)
    with pytest.raises(OSError, match="No space"):
        variants.add("photo", base)
    assert list(variants.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda base: (base / "config.json").unlink(), "no config.json"),
        (lambda base: (base / "config.json").write_text("{"), "cannot be read"),
        (lambda base: edit(base / "config.json", model_type="siglip2"), "'siglip2': Vitrine reads"),
        (lambda base: edit(base / "config.json", model_type=[]), "of the types clip, "),
        (lambda base: edit(base / "config.json", model_type="siglip"), "logit_bias among them"),
        (
            lambda base: edit(
                base / "config.json", auto_map={"AutoModel": "x.X"}, architectures=["X"]
            ),
            "code of its own",
        ),
        (lambda base: edit_text(base, hidden_size=16), "other shapes"),
        (
            lambda base: (base / "model.safetensors").rename(base / "pytorch_model.bin"),
            "safetensors",
        ),
        (lambda base: (base / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda base: (base / "preprocessor_config.json").unlink(), "preprocessor_config.json"),
        (lambda base: edit(base / "preprocessor_config.json", crop_size=48), "do not belong"),
    ],
)
def test_a_folder_that_is_no_whole_clip_checkpoint_is_refused(variants, base, spoil, says):
    spoil(base)
    with pytest.raises(EncoderError) as caught:
        variants.add("photo", base)
    assert says in str(caught.value)
    assert not variants.list()


def edit_text(base, **changes):
    text = json.loads((base / "config.json").read_text())["text_config"]
    edit(base / "config.json", text_config={**text, **changes})


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        *(
            ("config.json", changes)
            for changes in (
                {"projection_dim": None},
                {"projection_dim": "x"},
                {"projection_dim": [1]},
                {"projection_dim": -5},
                {"projection_dim": 10**9},
                {"vision_config": 5},
                {"vision_config": {"image_size": 32, "patch_size": 0}},
                {"text_config": {"hidden_size": 32, "num_attention_heads": 7}},
                {"text_config": {"hidden_act": "os.system"}},
                {"text_config": {"max_position_embeddings": "a"}},
                {"text_config_dict": {"num_hidden_layers": 10**7}},
                {"text_config": {"eos_token_id": None}},
                {"quantization_config": {"quant_method": "bitsandbytes"}},
                {"logit_scale_init_value": float("nan")},
            )
        ),
        *(
            ("preprocessor_config.json", changes)
            for changes in (
                {"resample": None},
                {"resample": 99},
                {"size": {"shortest_edge": None}},
                {"size": {"shortest_edge": 10**9}},
                {"crop_size": "a"},
                {"image_mean": 0.5},
                {"image_mean": [0.5]},
                {"image_std": [0, 0, 0]},
                {"rescale_factor": float("nan")},
                {"do_resize": "no"},
            )
        ),
        *(
            ("tokenizer_config.json", changes)
            for changes in ({"model_max_length": "77"}, {"model_max_length": 0})
        ),
        *(
            ("tokenizer.json", changes)
            for changes in ({"model": None}, {"model": 5}, {"added_tokens": 5})
        ),
    ],
)
def test_odd_settings_of_a_checkpoint_are_refused(variants, base, file, changes):
    edit(base / file, **changes)
    with pytest.raises(EncoderError, match=base.name):
        variants.add("odd", base)
    assert not variants.list()


@pytest.mark.parametrize("text", ["[]", "{", "\xff", '{"x":' + "[" * 10_000 + "]" * 10_000 + "}"])
@pytest.mark.parametrize(
    "file", ["config.json", "preprocessor_config.json", "tokenizer_config.json", "tokenizer.json"]
)
def test_a_file_that_is_no_json_object_is_refused(variants, base, file, text):
    (base / file).write_bytes(text.encode("latin-1"))
    with pytest.raises(EncoderError, match=base.name):
        variants.add("odd", base)


@pytest.mark.parametrize(
    "changes", [{"num_hidden_layers": 200}, {"hidden_size": 64}, {"vocab_size": 1_900_000}]
)
def test_settings_of_a_larger_model_than_the_weights_are_refused(variants, base, changes):
    edit_text(base, **changes)
    with pytest.raises(EncoderError, match="described as a model of"):
        variants.add("large", base)


@pytest.mark.parametrize(("end", "says"), [(0, "reads a text at the token 0"), (300, "token 300")])
def test_a_model_that_does_not_read_texts_at_their_end_is_refused(variants, base, end, says):
    variant = variants.add("whole", base)
    edit_text(base, eos_token_id=end)
    with pytest.raises(EncoderError, match=says):
        variants.add("odd", base)
    with pytest.raises(EncoderError, match="has changed"):
        variant.checkpoint()
    # One that was added before such checkpoints were refused.
    with pytest.raises(EncoderError, match=says):
        Checkpoint.in_folder(base).tokenizer()


def test_a_tokenizer_of_more_tokens_than_the_model_has_is_refused(variants, base):
    edit_text(base, vocab_size=500)
    with pytest.raises(EncoderError, match="has the token 523, and its model takes 500"):
        variants.add("odd", base)


def replacing(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [replacing({"String": "e"}, "e" * 10)] * 9,
                }
            },
            "can make a text longer",
        ),
        ({"normalizer": {"type": "Prepend", "prepend": "a" * 5_000_000}}, "can make a text longer"),
        ({"normalizer": replacing({"Regex": "(e|ee|t|tt)*$x"}, "")}, "none of those known"),
        ({"normalizer": replacing({"Regex": "[ab]+(a|aa)*$"}, "")}, "none of those known"),
        (
            {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAQAAAAAAAB4AA=="}},
            "damaged",
        ),
        (
            {
                "pre_tokenizer": {
                    "type": "Split",
                    "pattern": {"Regex": "(a|aa)+$"},
                    "behavior": "Isolated",
                    "invert": False,
                }
            },
            "none of those known",
        ),
    ],
)
def test_a_tokenizer_of_another_kind_has_bounded_steps(variants, base, changes, says):
    edit(base / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    assert variants.add("whole", base)
    edit(base / "tokenizer.json", **changes)
    with pytest.raises(EncoderError, match=says):
        variants.add("odd", base)


@pytest.mark.parametrize(
    "index",
    [
        {"weight_map": {"a": "x.bin"}},
        {"weight_map": {"a": "../base/model.safetensors"}},
        {"weight_map": {"a": "/etc/x.safetensors"}},
        {"weight_map": {"a": 1}},
        {"weight_map": []},
        {"weight_map": {}},
        {},
    ],
)
def test_an_index_names_safetensors_of_the_checkpoints_folder_only(variants, base, index):
    (base / "model.safetensors").rename(base / "x.bin")
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EncoderError, match="weight_map"):
        variants.add("odd", base)


def test_an_adapter_beside_the_base_is_refused(variants, base, adapter):
    shutil.copytree(adapter, base, dirs_exist_ok=True)
    with pytest.raises(EncoderError, match="holds an adapter beside the model"):
        variants.add("odd", base)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_checkpoint_does_not_choose_the_code_of_its_attention(variants, base, key):
    edit(base / "config.json", **{key: "kernels-community/evil"})
    edit_text(base, **{key: "kernels-community/evil"})
    variants.add("odd", base)
    model = load_model(Checkpoint.in_folder(base), None, 1.0, torch.device("cpu"))
    assert model.text_model.config._attn_implementation == "sdpa"


def test_weights_in_several_files_are_all_part_of_the_revision(base):
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(base)
    (base / "model.safetensors").unlink()
    model.save_pretrained(base, max_shard_size="50KB")
    before = Checkpoint.in_folder(base).revision
    last = sorted(base.glob("model-*.safetensors"))[-1]
    last.write_bytes(last.read_bytes() + b"x")
    assert Checkpoint.in_folder(base).revision != before
    last.unlink()
    with pytest.raises(EncoderError, match=last.name):
        Checkpoint.in_folder(base)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "adapter_config.json").unlink(), "adapter_config.json"),
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "safetensors"),
        (lambda folder: (folder / "adapter_config.json").write_text("["), "JSON"),
        (lambda folder: edit(folder / "adapter_config.json", peft_type="IA3"), "LoRA"),
    ],
)
def test_a_folder_that_is_no_lora_adapter_is_refused(
    variants, base, adapter, tmp_path, spoil, says
):
    spoiled = shutil.copytree(adapter, tmp_path / "spoiled")
    spoil(spoiled)
    with pytest.raises(EncoderError, match=says):
        variants.add("lora", base, adapter=spoiled)


def test_a_folder_has_no_revision(variants, base):
    with pytest.raises(EncoderError, match="revision"):
        variants.add("photo", base, revision="main")


SLOW = r"(([a-z_]+)*)*(\.[a-z_]+)*!"  # exponential in a name's length, for a backtracking matcher


@pytest.mark.parametrize(
    "changes",
    [
        {"r": 10**9},
        {"r": 0},
        {"r": "x"},
        {"lora_alpha": "x"},
        {"lora_alpha": float("nan")},
        {"lora_alpha": 1e308},
        {"rank_pattern": {SLOW: 4}},
        {"rank_pattern": {"q_proj": 5_000}},
        {"alpha_pattern": {SLOW: 4}},
        {"alpha_pattern": [1]},
        {"modules_to_save": [SLOW]},
        {"modules_to_save": "text_projection"},
        {"revision": 5},
        {"bias": "some"},
        {"use_dora": "yes"},
        {"init_lora_weights": "loftq"},
        {"init_lora_weights": "pissa"},
        {"loftq_config": {"loftq_bits": 4}},
        {"megatron_config": {}, "megatron_core": "evil"},
        {"target_parameters": ["x"]},
        {"trainable_token_indices": [1]},
        {"layer_replication": [[0, 1], [0, 1]]},
        {"alora_invocation_tokens": [1, 2]},
        {"arrow_config": {"x": 1}},
        {"use_qalora": True},
    ],
)
def test_odd_settings_of_an_adapter_are_refused(variants, base, adapter, tmp_path, changes):
    odd = shutil.copytree(adapter, tmp_path / "odd")
    edit(odd / "adapter_config.json", **changes)
    with pytest.raises(EncoderError, match=r"odd/adapter_config\.json"):
        variants.add("odd", base, adapter=odd)


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": SLOW},
        {"target_modules": [SLOW]},
        {"target_modules": "all-linear"},
        {"target_modules": None},
        {"target_modules": 5},
        {"exclude_modules": SLOW},
        {"layers_pattern": SLOW, "layers_to_transform": [0]},
        {"megatron_core": "evil"},
        {"auto_mapping": {"base_model_class": "X", "parent_library": "evil"}},
        {"task_type": "EVIL"},
        {"runtime_config": {"ephemeral_gpu_offload": True}},
        {"peft_version": "99.0", "unknown": 1},
    ],
)
def test_what_an_adapter_says_beyond_its_weights_changes_nothing(base, adapter, tmp_path, changes):
    def merged(folder):
        return merge_adapter(CLIPModel.from_pretrained(base), folder).state_dict()

    odd = shutil.copytree(adapter, tmp_path / "odd")
    edit(odd / "adapter_config.json", **changes)
    expected = merged(adapter)
    assert all(torch.equal(weights, expected[name]) for name, weights in merged(odd).items())


def test_a_rank_above_that_of_the_weights_is_not_allocated(base, adapter, tmp_path):
    odd = shutil.copytree(adapter, tmp_path / "odd")
    edit(odd / "adapter_config.json", r=4096)
    with pytest.raises(EncoderError, match="does not fit"):
        merge_adapter(CLIPModel.from_pretrained(base), odd)


def test_a_vocabulary_beside_the_tokenizer_is_one_file_of_a_checkpoint(variants, base, tmp_path):
    folder = tmp_path / "with_vocabulary"
    shutil.copytree(base, folder)
    for name in ("vocab.json", "merges.txt"):
        (folder / name).write_text("{}")
    files = variants.add("photo", folder).checkpoint().tokenizer_files
    assert {"vocab.json", "merges.txt"} <= {file.name for file in files}
    assert len(files) == len(set(files))
