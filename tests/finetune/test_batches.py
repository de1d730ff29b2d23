"""What a batch holds depends on seed, epoch and product, and on nothing else."""

import dataclasses
from functools import partial
from random import Random

import numpy as np
import pytest
from PIL import Image

from catalog.product import Product
from encoder.processor import ImageProcessor
from finetune.augmentation import augment
from finetune.batches import Batches, Share
from finetune.errors import FinetuneError
from finetune.sampling import seed_of, shuffled
from tests.finetune.conftest import QUICK, drawn_products, fill, read

SETTINGS = dataclasses.replace(QUICK, views=("title", "{description}"), flip=True)


def batches_of(examples, checkpoint, settings=SETTINGS, **options):
    ids = [example.id for example in examples.rows]
    return Batches(examples, ids, checkpoint, settings, **options)


@pytest.fixture
def batches(shop, checkpoint):
    return partial(batches_of, read(shop, SETTINGS.views), checkpoint)


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(a.pixels, b.pixels)
        and a.tokens == b.tokens
        and np.array_equal(a.positives, b.positives)
        and np.array_equal(a.ignored, b.ignored)
        for a, b in zip(one, other, strict=True)
    )


def test_the_number_of_workers_changes_nothing(batches):
    assert same(list(batches(workers=1).epoch(0)), list(batches(workers=5).epoch(0)))


def test_every_epoch_has_all_products_in_another_order_with_other_crops(batches):
    first, second = list(batches().epoch(0)), list(batches().epoch(1))
    assert len(first) == len(second) == 4
    assert not same(first, second)
    product = batches().examples.rows[0]
    cuts = [batches().picture(product, epoch) for epoch in range(8)]
    assert len({cut.tobytes() for cut in cuts}) == 8
    assert {batches().text(product, epoch) for epoch in range(8)} == set(product.views)


def test_another_seed_gives_other_batches(batches):
    other = dataclasses.replace(SETTINGS, seed=1)
    assert not same(list(batches().epoch(0)), list(batches(other).epoch(0)))


def test_an_epoch_that_is_entered_half_way_goes_on_as_it_would_have(batches):
    assert same(list(batches().epoch(3, begin=2)), list(batches().epoch(3))[2:])


def test_products_that_fill_no_batch_are_left_for_another_epoch(batches):
    odd = batches(dataclasses.replace(SETTINGS, batch=12))
    assert odd.per_epoch == 2
    assert [len(batch.pixels) for batch in odd.epoch(0)] == [12, 12]


def test_processes_share_a_batch_and_have_the_positives_of_all_of_it(batches):
    whole = next(batches().epoch(0))
    shares = [next(batches(share=Share(index, 2)).epoch(0)) for index in range(2)]
    assert np.array_equal(np.concatenate([each.pixels for each in shares]), whole.pixels)
    assert [*shares[0].tokens, *shares[1].tokens] == whole.tokens
    assert np.array_equal(shares[0].positives, whole.positives)


def test_products_with_one_and_the_same_text_are_positives_of_each_other(tmp_path, checkpoint):
    alike = [(Product(p.id, p.title, description="Nice."), data) for p, data in drawn_products()]
    made = batches_of(read(fill(tmp_path, alike), ("{description}",)), checkpoint)
    assert next(made.epoch(0)).positives.all()


def test_products_of_one_parent_are_ignored_unless_they_share_a_text(tmp_path, checkpoint):
    shades = [(Product(p.id, p.title, parent=p.id[:3]), data) for p, data in drawn_products()[:8]]
    shades[1] = (Product("a-twin", shades[0][0].title, parent=shades[0][0].parent), shades[1][1])
    batch = next(batches_of(read(fill(tmp_path, shades), ("title",)), checkpoint).epoch(0))
    assert batch.positives.sum() == 8 + 2
    assert (batch.positives ^ batch.ignored).all()


def test_a_damaged_picture_is_an_error_with_its_product(tmp_path, checkpoint):
    examples = read(fill(tmp_path, drawn_products()))
    broken = examples.rows[3]
    examples.pictures.path(broken.picture).write_bytes(b"no picture")
    with pytest.raises(FinetuneError, match=f"product {broken.id} cannot be read"):
        list(batches_of(examples, checkpoint).epoch(0))


def test_without_augmentation_a_square_picture_is_what_the_encoder_sees():
    processor = ImageProcessor(shortest=32, crop=(32, 32))
    random = np.random.default_rng(0)
    image = Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    seen = augment(image, processor, Random(0), crop=1.0, flip=False)
    assert np.array_equal(seen, processor.pixels(image))


def test_every_second_picture_is_mirrored():
    processor = ImageProcessor(shortest=8, crop=(8, 8))
    ramp = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[None, :, None], 16, 0)
    image = Image.fromarray(np.repeat(ramp, 3, 2))
    left = [
        augment(image, processor, Random(n), crop=1.0, flip=True)[0, 0, 0] < 128 for n in range(200)
    ]
    assert 70 < sum(left) < 130


def test_seeds_depend_on_their_purpose():
    assert seed_of("a", "bc") != seed_of("ab", "c")
    assert seed_of(0, "order", 1) == seed_of(0, "order", 1) < 2**63
    assert shuffled(["a", "b", "c", "d"], 1) == shuffled(["d", "c", "b", "a"], 1)
