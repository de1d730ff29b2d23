"""Converted models: torch's vectors, files that are whole or not there, queries without torch."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.families import FAMILIES
from encoder.runtimes import machine, preparation
from encoder.runtimes.converted import FACTS, Converted
from encoder.runtimes.machine import has_bfloat16, load_openvino
from encoder.runtimes.openvino_model import OpenVINOModel
from encoder.runtimes.preparation import prepare
from encoder.runtimes.runtime import VARIABLE
from encoder.runtimes.source import DualEncoderSource
from encoder.runtimes.trial import Sample, Trial
from encoder.tokenizer import Tokenizer
from encoder.variant import Variant
from encoder.variants import Variants
from tests.tiny_models import build_tiny_model, build_tiny_text_model

pytestmark = pytest.mark.skipif(load_openvino() is None, reason="OpenVINO is not installed")

LEAST = 0.99999


@pytest.fixture(autouse=True)
def converted_models_are_used(monkeypatch):
    monkeypatch.setenv(VARIABLE, "auto")


def least_cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum(axis=1).min())


def by_torch(variant: Variant, monkeypatch) -> Encoder:
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, "torch")
        return Encoder.load(variant, device="cpu", batch_size=8)


def convert_in_float32(variant: Variant) -> list[str]:
    """Convert as on a CPU that has neither bfloat16 nor int8."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "has_bfloat16", lambda: False)
        patch.setattr(preparation, "has_int8", lambda: False)
        return prepare(variant, "auto", None)


@pytest.fixture(scope="module")
def converted(tiny_clip, adapter, tmp_path_factory) -> Variant:
    """A CLIP with an adapter, converted in float32; do not change it."""
    home = tmp_path_factory.mktemp("converted")
    variant = Variants(home).add("tiny", tiny_clip, adapter=adapter, keep_base=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "auto")
        [sentence] = convert_in_float32(variant)
    assert "Variant 'tiny' is run by OpenVINO in float32" in sentence
    assert sentence.count("the CPU has no instructions for it") == 2
    return variant


@pytest.fixture
def changeable(converted, tmp_path) -> Variant:
    """A copy of `converted`, at another path."""
    old = converted.folder.parents[1]
    home = shutil.copytree(old, tmp_path / "home")
    manifest = home / "variants" / "tiny" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(str(old), str(home)))
    return Variants(home).get("tiny")


@pytest.mark.parametrize("kind", [kind for kind in FAMILIES if kind != "clip"])
def test_a_converted_model_of_every_family_has_the_vectors_of_torch(
    kind, tmp_path, pictures, texts, monkeypatch
):
    variant = Variants(tmp_path).add("tiny", build_tiny_model(kind, tmp_path / "base"))
    convert_in_float32(variant)
    check_equal(variant, pictures[:20], texts[:40], monkeypatch)


def test_a_converted_clip_has_the_vectors_of_torch_and_its_adapter(
    converted, pictures, texts, monkeypatch
):
    check_equal(converted, pictures, texts, monkeypatch)


def check_equal(variant, pictures, texts, monkeypatch):
    theirs, ours = by_torch(variant, monkeypatch), Encoder.load(variant, batch_size=8)
    assert type(ours._model).__name__ == "OpenVINOModel"
    assert (ours.precision, ours.device) == ("float32", "cpu")
    for encode, items in (("encode_images", pictures), ("encode_texts", texts)):
        expected = getattr(theirs, encode)(items)
        assert np.ptp(expected, axis=0).min() > 0.1
        assert least_cosine(getattr(ours, encode)(items), expected) > LEAST
        assert least_cosine(getattr(ours, encode)(items[:1]), expected[:1]) > LEAST


def test_a_tokenizer_read_again_gives_the_same_tokens(tmp_path, texts):
    for kind, family in FAMILIES.items():
        folder = build_tiny_model(kind, tmp_path / kind)
        made = Tokenizer(folder, family, 12)
        made.write(tmp_path / "tokenizer.json")
        again = Tokenizer.read(tmp_path / "tokenizer.json", made.cleaner)
        every = [*texts, "<|endoftext|> a", "\ud800", "Men's SHOES, red!"]
        assert again(every) == made(every), kind


@pytest.fixture(scope="module")
def worded(tiny_clip, tmp_path_factory) -> Variant:
    """A variant with a text model that has prompts; nothing of it is converted."""
    folder = tmp_path_factory.mktemp("words")
    prompts = {"query": "find: ", "passage": "item: "}
    text_model = build_tiny_text_model(folder / "model", prompts=prompts)
    return Variants(folder / "home").add("words", tiny_clip, text_model=text_model)


def test_a_converted_text_model_has_the_vectors_of_torch_and_its_prompts(
    worded, texts, monkeypatch
):
    theirs = by_torch(worded, monkeypatch).text_encoder
    _, sentence = convert_in_float32(worded)
    assert "The text model of variant 'words' is run by OpenVINO in float32" in sentence
    ours = Encoder.load(worded).text_encoder
    assert type(ours).__name__ == "OpenVINOTextEncoder"
    assert (ours.dim, ours.max_tokens) == (theirs.dim, theirs.max_tokens)
    odd = ["", "\ud800", "a [SEP] b", " two  spaces ", "http://127.0.0.1:9/x.png"]
    for encode in ("encode_queries", "encode_documents"):
        expected = getattr(theirs, encode)([*texts, *odd])
        assert np.ptp(expected, axis=0).min() > 0.1
        assert least_cosine(getattr(ours, encode)([*texts, *odd]), expected) > LEAST
    queries, documents = ours.encode_queries(texts), ours.encode_documents(texts)
    assert least_cosine(queries, documents) < 0.999  # the prompts differ
    assert ours.encode_queries([]).shape == (0, ours.dim)
    assert prepare(worded, "auto", None) == []


def test_a_text_model_that_cannot_be_converted_is_run_by_torch(worded, tmp_path, monkeypatch):
    def fail(_):
        raise KeyError("an operation of its own")

    words = Variants(tmp_path).add("words", worded.base, text_model=worded.manifest.text_model.base)
    monkeypatch.setattr("encoder.runtimes.loaded.convert_text_model", fail)
    monkeypatch.setattr("encoder.runtimes.loaded.convert", fail)
    _, sentence = prepare(words, "auto", None)
    assert sentence == (
        "The text model of variant 'words' is run by torch, and has no converted model: "
        "'an operation of its own'."
    )
    assert type(Encoder.load(words).text_encoder).__name__ == "SentenceEncoder"
    assert prepare(words, "auto", None) == []  # it is not tried again
    with pytest.raises(EncoderError, match="cannot be run in int8: 'an operation of its own'"):
        prepare(words, "int8", None)


def test_nothing_is_reported_and_nothing_written_elsewhere(tmp_path, tiny_clip):
    """Converting, calibrating and encoding, in a process without consent to telemetry."""
    user = tmp_path / "user"
    user.mkdir()
    work = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from PIL import Image\n"
        "from encoder.encoder import Encoder\n"
        "from encoder.runtimes import preparation\n"
        "from encoder.runtimes.preparation import prepare\n"
        "from encoder.runtimes.trial import Sample\n"
        "preparation.LEAST_COSINE = -1\n"  # a random model of this size is hard to quantise
        "from encoder.variants import Variants\n"
        f"variant = Variants(Path({str(tmp_path / 'home')!r})).add('tiny', {str(tiny_clip)!r})\n"
        "pictures = [Image.new('RGB', (40, 40), (n, 99, 255 - n)) for n in range(96)]\n"
        "sample = Sample(pictures, [f'a shoe {n}' for n in range(96)])\n"
        "print(prepare(variant, 'int8', lambda: sample))\n"
        "Encoder.load(variant).encode_texts(['a red dress'])\n"
    )
    ran = run_python(work, HOME=str(user), TMPDIR=str(tmp_path), CI="")
    assert "run by OpenVINO in int8" in ran.stdout
    assert list(user.rglob("*")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "user"]


def run_python(code: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, VARIABLE: "auto", **variables}
    ran = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return ran


def test_a_model_that_stands_is_not_converted_again(converted):
    assert prepare(converted, "auto", None) == []


@pytest.mark.parametrize("damage", ["cut", "graph missing", "facts"])
def test_a_damaged_model_is_not_used(changeable, damage):
    folder = changeable.folder / "openvino"
    weights = folder / "float32" / "text.bin"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "graph missing":
        weights.with_suffix(".xml").unlink()
    else:
        (folder / FACTS).write_text('{"key": 1')
    assert Converted.find(DualEncoderSource(changeable)) is None


def test_a_damaged_model_is_made_anew(changeable, texts, monkeypatch):
    """Here by bytes of the same number, which only `vitrine ingest vectors` reads all of."""
    weights = changeable.folder / "openvino" / "float32" / "text.bin"
    weights.write_bytes(bytes(weights.stat().st_size))
    assert "run by OpenVINO" in convert_in_float32(changeable)[0]
    expected = by_torch(changeable, monkeypatch).encode_texts(texts[:5])
    assert least_cosine(Encoder.load(changeable).encode_texts(texts[:5]), expected) > LEAST


@pytest.mark.parametrize("what", ["openvino", "checkpoint", "machine"])
def test_a_model_of_another_state_is_not_used(changeable, what):
    facts = changeable.folder / "openvino" / FACTS
    value = json.loads(facts.read_text())
    if what == "machine":
        value["instructions"] = ["another"]
    elif what == "openvino":
        value["key"] = "0" * 64
    facts.write_text(json.dumps(value))
    if what == "checkpoint":
        weights = changeable.base_folder() / "model.safetensors"
        content = weights.read_bytes()
        weights.unlink()  # it may be a hard link
        weights.write_bytes(content[:-4] + b"\0\0\0\1")
        with pytest.raises(EncoderError, match="has changed"):
            Converted.find(DualEncoderSource(changeable))
    else:
        assert Converted.find(DualEncoderSource(changeable)) is None


def test_a_folder_that_was_copied_keeps_its_model(changeable):
    """Its files have other times of change; their content is compared."""
    for file in changeable.base_folder().iterdir():
        os.utime(file, (1, 1))
    assert Converted.find(DualEncoderSource(changeable)) is not None


def test_without_torch_and_a_converted_model_the_remedy_is_named(tmp_path, tiny_clip, monkeypatch):
    variant = Variants(tmp_path).add("tiny", tiny_clip)
    monkeypatch.setattr("encoder.runtimes.openvino_model.find_spec", lambda _: None)
    with pytest.raises(EncoderError, match="vitrine ingest vectors --variant tiny"):
        Encoder.load(variant)


def test_int8_is_chosen_by_a_trial_and_needs_samples(changeable, pictures, texts, monkeypatch):
    with pytest.raises(EncoderError, match="it needs 96 pictures and texts"):
        prepare(changeable, "int8", lambda: Sample(pictures[:1], texts[:1]))
    with pytest.raises(EncoderError, match="has no model in int8"):
        Encoder.load(changeable, precision="int8")
    monkeypatch.setattr(preparation, "LEAST_COSINE", 1.1)  # which none reaches
    few = Sample(pictures[:1], texts[:1])
    shutil.rmtree(changeable.folder / "openvino")
    [sentence] = prepare(changeable, "auto", lambda: few)
    assert "in float32" in sentence
    assert ("1st percentile of cosines" in sentence) == has_bfloat16()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ("flags\t\t: fpu sse4_2 avx2 fma\n", False),
        ("flags\t\t: fpu avx2 avx_vnni\n", True),
        ("flags\t\t: avx512f avx512_vnni\n", True),
        ("Features\t: asimd\n", True),  # a processor of another kind: the trial decides
    ],
)
def test_int8_is_tried_where_the_processor_multiplies_it(facts, expected, tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    file.write_text(facts)
    monkeypatch.setattr(machine, "CPU_FACTS", file)
    assert machine.has_int8() is expected


def test_a_cpu_held_to_fewer_instructions_has_no_bfloat16(monkeypatch):
    monkeypatch.setenv(machine.HELD_TO, "avx2")
    assert not machine.has_bfloat16()
    monkeypatch.delenv(machine.HELD_TO)
    monkeypatch.setattr(machine, "load_openvino", lambda: None)
    assert not machine.has_bfloat16()


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU has float32 alone")
def test_each_precision_has_a_cache_of_its_own(changeable, texts):
    """OpenVINO's cache holds a graph once, whatever it was compiled for: it gives NaN then."""
    found = Converted.find(DualEncoderSource(changeable))
    tokens = found.tokenizer()(texts[:8])
    first, halved, again = (
        OpenVINOModel(found, precision).text_features(tokens)
        for precision in ("float32", "bfloat16", "float32")
    )
    assert np.isfinite(halved).all()
    assert not np.array_equal(halved, first)
    np.testing.assert_array_equal(again, first)
    caches = {file.parent.name for file in (found.folder / "cache").glob("*/*.blob")}
    assert caches == {"float32", "bfloat16"}


def test_a_precision_that_cannot_be_had_leaves_the_next_one(
    changeable, pictures, texts, monkeypatch
):
    def fail(*_):
        raise RuntimeError("an operation is not supported")

    shutil.rmtree(changeable.folder / "openvino")
    for module in ("has_int8", "has_bfloat16"):
        monkeypatch.setattr(preparation, module, lambda: True)
    monkeypatch.setattr(preparation._Preparation, "_quantise", fail)
    monkeypatch.setattr(Trial, "gain", fail)
    sample = Sample(pictures[:1] * 96, texts[:1] * 96)
    [sentence] = prepare(changeable, "auto", lambda: sample)
    assert "in float32" in sentence
    assert "int8: an operation is not supported; bfloat16: " in sentence


# Threads that import OpenVINO at the same moment, and then read their first tensor so: the main
# thread's is read while others wait for Python's lock, which the long product makes it keep.
FIRST_USES = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from encoder.runtimes.machine import load_openvino, openvino_core
sys.setswitchinterval(1e-6)
with ThreadPoolExecutor(4) as pool:
    meet = threading.Barrier(4)
    assert all(pool.map(lambda _: (meet.wait(), load_openvino())[1], range(4)))
compiled = openvino_core().compile_model(sys.argv[1], "CPU")
tensors = [compiled.create_infer_request().get_input_tensor(0) for _ in range(4)]
started = []
def read(tensor):
    while not started:
        pass
    tensor.data
threads = [threading.Thread(target=read, args=[each]) for each in tensors[1:]]
for each in threads:
    each.start()
number = 7
started.append(True)
number ** 60_000; tensors[0].data
for each in threads:
    each.join()
"""


def test_threads_may_use_openvino_first_at_once(converted):
    run_python(FIRST_USES, str(converted.folder / "openvino" / "float32" / "text.xml"))


def test_an_unknown_runtime_is_refused(converted, monkeypatch):
    monkeypatch.setenv(VARIABLE, "onnx")
    with pytest.raises(EncoderError, match="VITRINE_RUNTIME is auto or torch"):
        Encoder.load(converted)
