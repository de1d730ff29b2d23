"""Converts a variant's model for OpenVINO, in the fastest precision that a trial allows."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from encoder.base import as_dual_encoder
from encoder.embedder import EmbedderCheckpoint
from encoder.errors import EncoderError
from encoder.runtimes.converted import (
    CACHE,
    FACTS,
    GRAPHS,
    PARTS,
    TOKENIZER,
    Converted,
    Facts,
    building,
    digest_of,
    key_of,
    sizes_of,
    sources_of,
)
from encoder.runtimes.machine import (
    has_bfloat16,
    has_int8,
    instructions,
    load_openvino,
    uses_cpu,
)
from encoder.runtimes.openvino_model import OpenVINOModel
from encoder.runtimes.runtime import Precision, openvino_allowed
from encoder.runtimes.trial import (
    LEAST_COSINE,
    LEAST_GAIN,
    PERCENTILE,
    Samples,
    cosine,
    drawn_samples,
    features,
    gain,
)
from encoder.variant import Variant

# Samples for int8: a third of them to compare it with float32, the others to measure its ranges
# on; and the fewest that say anything.
SAMPLES, FEWEST = 192, 96
PROBED = 3  # one of so many
TIMED = 8  # pictures of the trial's batch

# Of a converted model in float32 to torch.
LEAST_EQUAL = 0.9999


@dataclass(frozen=True)
class Sample:
    """Some of a shop's pictures and texts: up to `SAMPLES` of each are used."""

    pictures: Sequence[Image.Image]
    texts: Sequence[str]

    @property
    def size(self) -> int:
        """Pictures or texts, of which there are fewer."""
        return min(len(self.pictures), len(self.texts))


def prepare(variant: Variant, precision: Precision, sample: Callable[[], Sample]) -> str:
    """Convert a variant's model, where OpenVINO can run it and it is not yet converted.

    Args:
        variant: which.
        precision: "auto" chooses by a trial; another one is kept in place of the one chosen
            before; float32 is left to torch where nothing is converted.
        sample: called where it is needed.

    Returns:
        The sentence that says what was chosen and why; empty where nothing was done.

    Raises:
        EncoderError: the checkpoint or the adapter is missing or has changed, or int8 was named
            and cannot be had.
    """
    if not (openvino_allowed() and uses_cpu(None) and load_openvino()):
        return ""
    if precision == "float32" or _stands(variant, precision, sample):
        return ""
    if isinstance(variant.checkpoint(), EmbedderCheckpoint):
        if precision == "auto":
            return ""
        raise EncoderError(
            f"Variant {variant.name!r} is of an embedder, which runs in float32: name that."
        )
    try:
        with building(variant) as folder:
            if _stands(variant, precision, sample):  # another process was faster
                return ""
            sentence = _Preparation(variant, folder).run(precision, sample())
        _fill_cache(variant)
    except OSError as error:
        reason = f"it cannot be kept in {variant.folder} ({error.strerror or error})"
    except (RuntimeError, MemoryError, ImportError) as error:  # of OpenVINO, torch or nncf
        reason = " ".join(str(error).split())[:200] or type(error).__name__
    else:
        return sentence
    if precision == "int8":
        raise EncoderError(f"Variant {variant.name!r} cannot be run in int8: {reason}.")
    return f"Variant {variant.name!r} is run by torch, and has no converted model: {reason}."


def _fill_cache(variant: Variant) -> None:
    """Compile a converted model where it now is, so that OpenVINO's cache has it."""
    if converted := Converted.find(variant):
        model, side = OpenVINOModel(converted, converted.facts.precision), variant.image_side
        model.image_features(np.zeros((1, side, side, 3), dtype=np.uint8))
        model.text_features(converted.tokenizer()([""]))


def _stands(variant: Variant, precision: Precision, sample: Callable[[], Sample]) -> bool:
    """Whether a model need not be converted: it is whole, and a new trial has no more samples."""
    found = Converted.find(variant)
    if found is None or not found.whole():
        return False
    if precision == "auto":
        return not (found.facts.few and sample().size >= FEWEST)
    return precision == found.facts.precision


class _Preparation:
    """One conversion, into an empty folder."""

    def __init__(self, variant: Variant, folder: Path) -> None:
        from encoder.model import DualEncoder, load_model
        from encoder.precision import find_device

        self._variant, self._folder = variant, folder
        self._checkpoint = as_dual_encoder(variant.checkpoint())
        self._tokenizer = self._checkpoint.tokenizer()
        weight = variant.manifest.adapter_weight
        loaded = load_model(self._checkpoint, variant.adapter_folder, weight, find_device("cpu"))
        self._model = DualEncoder(loaded, self._checkpoint)
        self._rejected: list[str] = []  # reasons

    def run(self, precision: Precision, sample: Sample) -> str:
        """Convert, choose, and write the facts; returns the sentence about the choice."""
        from encoder.runtimes.conversion import convert

        self._save(convert(self._model), "float32")
        self._tokenizer.write(self._folder / TOKENIZER)
        chosen, reason = self._choose(precision, sample)
        for name in set(GRAPHS.values()) - {GRAPHS[chosen]}:
            shutil.rmtree(self._folder / name, ignore_errors=True)
        shutil.rmtree(self._folder / CACHE, ignore_errors=True)  # made for another path
        sentence = f"Variant {self._variant.name!r} is run by OpenVINO in {chosen}: {reason}."
        facts = replace(
            self._facts(),
            precision=chosen,
            reason=sentence,
            few=sample.size < FEWEST,
            digest=digest_of(self._folder),
            sizes=sizes_of(self._folder),
        )
        facts.write(self._folder / FACTS)
        return sentence

    def _facts(self) -> Facts:
        return Facts(
            key=key_of(self._variant),
            precision="float32",
            reason="",
            few=False,
            instructions=instructions(),
            sources=sources_of(self._variant),
            digest="",
            sizes={},
            padding=self._checkpoint.family.padding,
            cleaner=self._tokenizer.cleaner,
            max_tokens=self._checkpoint.max_tokens,
            processor=self._checkpoint.processor,
        )

    def _choose(self, precision: Precision, sample: Sample) -> tuple[str, str]:
        """The precision, and why.

        Raises:
            EncoderError: one was named that cannot be had, or changes the vectors.
        """
        few = sample.size < FEWEST
        processor = self._checkpoint.processor
        if few:
            probe = drawn_samples(processor, self._tokenizer)
        else:
            probe = self._samples(sample, range(0, sample.size, PROBED))
        expected = features(self._model, probe)
        plain = self._model_in("float32")
        if cosine(plain, expected, probe) < LEAST_EQUAL:
            raise RuntimeError("its vectors are not those of torch")
        for each in self._candidates(precision, few):
            try:
                if each == "int8":
                    self._quantise(sample)
                model = self._model_in(each)
                near = cosine(model, expected, probe)
                faster = gain(model, plain, probe.pixels[:TIMED])
            except (RuntimeError, ImportError) as error:  # of OpenVINO or nncf
                self._reject(each, " ".join(str(error).split())[:100])
                continue
            if near < LEAST_COSINE:
                self._reject(each, f"{PERCENTILE}st percentile of cosines {near:.4f}")
            elif faster < LEAST_GAIN and precision == "auto":
                self._reject(each, f"{faster:.1f} × as fast")
            else:
                return each, (
                    f"{faster:.1f} × as fast as its float32 on this machine, with cosines to "
                    f"float32 of {near:.4f} (1st percentile of {len(probe.pixels)} pictures and "
                    "texts)"
                )
        why = "; ".join(self._rejected) or "the CPU has no instructions for less"
        if precision not in ("auto", "float32"):
            raise EncoderError(
                f"Variant {self._variant.name!r} cannot be run in {precision} ({why}): leave "
                "--precision out."
            )
        return "float32", f"as torch, but queries start without it ({why})"

    def _samples(self, sample: Sample, rows: Sequence[int]) -> Samples:
        pixels = [self._checkpoint.processor.pixels(sample.pictures[row]) for row in rows]
        return Samples(np.stack(pixels), self._tokenizer([sample.texts[row] for row in rows]))

    def _quantise(self, sample: Sample) -> None:
        from encoder.runtimes.conversion import quantise

        others = [row for row in range(sample.size) if row % PROBED]
        files = {part: self._folder / "float32" / f"{part}.xml" for part in PARTS}
        calibration = self._samples(sample, others)
        self._save(quantise(files, self._checkpoint, calibration), "int8")

    def _candidates(self, precision: Precision, few: bool) -> Iterator[str]:
        """Precisions to try, fastest first; those that cannot be had are rejected."""
        if precision in ("auto", "int8"):
            if precision == "auto" and not has_int8():
                self._reject("int8", "the CPU has no instructions for it")
            elif few:
                self._reject("int8", f"it needs {FEWEST} pictures and texts")
            elif find_spec("nncf") is None:
                self._reject("int8", "nncf is not installed")
            else:
                yield "int8"
        if precision in ("auto", "bfloat16"):
            if has_bfloat16():
                yield "bfloat16"
            else:
                self._reject("bfloat16", "the CPU has no instructions for it")

    def _reject(self, precision: str, reason: str) -> None:
        self._rejected.append(f"{precision}: {reason}")

    def _model_in(self, precision: str) -> OpenVINOModel:
        return OpenVINOModel(Converted(self._folder, self._facts()), precision)

    def _save(self, graphs: Mapping[str, Any], name: str) -> None:
        (self._folder / name).mkdir()
        for part, graph in graphs.items():
            # By default weights are halved.
            file = self._folder / name / f"{part}.xml"
            load_openvino().save_model(graph, file, compress_to_fp16=False)
