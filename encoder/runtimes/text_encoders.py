"""The text encoder of a variant with a text model: the converted one, or the one torch runs."""

from collections.abc import Sequence

import numpy as np

from encoder.pipeline import prefetch
from encoder.runtimes.openvino_model import OpenVINOTexts, find_converted
from encoder.runtimes.runtime import Precision
from encoder.runtimes.source import TextModelSource
from encoder.shared_models import SharedModels
from encoder.text_encoder import Kind, TextEncoder
from encoder.tokenizer import Tokenizer, group_by_length
from encoder.variant import Variant
from encoder.vectors import normalize

# Tokens in a batch, as with a dual encoder's texts: at the most 32 of 50 tokens.
TOKENS = 1600

# What several variants share is in memory once.
_text_encoders: SharedModels[TextEncoder] = SharedModels()


class OpenVINOTextEncoder(TextEncoder):
    """A converted text model.

    Args:
        model: that OpenVINO runs.
        tokenizer: its own.
        prompts: put before texts.
        dim: length of its vectors.
        max_tokens: most tokens of a text.
    """

    def __init__(
        self,
        model: OpenVINOTexts,
        tokenizer: Tokenizer,
        prompts: dict[str, str],
        dim: int,
        max_tokens: int,
    ) -> None:
        super().__init__(dim, max_tokens, model.precision)
        self._model, self._tokenizer, self._prompts = model, tokenizer, prompts

    def _encode(self, kind: Kind, texts: Sequence[str]) -> np.ndarray:
        tokens = self._tokenizer([self._prompts[kind] + text for text in texts])
        batches = list(group_by_length(tokens, TOKENS))
        if len(batches) == 1:  # with all cores
            return normalize(self._model.text_features(tokens))
        model = self._model.for_batches()

        def run(rows: list[int]) -> np.ndarray:
            return model.text_features([tokens[row] for row in rows])

        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        done = prefetch(batches, lambda rows: rows, run, model.runners)
        for rows, features in zip(batches, done, strict=True):
            vectors[rows] = normalize(features)
        return vectors


def load_text_encoder(variant: Variant, precision: Precision, device: str) -> TextEncoder | None:
    """The text encoder of a variant; None where it has no text model.

    Args:
        variant: which.
        precision: as `Encoder.load` takes it; torch runs text models in float32.
        device: torch's name of it.

    Raises:
        EncoderError: it is missing, has changed or cannot be loaded, or it has no model in int8,
            which was named.
    """
    facts = variant.manifest.text_model
    if facts is None:
        return None
    if converted := find_converted(TextModelSource(variant), precision, device):
        wanted = converted.named(precision)

        def load() -> TextEncoder:
            model, prompts = OpenVINOTexts(converted, wanted), converted.facts.prompts
            return OpenVINOTextEncoder(
                model, converted.tokenizer(), prompts, facts.dim, facts.max_tokens
            )

        return _text_encoders.get((facts.hash, converted.folder, wanted), load)
    found = variant.text_model()
    return _text_encoders.get((facts.hash, device), lambda: found.load(device)) if found else None
