"""A job from catalogue to variant: what it writes, how it resumes, and its errors."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from huggingface_hub import ModelCard
from PIL import Image

from catalog import CatalogError
from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.encoder import Encoder
from encoder.errors import EncoderError, VariantInvalid
from encoder.model import DualEncoder
from encoder.variants import Variants
from finetune.errors import FinetuneError
from finetune.job import train
from finetune.progress import no_progress
from finetune.retrieval import encoder_of
from finetune.split import draw_split
from finetune.trainer import Trainer
from tests.finetune.conftest import QUICK, Killed, drawn_products, fill, kill_at
from tests.tiny_clip import build_tiny_clip

# With a checkpoint after every step.
STEPWISE = dataclasses.replace(QUICK, snapshot_every=1)


def kill(*_, **__):
    raise Killed


@pytest.fixture
def home(shop, tmp_path):
    return shutil.copytree(shop, tmp_path / "home")


@pytest.fixture
def run(home, tiny_clip):
    def run(name="lora", settings=QUICK, base=tiny_clip, **options):
        return train(home, name, settings, base=str(base), cpu=True, **options)

    return run


@pytest.fixture(scope="module")
def trained(shop, tiny_clip, tmp_path_factory):
    """A home with an adapter trained in it; tests read it."""
    home = shutil.copytree(shop, tmp_path_factory.mktemp("trained") / "home")
    return home, train(home, "lora", QUICK, base=str(tiny_clip), cpu=True)


def embedded(encoder):
    random = np.random.default_rng(0)
    pictures = [
        Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8)) for _ in range(4)
    ]
    return np.concatenate([encoder.encode_images(pictures), encoder.encode_texts(["a", "teal"])])


def test_the_variant_gives_what_was_trained_and_not_the_base(trained, tiny_clip, tmp_path):
    home, result = trained
    reloaded = embedded(Encoder.load(Variants(home).get("lora"), device="cpu"))
    base = embedded(Encoder.load(Variants(tmp_path).add("base", tiny_clip), device="cpu"))
    assert np.abs(reloaded - base).max() > 1e-3
    assert result.variant.adapter_folder


def test_a_reloaded_adapter_gives_the_vectors_of_the_trained_model(examples, checkpoint, tmp_path):
    split = draw_split(examples, seed=0, validation=0.2, test=0.2)
    training = Trainer(checkpoint, examples, split, Accelerator(cpu=True)).training(QUICK)
    training.run()
    model = training.model
    model.save_adapter(tmp_path / "adapter")
    variant = Variants(tmp_path).add("lora", checkpoint.base, adapter=tmp_path / "adapter")
    trained = embedded(encoder_of(model, 16))
    np.testing.assert_allclose(
        embedded(Encoder.load(variant, device="cpu")), trained, rtol=0, atol=1e-6
    )


def test_the_manifest_has_the_facts_of_the_training(trained, tiny_clip):
    home, result = trained
    manifest = Variants(home).get("lora").manifest
    notes = manifest.notes
    assert notes["trained_from"] == {"base": str(tiny_clip), "revision": manifest.revision}
    assert notes["data"]["split"] == {"train": 20, "validation": 6, "test": 6}
    assert len(notes["data"]["fingerprint"]) == 64
    assert notes["settings"]["rate"] == QUICK.learning_rate
    assert set(notes["versions"]) == {"torch", "transformers", "peft", "accelerate"}
    assert notes["figures"]["heldout"]["gallery"] == 32
    assert notes["figures"]["validation"]["best"] == result.trained.state.best
    assert manifest.adapter_weight == 1
    assert "CPU" in notes["device"]


def test_the_split_is_beside_it_and_lists_every_product(trained):
    home, _ = trained
    split = json.loads((home / "variants" / "lora" / "split.json").read_text())
    named = [*split["train"], *split["validation"], *split["test"]]
    assert sorted(named) == sorted(product.id for product, _ in drawn_products())
    assert split["seed"] == 0


def test_the_card_has_the_results(trained):
    home, result = trained
    folder = home / "variants" / "lora"
    card = (folder / "README.md").read_text()
    assert ModelCard.load(folder / "README.md").data.library_name == "peft"
    for way, both in result.evaluation.estimates.items():
        assert f"| {way} | nDCG@10 | {both['base']['nDCG@10'].value:.3f}" in card
    assert "6 products, held out" in card
    assert "in both directions among all 32" in card
    assert "vitrine ingest vectors --variant lora" in card
    assert "(curves.png)" in card
    with Image.open(folder / "curves.png") as curves:
        assert min(curves.size) > 300


def test_a_run_leaves_its_figures_in_the_log_and_nothing_else_behind(trained):
    home, result = trained
    assert not list((home / "training").glob("[!.]*"))
    assert not list(home.glob(".training-*"))
    with Catalogue(home, create=False) as catalogue:
        (run,) = catalogue.runs("finetune")
    assert run.outcome == "done"
    assert run.figures["best_epoch"] == result.trained.state.best_epoch


def test_an_adapter_weight_goes_into_the_manifest(run):
    settings = dataclasses.replace(QUICK, adapter_weight=0.5, epochs=1)
    assert run(settings=settings).variant.manifest.adapter_weight == 0.5


def test_a_model_trained_in_full_is_a_base_of_its_own(run, home, tiny_clip):
    settings = dataclasses.replace(QUICK, method="full", epochs=1)
    variant = run("full", settings).variant
    assert variant.adapter_folder is None
    assert variant.base.startswith(str(home / "checkpoints"))
    tuned = embedded(Encoder.load(variant, device="cpu"))
    base = embedded(Encoder.load(Variants(home).add("base", tiny_clip), device="cpu"))
    assert np.abs(tuned - base).max() > 1e-3
    halved = run("half", dataclasses.replace(settings, adapter_weight=0.0)).variant
    np.testing.assert_allclose(embedded(Encoder.load(halved, device="cpu")), base, atol=1e-5)


def test_a_model_trained_in_full_replaces_its_checkpoint_with_the_variant(run, home, monkeypatch):
    settings = dataclasses.replace(QUICK, method="full", epochs=1)
    first = run("full", settings).variant
    unused = shutil.copytree(first.base, home / "checkpoints" / f"full-{'0' * 16}")
    unfinished = shutil.copytree(first.base, home / "checkpoints" / f".full-{'1' * 16}-x_y")
    other = shutil.copytree(first.base, home / "checkpoints" / f"full_2-{'0' * 16}")
    Variants(home).add("copy", first.base)
    # After the new checkpoint, before its variant.
    monkeypatch.setattr("finetune.artefact.evaluate", kill)
    with pytest.raises(Killed):
        run("full", settings, force=True)
    monkeypatch.undo()
    assert Variants(home).get("full").checkpoint() == first.checkpoint()
    second = run("full", settings, force=True).variant
    third = run("full", dataclasses.replace(settings, seed=1), force=True).variant
    assert len({first.base, second.base, third.base}) == 3
    left = {str(folder) for folder in (home / "checkpoints").iterdir()}
    assert left == {first.base, third.base, str(other)}  # `copy` is based on the first
    assert not unused.exists()
    assert not unfinished.exists()


def test_a_killed_run_goes_on_when_it_is_run_again(run, home):
    settings = dataclasses.replace(STEPWISE, epochs=3)
    with pytest.raises(Killed):
        run(settings=settings, report=kill_at(3))
    assert not (home / "variants").exists()
    steps = []
    again = run(settings=settings, report=lambda progress: steps.append(progress.step))
    assert steps[0] == 3  # it went on from the checkpoint of step 2
    assert again.trained.state.step == 6
    with Catalogue(home, create=False) as catalogue:
        assert [each.outcome for each in catalogue.runs("finetune")] == ["done", "failed"]


def test_other_settings_do_not_go_on_with_a_run_that_was_stopped(run, home):
    with pytest.raises(Killed):
        run(settings=STEPWISE, report=kill_at(2))
    other = dataclasses.replace(STEPWISE, learning_rate=1e-4, rank=4)
    with pytest.raises(FinetuneError, match=r"differs in learning_rate, rank.*--restart"):
        run(settings=other)
    assert run(settings=other, restart=True).variant.manifest.notes["settings"]["rank"] == 4


def test_a_run_with_an_error_before_its_first_step_leaves_nothing_behind(run):
    with pytest.raises(FinetuneError, match="nowhere"):
        run(settings=dataclasses.replace(QUICK, targets=("nowhere",)))
    assert run().trained.state.finished


def test_other_products_do_not_go_on_with_a_run_that_was_stopped(run, home):
    with pytest.raises(Killed):
        run(settings=STEPWISE, report=kill_at(2))
    product, data = drawn_products()[0]
    fill(home, [(Product(product.id, "another title"), data)])
    with pytest.raises(FinetuneError, match="differs in data"):
        run(settings=STEPWISE)


def test_a_variant_of_that_name_is_replaced_only_with_force(run, home, tiny_clip):
    Variants(home).add("lora", tiny_clip)
    with pytest.raises(FinetuneError, match="--force"):
        run()
    assert run(force=True).variant.adapter_folder


def test_a_finished_training_is_done_again_only_with_force(run, home):
    made = run().variant
    again = run(report=kill_at(1))
    assert (again.variant, again.trained) == (made, None)
    assert not list((home / "training").glob("[!.]*"))
    with pytest.raises(FinetuneError, match="--force"):
        run(settings=dataclasses.replace(QUICK, rank=4))
    assert run(force=True).trained.state.finished


def test_two_trainings_of_one_name_do_not_run_at_once(run, home):
    with Catalogue(home) as catalogue, catalogue.exclusive("finetune", "lora"):
        with pytest.raises(CatalogError, match="Another training of 'lora' is running"):
            run()
        assert run("other").variant.name == "other"


def test_bad_names_bases_and_homes_are_errors(run, home, tmp_path, tiny_clip):
    with pytest.raises(VariantInvalid, match="cannot name a variant"):
        run("Lora!")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match=r"no config\.json"):
        run(base=tmp_path / "empty")
    with pytest.raises(CatalogError, match="vitrine ingest products"):
        train(
            tmp_path / "nowhere", "lora", QUICK, base=str(tiny_clip), cpu=True, report=no_progress
        )


def test_a_base_that_looks_at_larger_pictures_than_are_kept_is_an_error(run, tmp_path):
    large = build_tiny_clip(tmp_path / "large", image_size=512, patch_size=128)
    with pytest.raises(FinetuneError, match="--picture-side 512"):
        run(base=large)


def test_inference_and_training_prepare_pictures_alike(checkpoint):
    from finetune.model import Model, load_base

    model = Model(load_base(checkpoint, torch.device("cpu")), checkpoint, None)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    with torch.no_grad():
        ours = model.image_features(torch.from_numpy(pixels)).numpy()
    theirs = DualEncoder(model.dual_encoder, checkpoint).image_features(pixels)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize(("processes", "on_cpu"), [("1", False), ("2", True)])
def test_processes_of_torchrun_find_each_other_without_a_gpu(home, monkeypatch, processes, on_cpu):
    """Otherwise accelerate takes each for the only one, and the second finds the first's lock."""

    def stop(cpu):
        raise InterruptedError(cpu)

    monkeypatch.setenv("WORLD_SIZE", processes)
    monkeypatch.setattr("finetune.job.Accelerator", stop)
    with pytest.raises(InterruptedError, match=str(on_cpu)):
        train(home, "lora", QUICK)
