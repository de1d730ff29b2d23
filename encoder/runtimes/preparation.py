"""Converts a variant's models for OpenVINO, each in the fastest precision that a trial allows."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from encoder.errors import EncoderError
from encoder.runtimes.converted import (
    CACHE,
    FACTS,
    GRAPHS,
    NEVER,
    TOKENIZER,
    Converted,
    Facts,
    building,
    digest_of,
    key_of,
    sizes_of,
    stats_of,
)
from encoder.runtimes.machine import (
    has_bfloat16,
    has_int8,
    instructions,
    load_openvino,
    uses_cpu,
)
from encoder.runtimes.openvino_model import OpenVINOModel, OpenVINOTexts
from encoder.runtimes.runtime import Precision, openvino_allowed
from encoder.runtimes.source import DualEncoderSource, Source, TextModelSource
from encoder.runtimes.trial import LEAST_COSINE, LEAST_GAIN, PERCENTILE, Sample
from encoder.variant import Variant
from vitrine.command import OUT_OF_MEMORY

# Samples for int8: a third of them to compare it with float32, the others to measure its ranges
# on; and the fewest that say anything.
SAMPLES, FEWEST = 192, 96
PROBED = 3  # one of so many

# Bytes; with fewer left on the disk, a file could not be written because it is full.
ROOM = 2**20

# Of a converted model in float32 to torch.
LEAST_EQUAL = 0.9999


Sampling = Callable[[], Sample] | None


def prepare(variant: Variant, precision: Precision, sample: Sampling) -> list[str]:
    """Convert a variant's models, where OpenVINO can run them and they are not yet converted.

    Args:
        variant: which.
        precision: "auto" chooses by a trial; another one is kept in place of the one chosen
            before; float32 is left to torch where nothing is converted.
        sample: of the shop's pictures and texts, called where it is needed; None leaves out the
            trial of int8, which takes the most time, until there is one.

    Returns:
        For each model a sentence that says what was chosen and why; none where nothing was done.

    Raises:
        EncoderError: a model is missing or has changed, or int8 was named and cannot be had.
    """
    if precision == "float32" or not (openvino_allowed() and uses_cpu(None) and load_openvino()):
        return []
    sources: list[Source] = [DualEncoderSource(variant)]
    if not variant.image_side:  # an embedder
        if precision != "auto":
            raise EncoderError(
                f"Variant {variant.name!r} is of an embedder, which runs in float32: name that."
            )
        sources.clear()
    if variant.manifest.text_model:
        sources.append(TextModelSource(variant))
    return [done for each in sources if (done := _prepare(each, precision, sample))]


def _prepare(source: Source, precision: Precision, sample: Sampling) -> str:
    """Convert one model; returns the sentence about it, empty where nothing was done."""
    if _stands(source, precision, sample):
        return ""
    try:
        with building(source) as folder:
            if _stands(source, precision, sample):  # another process was faster
                return ""
            sentence = _Preparation(source, folder).run(precision, sample and sample())
        _fill_cache(source)
    except EncoderError:
        raise
    except OSError as error:
        reason = f"it cannot be kept in {source.folder} ({error.strerror or error})"
    except Exception as error:  # noqa: BLE001 (of OpenVINO, torch or nncf, of any kind)
        reason = _sentence(error)
    else:
        return sentence
    if precision == "int8":
        raise EncoderError(f"{source.title} cannot be run in int8: {reason}.")
    return _by_torch(source, reason)


def _by_torch(source: Source, reason: str) -> str:
    return f"{source.title} is run by torch, and has no converted model: {reason}."


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _fill_cache(source: Source) -> None:
    """Compile a converted model where it now is, so that OpenVINO's cache has it."""
    converted = Converted.find(source)
    if converted and converted.has("auto"):
        precision, tokens = converted.facts.precision, converted.tokenizer()([""])
        if converted.facts.processor is None:
            OpenVINOTexts(converted, precision).text_features(tokens)
        else:
            model, side = OpenVINOModel(converted, precision), source.variant.image_side
            model.image_features(np.zeros((1, side, side, 3), dtype=np.uint8))
            model.text_features(tokens)


def _stands(source: Source, precision: Precision, sample: Sampling) -> bool:
    """Whether a model need not be converted: it is whole, and a new trial has no more samples."""
    found = Converted.find(source)
    if found is None or not found.whole():
        return False
    facts = found.facts
    if precision != "auto":
        return precision == facts.precision
    more = sample is not None and facts.few and _size(source, sample()) >= FEWEST
    return not more and facts.precision not in facts.refused


def _size(source: Source, sample: Sample | None) -> int:
    """How many samples a model can be calibrated on."""
    if sample is None:
        return 0
    texts = len(sample.texts)
    return texts if isinstance(source, TextModelSource) else min(texts, len(sample.pictures))


class _Preparation:
    """One conversion, into an empty folder."""

    def __init__(self, source: Source, folder: Path) -> None:
        from encoder.runtimes.loaded import load

        self._source, self._folder = source, folder
        self._loaded = load(source)
        old = Facts.read(source.folder / FACTS)
        self._refused = old.refused if old and old.key == key_of(source) else []
        self._rejected: list[str] = []  # reasons

    def run(self, precision: Precision, sample: Sample | None) -> str:
        """Convert, choose, and write the facts; returns the sentence about the choice.

        A model that cannot be converted has facts alone, so that it is not tried again.
        """
        try:
            chosen, sentence = self._converted(precision, sample)
        except (EncoderError, OSError, MemoryError):
            raise
        except Exception as error:
            sentence = _by_torch(self._source, _sentence(error))
            if precision == "int8" or any(map(sentence.__contains__, OUT_OF_MEMORY)):
                raise
            chosen = NEVER
        for name in set(GRAPHS.values()) - {GRAPHS.get(chosen)}:
            shutil.rmtree(self._folder / name, ignore_errors=True)
        shutil.rmtree(self._folder / CACHE, ignore_errors=True)  # made for another path
        facts = replace(
            self._facts(),
            precision=chosen,
            reason=sentence,
            few=_size(self._source, sample) < FEWEST,
            refused=self._refused if precision == "auto" else [],
            digest=digest_of(self._folder),
            sizes=sizes_of(self._folder),
        )
        facts.write(self._folder / FACTS)
        return sentence

    def _converted(self, precision: Precision, sample: Sample | None) -> tuple[str, str]:
        """Convert and choose; returns the precision and the sentence about it."""
        self._save(self._loaded.convert(), "float32")
        self._loaded.write_tokenizer(self._folder / TOKENIZER)
        chosen, reason = self._choose(precision, sample)
        return chosen, f"{self._source.title} is run by OpenVINO in {chosen}: {reason}."

    def _facts(self) -> Facts:
        return Facts(
            key=key_of(self._source),
            precision="float32",
            reason="",
            few=False,
            instructions=instructions(),
            sources=stats_of(self._source),
            digest="",
            sizes={},
            **self._loaded.facts,
        )

    def _choose(self, precision: Precision, sample: Sample | None) -> tuple[str, str]:
        """The precision, and why.

        Raises:
            EncoderError: one was named that cannot be had, or changes the vectors.
        """
        size = _size(self._source, sample)
        enough = sample if size >= FEWEST else None
        trial = self._loaded.trial(enough, range(0, size, PROBED))
        plain = self._model_in("float32")
        if trial.cosine(plain) < LEAST_EQUAL:
            raise RuntimeError("its vectors are not those of torch")
        for each in self._candidates(precision, sample):
            if precision == "auto" and each in self._refused:
                self._reject(each, "refused by `vitrine eval precision`")
                continue
            try:
                if each == "int8" and enough:
                    self._quantise(enough, size)
                model = self._model_in(each)
                near, faster = trial.cosine(model), trial.gain(model, plain)
            except (RuntimeError, ImportError) as error:  # of OpenVINO or nncf
                self._reject(each, " ".join(str(error).split())[:100])
                continue
            if near < LEAST_COSINE:
                self._reject(each, f"{PERCENTILE}st percentile of cosines {near:.4f}")
            elif faster < LEAST_GAIN and precision == "auto":
                self._reject(each, f"{faster:.1f} × as fast")
            else:
                passed = (
                    f"{faster:.1f} × as fast as its float32 on this machine, with cosines to "
                    f"float32 of {near:.4f} (1st percentile of {trial.samples.named})"
                )
                return each, "; not in ".join([passed, *self._rejected])
        why = "; ".join(self._rejected) or "the CPU has no instructions for less"
        if precision not in ("auto", "float32"):
            raise EncoderError(
                f"{self._source.title} cannot be run in {precision} ({why}): leave --precision out."
            )
        return "float32", f"as torch, but queries start without it ({why})"

    def _quantise(self, sample: Sample, size: int) -> None:
        from encoder.runtimes.conversion import quantise

        calibration = self._loaded.samples(sample, [row for row in range(size) if row % PROBED])
        files = {file.stem: file for file in (self._folder / "float32").glob("*.xml")}
        self._save(quantise(files, self._loaded.facts["padding"], calibration), "int8")

    def _candidates(self, precision: Precision, sample: Sample | None) -> Iterator[str]:
        """Precisions to try, fastest first; those that cannot be had are rejected."""
        if precision in ("auto", "int8"):
            if precision == "auto" and not has_int8():
                self._reject("int8", "the CPU has no instructions for it")
            elif sample is None:
                self._reject("int8", "it is tried when something is to be encoded")
            elif _size(self._source, sample) < FEWEST:
                self._reject("int8", f"it needs {FEWEST} {self._loaded.sampled}")
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

    def _model_in(self, precision: str) -> OpenVINOTexts:
        return self._loaded.run(Converted(self._folder, self._facts()), precision)

    def _save(self, graphs: Mapping[str, Any], name: str) -> None:
        (self._folder / name).mkdir()
        for part, graph in graphs.items():
            file = self._folder / name / f"{part}.xml"
            try:
                # By default weights are halved.
                load_openvino().save_model(graph, file, compress_to_fp16=False)
            except RuntimeError as error:
                if shutil.disk_usage(self._folder).free > ROOM:
                    raise
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error
