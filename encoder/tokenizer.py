"""The text side of a checkpoint: texts to token ids, and token ids to batches."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# CLIP's own patterns. A tokenizer's file is untrusted, and matching another pattern could take
# time that is exponential in a text's length (ReDoS).
PATTERNS = frozenset(
    prefix + r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    for prefix in ("", r"<\|startoftext\|>|<\|endoftext\|>|")
) | {r"\s+", r"\s", r" {2,}"}


class Tokenizer:
    """A checkpoint's tokenizer, safe to use from several threads.

    Args:
        folder: the checkpoint's.
        longest: most tokens of a text, start and end included.

    Raises:
        ValueError: what it does before tokens has no bounds.
        Exception: any other, of the libraries that load it.
    """

    def __init__(self, folder: Path, longest: int) -> None:
        from transformers import AutoTokenizer

        # The tokenizers library itself: transformers' wrapper changes shared state in each call.
        self._tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).backend_tokenizer
        for step in (self._tokenizer.normalizer, self._tokenizer.pre_tokenizer):
            if step is not None:
                _check_bounded(json.loads(step.__getstate__()))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)
        # <|endoftext|> in a title is text like any other, not a special token.
        self._tokenizer.encode_special_tokens = True

    @property
    def highest(self) -> int:
        """The highest token id."""
        return max(self._tokenizer.get_vocab().values(), default=-1)

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, start and end included, truncated to `longest`."""
        return [
            encoding.ids
            for encoding in self._tokenizer.encode_batch(
                [_without_surrogates(text) for text in texts]
            )
        ]


def _check_bounded(step: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Check that a step before tokens neither makes a text longer nor matches a slow pattern.

    Raises:
        ValueError: it does.
    """
    if isinstance(step, list):
        for each in step:
            _check_bounded(each)
    if not isinstance(step, dict):
        return
    if step.get("type") == "Precompiled" or any(
        len(step.get(key, "")) > 1 for key in ("content", "prepend", "replacement")
    ):
        raise ValueError(f"its step {step['type']} can make a text longer")
    if (pattern := step.get("Regex", r"\s")) not in PATTERNS:
        raise ValueError(f"its pattern {str(pattern)[:60]!r} is not one of CLIP's")
    for value in step.values():
        _check_bounded(value)


def group_by_length(tokens: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """Group texts so that little of a batch is padding.

    Args:
        tokens: token ids of each text.
        most: tokens in a batch, padding included; a longer text is a batch of its own.

    Yields:
        Positions in `tokens`, short texts first; together each position once.
    """
    batch: list[int] = []
    for position in sorted(range(len(tokens)), key=lambda position: len(tokens[position])):
        # Sorted, so this text is the longest so far and sets the width.
        if batch and (len(batch) + 1) * len(tokens[position]) > most:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def pad(tokens: Sequence[Sequence[int]]) -> np.ndarray:
    """Put texts into one array, (n, longest) int64, the end repeated to the right.

    Attention is causal and a text is pooled at its first end token, so what follows the end
    changes nothing and needs no mask.
    """
    array = np.empty((len(tokens), max(map(len, tokens))), dtype=np.int64)
    for row, ids in zip(array, tokens, strict=True):
        row[: len(ids)] = ids
        row[len(ids) :] = ids[-1]
    return array


def _without_surrogates(text: str) -> str:
    """Lone surrogates replaced, which no tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")
