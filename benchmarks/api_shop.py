"""The shop that the HTTP API is measured on, and the bodies of its requests."""

import json
import os
import shutil
from pathlib import Path

import numpy as np

from benchmarks.generated_shop import GeneratedShop
from benchmarks.shop_build import NAME, build_shop
from encoder.runtimes.preparation import prepare
from encoder.variants import Variants
from vitrine.command import messages

DIM = 512
TEXTS = 5_000  # distinct ones, about
REQUESTS = 50_000  # after which they begin again


def make_home(folder: Path, built: Path | None, n: int) -> Path:
    """An installation with the generated collection, under a model of a real size.

    Args:
        folder: where it is kept; one that is complete is used again.
        built: a shop that `build_shop` made; None makes it in the folder.
        n: products.
    """
    home = folder / "home"
    if (home / "ready").exists():
        return home
    shop = built or folder / f"shop-{n}-{DIM}-0"
    build_shop(shop, GeneratedShop(n, DIM, 0))
    from benchmarks.checkpoints import vit_b_32  # imports torch

    for source in (shop / "qdrant").rglob("*"):
        target = home / source.relative_to(shop)
        if source.is_file() and source.name != "LOCK" and "readers" not in source.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(source, target)
    variant = Variants(home).add(NAME, vit_b_32(folder / "clip"), force=True)
    shutil.copy(shop / "variants" / NAME / "vocabulary.sqlite", variant.folder)
    for file in (home / "qdrant" / NAME).glob("*/generation.json"):
        facts = json.loads(file.read_text()) | {"fingerprint": variant.fingerprint}
        file.unlink()  # the link: the generated shop keeps its own
        file.write_text(json.dumps(facts))
    for sentence in prepare(variant, "auto", None):
        messages.print(sentence, markup=False)
    (home / "ready").touch()
    return home


def _link(source: Path, target: Path) -> None:
    """Link a file that nothing writes to, or copy it to another file system."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def make_bodies(n: int) -> list[bytes]:
    """Bodies of searches, some texts far more often than others."""
    texts = [text for text, _ in GeneratedShop(n, DIM, 0).queries(TEXTS)]
    rng = np.random.default_rng(0)
    chances = 1 / np.arange(1, TEXTS + 1)
    drawn = rng.choice(TEXTS, REQUESTS, p=chances / chances.sum())
    return [json.dumps({"text": texts[row]}).encode() for row in drawn]
