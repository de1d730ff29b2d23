"""Models loaded by torch, to be converted and to compare converted ones with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from encoder.base import as_dual_encoder
from encoder.model import DualEncoder, load_model
from encoder.precision import find_device
from encoder.runtimes.conversion import Graphs, convert, convert_text_model
from encoder.runtimes.converted import Converted
from encoder.runtimes.openvino_model import OpenVINOModel, OpenVINOTexts
from encoder.runtimes.source import Source, TextModelSource
from encoder.runtimes.trial import Sample, Samples, Trial, drawn_pictures, drawn_texts, features
from encoder.sentence_files import load_folder
from encoder.text_model import SentenceEncoder
from encoder.tokenizer import Tokenizer
from encoder.variant import Variant

# Prompts by what a text is, as sentence-transformers names them: the first one that there is.
PROMPTS = {"query": ("query",), "document": ("document", "passage", "corpus")}

# Texts that tokenizers treat in ways of their own: spaces, letters beyond ASCII, special tokens.
UNUSUAL = ("  two  spaces ", "Crème BRÛLÉE, 漢字 🎉", "a [SEP] b </s> c <|endoftext|> d", "\ud800")


class Loaded(Protocol):
    """A loaded model of a variant."""

    sampled: str  # what it is calibrated on

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `encoder.runtimes.converted.Facts` hold of it: how it takes texts and pictures."""

    def convert(self) -> Graphs:
        """Its graphs in float32."""

    def write_tokenizer(self, file: Path) -> None:
        """Write its tokenizer, with its limit of tokens."""

    def run(self, converted: Converted, precision: str) -> OpenVINOTexts:
        """A converted model of it in a precision."""

    def samples(self, sample: Sample, rows: Sequence[int]) -> Samples:
        """Some of a shop's pictures and texts, prepared."""

    def trial(self, sample: Sample | None, rows: Sequence[int]) -> Trial:
        """What a converted model is compared on: rows of a sample, or what is drawn without one."""


class LoadedDualEncoder:
    """A dual encoder with its adapter, on the CPU in float32.

    Raises:
        EncoderError: it is missing, has changed or cannot be loaded.
    """

    sampled = "pictures and texts"

    def __init__(self, variant: Variant) -> None:
        self._checkpoint = as_dual_encoder(variant.checkpoint())
        self._tokenizer = self._checkpoint.tokenizer()
        weight = variant.manifest.adapter_weight
        device = find_device("cpu")
        loaded = load_model(self._checkpoint, variant.adapter_folder, weight, device)
        self._model = DualEncoder(loaded, self._checkpoint)

    @property
    def facts(self) -> Mapping[str, Any]:
        """How it takes texts and pictures."""
        return {
            "padding": self._checkpoint.family.padding,
            "cleaner": self._tokenizer.cleaner,
            "max_tokens": self._checkpoint.max_tokens,
            "processor": self._checkpoint.processor,
        }

    def convert(self) -> Graphs:
        """Its graphs in float32."""
        return convert(self._model)

    def write_tokenizer(self, file: Path) -> None:
        """Write its tokenizer."""
        self._tokenizer.write(file)

    def run(self, converted: Converted, precision: str) -> OpenVINOModel:
        """A converted model of it in a precision."""
        return OpenVINOModel(converted, precision)

    def samples(self, sample: Sample, rows: Sequence[int]) -> Samples:
        """Some of a shop's pictures and texts, prepared."""
        pixels = [self._checkpoint.processor.pixels(sample.pictures[row]) for row in rows]
        return Samples(self._tokenizer([sample.texts[row] for row in rows]), np.stack(pixels))

    def trial(self, sample: Sample | None, rows: Sequence[int]) -> Trial:
        """What a converted model is compared on."""
        if sample is None:
            samples = Samples(
                self._tokenizer(drawn_texts()), drawn_pictures(self._checkpoint.processor)
            )
        else:
            samples = self.samples(sample, rows)
        return Trial(samples, features(self._model, samples))


class LoadedTextModel:
    """A text model, on the CPU in float32.

    Raises:
        EncoderError: it is missing, has changed or cannot be loaded.
    """

    sampled = "texts"

    def __init__(self, variant: Variant) -> None:
        found = variant.text_model()
        if found is None:
            raise ValueError(f"variant {variant.name} has no text model")
        self._model = load_folder(found.folder, "cpu")
        self._encoder = SentenceEncoder(self._model)
        self._tokenizer = Tokenizer.of_text_model(self._model.tokenizer, self._encoder.max_tokens)

    @property
    def facts(self) -> Mapping[str, Any]:
        """How it takes texts."""
        return {
            "padding": "mask",
            "cleaner": "",
            "max_tokens": self._encoder.max_tokens,
            "processor": None,
            "prompts": self._prompts,
        }

    @property
    def _prompts(self) -> dict[str, str]:
        model: Any = self._model
        return {
            kind: model.prompts.get(
                next((name for name in names if name in model.prompts), model.default_prompt_name),
                "",
            )
            for kind, names in PROMPTS.items()
        }

    def convert(self) -> Graphs:
        """Its graph in float32."""
        return convert_text_model(self._model)

    def write_tokenizer(self, file: Path) -> None:
        """Write its tokenizer."""
        self._tokenizer.write(file)

    def run(self, converted: Converted, precision: str) -> OpenVINOTexts:
        """A converted model of it in a precision."""
        return OpenVINOTexts(converted, precision)

    def samples(self, sample: Sample, rows: Sequence[int]) -> Samples:
        """Some of a shop's texts, prepared as documents."""
        return Samples(self._tokens([sample.texts[row] for row in rows], "document"))

    def trial(self, sample: Sample | None, rows: Sequence[int]) -> Trial:
        """What a converted model is compared on: texts as documents, and drawn ones as queries."""
        documents = [sample.texts[row] for row in rows] if sample else drawn_texts()
        queries = [*drawn_texts(), *UNUSUAL]
        tokens = self._tokens(documents, "document") + self._tokens(queries, "query")
        expected = np.concatenate(
            [self._encoder.encode_documents(documents), self._encoder.encode_queries(queries)]
        )
        return Trial(Samples(tokens), {"text": expected})

    def _tokens(self, texts: Sequence[str], kind: str) -> list[list[int]]:
        return self._tokenizer([self._prompts[kind] + text for text in texts])


def load(source: Source) -> Loaded:
    """Load a source by torch.

    Raises:
        EncoderError: it is missing, has changed, or cannot be loaded.
    """
    kind = LoadedTextModel if isinstance(source, TextModelSource) else LoadedDualEncoder
    return kind(source.variant)
