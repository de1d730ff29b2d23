"""The encoder: the vectors of transformers, whatever the batch, the order or the bad input."""

import gc
import shutil
import threading
import weakref

import numpy as np
import pytest
import torch
from PIL import Image, UnidentifiedImageError
from transformers import AutoTokenizer, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from encoder.adapter import merge_adapter
from encoder.encoder import Encoder
from encoder.errors import EncoderError, VariantInvalid
from encoder.pipeline import prefetch
from encoder.precision import LEAST_COSINE
from encoder.variants import Variants
from tests.encoder.conftest import build_adapter
from tests.tiny_clip import build_tiny_clip


@torch.inference_mode()
def picture_features(model, folder, pictures):
    """What transformers gives for pictures, made unit."""
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    output = model.get_image_features(**processor(pictures, return_tensors="pt"))
    return torch.nn.functional.normalize(output.pooler_output, dim=-1).numpy()


@torch.inference_mode()
def text_features(model, folder, texts):
    """What transformers gives for texts, made unit."""
    tokens = AutoTokenizer.from_pretrained(folder)(
        texts, padding=True, truncation=True, return_tensors="pt"
    )
    output = model.get_text_features(**tokens)
    return torch.nn.functional.normalize(output.pooler_output, dim=-1).numpy()


def add(home, base, **more):
    return Variants(home).add("tiny", base, **more)


def test_pictures_have_the_vectors_of_transformers(encoder, tiny_clip, pictures):
    expected = picture_features(CLIPModel.from_pretrained(tiny_clip), tiny_clip, pictures)
    got = encoder.encode_images(pictures)
    assert got.dtype == np.float32
    assert np.ptp(expected, axis=0).min() > 0.2  # the pictures have different vectors
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_texts_have_the_vectors_of_transformers(encoder, tiny_clip, texts):
    expected = text_features(CLIPModel.from_pretrained(tiny_clip), tiny_clip, texts)
    got = encoder.encode_texts(texts)
    assert got.dtype == np.float32
    assert np.ptp(expected, axis=0).min() > 0.2
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_an_older_configuration_that_reads_texts_at_the_highest_token_works(tmp_path, texts):
    """openai's files say eos_token_id 2, and transformers then looks for the highest number."""
    base = build_tiny_clip(tmp_path / "base")
    config = (base / "config.json").read_text()
    (base / "config.json").write_text(config.replace('"eos_token_id": 523', '"eos_token_id": 2'))
    model = CLIPModel.from_pretrained(base)
    assert model.text_model.eos_token_id == 2
    encoder = Encoder.load(add(tmp_path, base), device="cpu")
    np.testing.assert_allclose(
        encoder.encode_texts(texts), text_features(model, base, texts), atol=1e-5
    )


def test_vectors_do_not_depend_on_the_batch_they_were_in(encoder, pictures, texts):
    single = np.concatenate([encoder.encode_images([picture]) for picture in pictures])
    np.testing.assert_allclose(encoder.encode_images(pictures), single, atol=1e-5)
    back = encoder.encode_images(pictures[::-1])[::-1]
    np.testing.assert_allclose(back, single, atol=1e-5)
    single = np.concatenate([encoder.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode_texts(texts), single, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(texts[::-1])[::-1], single, atol=1e-5)


def test_vectors_are_unit_and_none_for_none(encoder, texts):
    lengths = np.linalg.norm(encoder.encode_texts(texts), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
    assert encoder.encode_texts([]).shape == encoder.encode_images([]).shape == (0, encoder.dim)
    assert list(encoder.stream_texts([])) == list(encoder.stream_images([], Image.open)) == []


def test_a_text_is_cut_at_what_the_model_reads(encoder):
    long = "a " * 50_000
    cut, short = encoder.encode_texts([long, "a " * 30])
    np.testing.assert_allclose(cut, short, atol=1e-6)
    shorter = encoder.encode_texts(["a " * 29])[0]
    assert cut @ shorter < 1 - 1e-5


@pytest.mark.parametrize("text", ["", " \n\t", "x" * 100_000, "\ud800", "\0", "<|endoftext|>"])
def test_any_text_at_all_has_a_vector(encoder, text):
    assert np.isfinite(encoder.encode_texts([text])).all()


def test_a_title_that_spells_the_end_mark_is_read_past_it(encoder):
    one, other = encoder.encode_texts(["a <|endoftext|> shoe", "a <|endoftext|> hat"])
    assert one @ other < 0.999


def test_several_threads_may_share_an_encoder(encoder, texts, pictures):
    expected_texts, expected_pictures = encoder.encode_texts(texts), encoder.encode_images(pictures)
    got: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def work(number):
        got[number] = encoder.encode_texts(texts), encoder.encode_images(pictures)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for of_texts, of_pictures in got.values():
        np.testing.assert_allclose(of_texts, expected_texts, atol=1e-5)
        np.testing.assert_allclose(of_pictures, expected_pictures, atol=1e-5)
    assert len(got) == 3


def test_streamed_pictures_keep_their_order_and_failures_have_their_error(encoder, pictures):
    broken = {3: UnidentifiedImageError("not a picture"), 20: OSError("gone"), 49: ValueError("x")}

    def open_picture(key):
        if key in broken:
            raise broken[key]
        return pictures[key]

    batches = list(encoder.stream_images(iter(range(50)), open_picture))
    assert [key for batch in batches for key in batch.keys] == [
        key for key in range(50) if key not in broken
    ]
    assert dict(failure for batch in batches for failure in batch.failed) == broken
    vectors = np.concatenate([batch.vectors for batch in batches])
    expected = encoder.encode_images([pictures[key] for key in range(50) if key not in broken])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_batch_in_which_every_picture_fails_is_only_failures(encoder):
    def open_picture(_):
        raise OSError("gone")

    batches = list(encoder.stream_images(range(20), open_picture))
    assert sum(len(batch.failed) for batch in batches) == 20
    assert all(batch.vectors.shape == (0, encoder.dim) for batch in batches)


def test_a_picture_that_breaks_only_when_its_pixels_are_read_is_a_failure(encoder, tmp_path):
    picture = tmp_path / "cut.jpg"
    Image.effect_noise((90, 90), 50).save(picture)
    picture.write_bytes(picture.read_bytes()[:800])
    (batch,) = encoder.stream_images([picture], Image.open)
    assert [key for key, _ in batch.failed] == [picture]
    with pytest.raises(OSError, match="truncated"):
        encoder.encode_images([Image.open(picture)])


def test_pictures_are_opened_ahead_but_only_so_far(encoder, pictures):
    """However slowly the vectors are taken, a bounded number of pictures is open."""
    opened: list[int] = []

    def open_picture(key):
        opened.append(key)
        return pictures[key % len(pictures)]

    in_flight = (torch.get_num_threads() + 2) * encoder.batch_size
    stream = encoder.stream_images(range(10_000), open_picture)
    for taken in range(1, 6):
        next(stream)
        assert len(opened) <= taken * encoder.batch_size + in_flight
    stream.close()
    assert len(opened) <= 5 * encoder.batch_size + in_flight


def test_the_next_batches_are_prepared_while_one_is_run():
    """Batch 0 is not finished before batch 1 has been prepared: waiting in turn would hang."""
    second = threading.Event()

    def prepare(number):
        if number == 1:
            second.set()
        return number

    def run(number):
        assert number or second.wait(timeout=30), "batch 1 was not prepared beside batch 0"
        return number

    for runners in (1, 2):
        second.clear()
        assert list(prefetch(range(6), prepare, run, runners)) == list(range(6))


def test_keys_are_drawn_in_the_callers_thread(encoder, pictures):
    """A database cursor may be bound to the thread that made it."""
    drawn_in, opened_in = set(), set()

    def keys():
        for key in range(40):
            drawn_in.add(threading.get_ident())
            yield key

    def open_picture(key):
        opened_in.add(threading.get_ident())
        return pictures[key]

    list(encoder.stream_images(keys(), open_picture))
    assert drawn_in == {threading.get_ident()}
    assert threading.get_ident() not in opened_in


def test_a_reader_that_stops_half_way_leaves_no_thread_behind(encoder, pictures):
    before = threading.active_count()
    stream = encoder.stream_images(range(1000), lambda key: pictures[key % 50])
    next(stream)
    assert threading.active_count() > before
    stream.close()
    assert threading.active_count() == before


def test_streaming_leaves_torchs_threads_as_they_were(encoder, texts):
    def threads_of_a_new_thread():
        found = []
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        return found[0]

    before = torch.get_num_threads(), threads_of_a_new_thread()
    list(prefetch(range(5), int, int, 2))
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == before


def test_each_core_of_a_cpu_runs_batches_of_its_own():
    """Several runners keep torch to one thread each; a lone one, which feeds a GPU, does not."""
    found = list(prefetch(range(6), int, lambda _: torch.get_num_threads(), 2))
    assert found == [1] * 6
    found = list(prefetch(range(3), int, lambda _: torch.get_num_threads(), 1))
    assert found == [torch.get_num_threads()] * 3


def test_an_error_in_the_model_reaches_the_reader():
    def run(number):
        if number == 2:
            raise RuntimeError("out of memory")
        return number

    results = prefetch(range(5), int, run, 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(RuntimeError, match="out of memory"):
        next(results)


def test_streamed_texts_bring_each_key_once(encoder, texts):
    batches = list(encoder.stream_texts((f"k{n}", text) for n, text in enumerate(texts * 10)))
    keys = [key for batch in batches for key in batch.keys]
    assert sorted(keys) == sorted(f"k{n}" for n in range(len(texts) * 10))
    expected = dict(enumerate(encoder.encode_texts(texts)))
    for batch in batches:
        for key, vector in zip(batch.keys, batch.vectors, strict=True):
            np.testing.assert_allclose(vector, expected[int(key[1:]) % len(texts)], atol=1e-5)


def test_streamed_texts_are_taken_a_window_at_a_time(encoder):
    taken = 0

    def items():
        nonlocal taken
        for number in range(100_000):
            taken += 1
            yield number, "shoe"

    stream = encoder.stream_texts(items())
    next(stream)
    stream.close()
    assert taken < 5_000


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_an_adapter_changes_the_vectors_as_peft_does(tiny_clip, adapter, tmp_path, pictures, texts):
    from peft import PeftModel

    plain = Encoder.load(add(tmp_path / "plain", tiny_clip), device="cpu")
    tuned = Encoder.load(add(tmp_path / "tuned", tiny_clip, adapter=adapter), device="cpu")
    unmerged = PeftModel.from_pretrained(CLIPModel.from_pretrained(tiny_clip), adapter).eval()
    for features, encode, items in (
        (picture_features, "encode_images", pictures),
        (text_features, "encode_texts", texts),
    ):
        got = getattr(tuned, encode)(items)
        np.testing.assert_allclose(got, features(unmerged, tiny_clip, items), atol=1e-4)
        assert (got * getattr(plain, encode)(items)).sum(axis=1).mean() < 0.99


def test_a_variant_loaded_again_gives_the_same_vectors(tiny_clip, adapter, tmp_path, pictures):
    add(tmp_path, tiny_clip, adapter=adapter)
    first, second = (
        Encoder.load(Variants(tmp_path).get("tiny"), device="cpu").encode_images(pictures)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_the_adapter_weight_scales_the_adapters_change(tiny_clip, adapter, tmp_path, texts):
    def vectors(weight):
        home = tmp_path / str(weight)
        variant = add(home, tiny_clip, adapter=adapter, adapter_weight=weight)
        return Encoder.load(variant, device="cpu").encode_texts(texts)

    base = Encoder.load(add(tmp_path / "base", tiny_clip), device="cpu").encode_texts(texts)
    turned = [1 - (vectors(weight) * base).sum(axis=1).mean() for weight in (0.0, 0.5, 1.0)]
    assert turned[0] < 1e-6 < turned[1] < turned[2]


@pytest.mark.filterwarnings("ignore:.*have invalid shape")  # PEFT's, of lora_bias
@pytest.mark.parametrize(
    "options",
    [
        {"use_rslora": True},
        {"lora_bias": True},
        {"target_modules": ["q_proj", "token_embedding", "patch_embedding"]},
    ],
)
def test_an_adapter_of_weight_0_is_the_base(tiny_clip, tmp_path, texts, options):
    adapter = build_adapter(tiny_clip, tmp_path / "adapter", seed=1, **options)
    base, none, tuned = (
        Encoder.load(add(tmp_path / name, tiny_clip, **more), device="cpu").encode_texts(texts)
        for name, more in (
            ("base", {}),
            ("none", {"adapter": adapter, "adapter_weight": 0.0}),
            ("tuned", {"adapter": adapter}),
        )
    )
    np.testing.assert_allclose(none, base, rtol=0, atol=1e-6)
    assert np.abs(tuned - base).max() > 0.01


@pytest.mark.parametrize(
    "options",
    [{"use_dora": True}, {"bias": "lora_only"}, {"modules_to_save": ["text_projection"]}],
)
def test_an_adapter_that_replaces_whole_tensors_has_the_weight_1_only(
    tiny_clip, tmp_path, texts, options
):
    adapter = build_adapter(tiny_clip, tmp_path / "adapter", seed=1, **options)
    with pytest.raises(VariantInvalid, match=r"the weight 1 only, not 0\.5"):
        add(tmp_path, tiny_clip, adapter=adapter, adapter_weight=0.5)
    tuned = Encoder.load(add(tmp_path, tiny_clip, adapter=adapter), device="cpu")
    base = Encoder.load(add(tmp_path / "base", tiny_clip), device="cpu")
    assert np.abs(tuned.encode_texts(texts) - base.encode_texts(texts)).max() > 0.01
    with pytest.raises(VariantInvalid, match="the weight 1 only"):
        merge_adapter(CLIPModel.from_pretrained(tiny_clip), adapter, 0.0)


def test_an_adapter_for_a_model_of_another_shape_is_refused(tiny_clip, tmp_path):
    wider = build_tiny_clip(tmp_path / "wider", hidden=48)
    adapter = build_adapter(wider, tmp_path / "adapter", seed=1)
    with pytest.raises(EncoderError, match="does not fit"):
        add(tmp_path, tiny_clip, adapter=adapter)


def test_an_adapter_for_more_layers_than_there_are_is_refused(tiny_clip, tmp_path):
    """PEFT only warns of weights that match nothing, and the base's vectors would pass for it."""
    deeper = build_tiny_clip(tmp_path / "deeper", layers=3)
    adapter = build_adapter(deeper, tmp_path / "adapter", seed=1)
    with pytest.raises(EncoderError, match="does not fit"):
        add(tmp_path, tiny_clip, adapter=adapter)


def test_a_base_changed_on_disk_is_not_loaded(tiny_clip, tmp_path):
    base = shutil.copytree(tiny_clip, tmp_path / "base")
    variant = add(tmp_path, base)
    build_tiny_clip(base, seed=5)
    with pytest.raises(EncoderError, match="has changed"):
        Encoder.load(variant)


def test_weights_that_lack_a_part_are_refused(tiny_clip, tmp_path):
    from safetensors.torch import load_file, save_file

    base = shutil.copytree(tiny_clip, tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"lack .*visual_projection"):
        add(tmp_path, base)


def test_broken_weights_are_refused_in_one_sentence(tiny_clip, tmp_path):
    base = shutil.copytree(tiny_clip, tmp_path / "base")
    (base / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(EncoderError, match="cannot be read"):
        add(tmp_path, base)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tiny_clip, adapter, tmp_path, number):
    from safetensors.numpy import load_file, save_file

    base, broken = (shutil.copytree(tiny_clip, tmp_path / name) for name in ("base", "broken"))
    diverged = shutil.copytree(adapter, tmp_path / "diverged")
    for file in (broken / "model.safetensors", diverged / "adapter_model.safetensors"):
        weights = load_file(file)
        weights[min(weights)].flat[0] = number
        save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"broken has NaN or infinite weights, in \w+"):
        Encoder.load(add(tmp_path, broken), device="cpu")
    with pytest.raises(EncoderError, match="with its adapter has NaN or infinite weights"):
        Encoder.load(add(tmp_path, base, adapter=diverged, force=True), device="cpu")


def test_on_a_cpu_the_arithmetic_is_float32_unless_named_otherwise(encoder):
    assert (encoder.precision, encoder.device) == ("float32", "cpu")


def test_bfloat16_is_refused_where_it_turns_the_vectors(tmp_path):
    """Wide weights make attention so sharp that bfloat16 lands elsewhere."""
    variant = add(tmp_path, build_tiny_clip(tmp_path / "base", spread=8.0))
    with pytest.raises(EncoderError, match="use float32"):
        Encoder.load(variant, precision="bfloat16", device="cpu")


def test_bfloat16_is_used_where_it_leaves_the_vectors(tmp_path, pictures, texts):
    variant = add(tmp_path, build_tiny_clip(tmp_path / "base", spread=1.0))
    exact = Encoder.load(variant, device="cpu")
    short = Encoder.load(variant, precision="bfloat16", device="cpu")
    assert short.precision == "bfloat16"
    for encode, items in (("encode_images", pictures), ("encode_texts", texts)):
        got, expected = getattr(short, encode)(items), getattr(exact, encode)(items)
        cosines = (got * expected).sum(axis=1)
        assert got.dtype == np.float32
        assert LEAST_COSINE <= cosines.min() < 1 - 1e-9


@pytest.mark.parametrize("name", ["cuda:99", "tpu9000"])
def test_a_device_that_is_not_there_is_refused(variant, name):
    with pytest.raises(EncoderError, match=name):
        Encoder.load(variant, device=name)


def test_an_unknown_precision_is_refused(variant):
    with pytest.raises(EncoderError, match="'int4'"):
        Encoder.load(variant, precision="int4", device="cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_used_where_there_is_one(variant, encoder, pictures, texts):
    there = Encoder.load(variant)
    assert there.device.startswith("cuda")
    for encode, items in (("encode_images", pictures), ("encode_texts", texts)):
        cosines = (getattr(there, encode)(items) * getattr(encoder, encode)(items)).sum(axis=1)
        assert cosines.min() >= LEAST_COSINE


def test_variants_of_one_model_share_it_in_memory_as_long_as_one_uses_it(tmp_path, texts):
    base = build_tiny_clip(tmp_path / "base", seed=9)  # no other test has it in memory
    adapter = build_adapter(base, tmp_path / "adapter", seed=1)
    variants = Variants(tmp_path)
    first = Encoder.load(variants.add("first", base), device="cpu")
    titles = Encoder.load(variants.add("titles", base, template="title"), device="cpu")
    tuned = Encoder.load(variants.add("tuned", base, adapter=adapter), device="cpu")
    assert titles._model.model is first._model.model
    assert tuned._model.model is not first._model.model
    model = weakref.ref(first._model.model)
    del first
    assert np.isfinite(titles.encode_texts(texts)).all()
    del titles
    gc.collect()
    assert model() is None
