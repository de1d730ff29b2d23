"""The registry: manifests, fingerprints, and what changed on disk."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from encoder.errors import (
    EncoderError,
    VariantInvalid,
    VariantMissing,
)
from encoder.files import keep_files
from encoder.variant import Manifest
from encoder.variants import Variants
from tests.encoder.conftest import build_adapter, edit
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
    assert Path(variant.base).name.startswith("base-")
    assert Path(variant.base).name.endswith("-base")  # the name that the person knows
    again = shutil.copytree(base, tmp_path / "another name")
    assert variants.add("again", again, keep_base=True).base == variant.base
    assert len(list(kept.iterdir())) == 1
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


def test_threads_that_add_the_same_variant_at_once_get_the_same(variants, base):
    together = threading.Barrier(4)

    def add(name):
        together.wait()
        return variants.add(name, base, keep_base=True)

    with ThreadPoolExecutor(4) as threads:
        for name in "abcdefgh":
            assert len({each.fingerprint for each in threads.map(add, [name] * 4)}) == 1
    assert [each.name for each in variants.list()] == list("abcdefgh")


def test_a_folder_that_is_no_variant_is_left_as_it_is(variants, base):
    (variants.folder / "photo").mkdir(parents=True)
    (variants.folder / "photo" / "notes.txt").write_text("mine")
    with pytest.raises(EncoderError, match="photo exists and is no variant: move it away"):
        variants.add("photo", base)
    assert [file.name for file in (variants.folder / "photo").iterdir()] == ["notes.txt"]


def test_files_that_another_process_has_put_there_meanwhile_stay(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "a").write_text("kept")

    def files():
        keep_files(source, [source / "a"], target)
        yield source / "a"

    keep_files(source, files(), target)
    assert {file.name for file in tmp_path.iterdir()} == {"source", "target"}
    assert (target / "a").read_text() == "kept"


def test_a_failed_add_leaves_nothing_behind(variants, base, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("encoder.variants._card", full)
    with pytest.raises(OSError, match="No space"):
        variants.add("photo", base)
    assert list(variants.folder.iterdir()) == []
