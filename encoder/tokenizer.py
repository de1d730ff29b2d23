"""The text side of a checkpoint: texts to token ids, and token ids to batches."""

import copy
import json
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from encoder.charsmap import check_charsmaps
from encoder.errors import EncoderError
from encoder.families import Family, Padding
from encoder.files import read_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Loaded
    from transformers import PreTrainedTokenizerFast

# CLIP's own patterns, and that of Qwen's text models. A tokenizer's file is untrusted, and
# matching another pattern could take time that is exponential in a text's length (ReDoS).
PATTERNS = frozenset(
    prefix + r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    for prefix in ("", r"<\|startoftext\|>|<\|endoftext\|>|")
) | {
    r"\s+",
    r"\s",
    r" {2,}",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
}
# One set of characters, at most repeated: its matching takes linear time.
CHARACTER_SET = re.compile(r"\[(?:[^\\\[\]]|\\.)+\]\+?")

# Least share of the tokens that a model takes which its tokenizer has: tables of embeddings are
# made a little longer than needed, to be multiples of 64 or 128.
LEAST_KNOWN = 0.5

_PUNCTUATION = str.maketrans("", "", string.punctuation)
# SigLIP was trained on cleaned texts, which its tokenizer's file leaves to the tokenizer's class.
# SigLIP 2's checkpoints name Gemma's class, which does not clean.
CLEANERS: Mapping[str, Callable[[str], str]] = {
    "SiglipTokenizer": lambda text: " ".join(text.lower().translate(_PUNCTUATION).split()),
    "Siglip2Tokenizer": str.lower,
    "GemmaTokenizer": str.lower,
    "GemmaTokenizerFast": str.lower,
}


class Tokenizer:
    """A checkpoint's tokenizer, safe to use from several threads.

    Args:
        folder: the checkpoint's.
        family: of the model.
        longest: most tokens of a text, start and end included; None for texts that are neither
            cut nor filled up.

    Attributes:
        cleaner: key of `CLEANERS`, for texts before they become tokens; any other for none.
        end: number of its end token; None where there is none, or it was read from one file.

    Raises:
        ValueError: what it does before tokens has no bounds, or it has no pad token and needs one.
        Exception: any other, of the libraries that load it.
    """

    def __init__(self, folder: Path, family: Family, longest: int | None) -> None:
        loaded = _load(folder, family)
        # The tokenizers library itself: transformers' wrapper changes shared state in each call.
        self._tokenizer = loaded.backend_tokenizer
        self.cleaner = _class_name(folder) if family.cleans else ""
        self.end: int | None = loaded.eos_token_id
        for step in (self._tokenizer.normalizer, self._tokenizer.pre_tokenizer):
            if step is not None:
                _check_bounded(json.loads(step.__getstate__()))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        if longest is not None:
            self._tokenizer.enable_truncation(longest)
            if family.padding == "full":
                if loaded.pad_token_id is None:
                    raise ValueError("it has no pad token, and its model takes filled up texts")
                self._tokenizer.enable_padding(
                    direction=loaded.padding_side,
                    length=longest,
                    pad_id=loaded.pad_token_id,
                    pad_token=loaded.pad_token,
                )
        self._start()

    @classmethod
    def read(cls, file: Path, cleaner: str = "", *, special: bool = False) -> Self:
        """Read a tokenizer that `write` wrote; transformers is not imported.

        Args:
            file: of the tokenizer.
            cleaner: the `cleaner` of the one that was written.
            special: whether the name of a special token in a text is that token.

        Raises:
            Exception: of the tokenizers library, where the file is no such.
        """
        import tokenizers

        return cls._of(tokenizers.Tokenizer.from_file(str(file)), cleaner, special=special)

    @classmethod
    def of_text_model(cls, loaded: "PreTrainedTokenizerFast", longest: int) -> Self:
        """The tokenizer of a text model, which has special tokens in texts as transformers does.

        Args:
            loaded: as sentence-transformers has it.
            longest: most tokens of a text, start and end included; 0 for no limit.
        """
        backend = copy.deepcopy(loaded.backend_tokenizer)
        backend.no_padding()
        backend.no_truncation()
        if longest:
            backend.enable_truncation(longest)
        return cls._of(backend, "", special=True)

    @classmethod
    def _of(cls, loaded: "Loaded", cleaner: str, *, special: bool) -> Self:
        tokenizer = cls.__new__(cls)
        tokenizer._tokenizer = loaded
        tokenizer.cleaner, tokenizer.end = cleaner, None
        tokenizer._start(special=special)
        return tokenizer

    def write(self, file: Path) -> None:
        """Write the tokenizer with its limit of tokens and how it fills up texts."""
        self._tokenizer.save(str(file), pretty=False)

    def _start(self, *, special: bool = False) -> None:
        # By default <|endoftext|> in a title is text like any other, not a special token.
        self._tokenizer.encode_special_tokens = not special
        self._clean = CLEANERS.get(self.cleaner, str)

    @property
    def highest(self) -> int:
        """The highest token id."""
        return max(self._tokenizer.get_vocab().values(), default=-1)

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, start and end included, truncated to `longest`.

        Where the family's padding is "full", each text has exactly `longest` of them.
        """
        return [
            encoding.ids
            for encoding in self._tokenizer.encode_batch(
                [self._clean(_without_surrogates(text)) for text in texts]
            )
        ]


def check_vocabulary(tokenizer: Tokenizer, taken: int, base: str) -> None:
    """Check that a tokenizer has the vocabulary of a model.

    Args:
        tokenizer: with the model's files.
        taken: number of tokens that the model takes.
        base: the model's name, for the message.

    Raises:
        EncoderError: it has a token above them, or too few of them.
    """
    if tokenizer.highest < taken and tokenizer.highest >= LEAST_KNOWN * taken:
        return
    has = "the token" if tokenizer.highest >= taken else "no token above"
    raise EncoderError(
        f"The tokenizer of {base} has {has} {tokenizer.highest:,}, and its model takes {taken:,}: "
        "the files do not belong together; get them again."
    )


def _load(folder: Path, family: Family) -> "PreTrainedTokenizerFast":
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    file = folder / "tokenizer.json"
    if file.is_file():  # before it is loaded: the library looks its special tokens up
        check_charsmaps(read_json(file).get("normalizer"))
    # SigLIP's own class needs sentencepiece; the same tokenizer stands in tokenizer.json.
    loader: Any = PreTrainedTokenizerFast if family.cleans else AutoTokenizer
    return loader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _class_name(folder: Path) -> str:
    file = folder / "tokenizer_config.json"
    return str(read_json(file).get("tokenizer_class", "")) if file.is_file() else ""


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
    if any(len(step.get(key, "")) > 1 for key in ("content", "prepend", "replacement")):
        raise ValueError(f"its step {step['type']} can make a text longer")
    pattern = step.get("Regex", r"\s")
    if pattern not in PATTERNS and not CHARACTER_SET.fullmatch(pattern):
        raise ValueError(f"its pattern {str(pattern)[:60]!r} is none of those known")
    for value in step.values():
        _check_bounded(value)


def group_by_length(tokens: Sequence[Sized], most: int) -> Iterator[list[int]]:
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


def text_inputs(
    tokens: Sequence[Sequence[int]], padding: Padding = "end", width: int = 0
) -> dict[str, np.ndarray]:
    """Put texts into the arrays that a model's `get_text_features` takes.

    Args:
        tokens: token ids of n texts, as `Tokenizer` gives them.
        padding: of the model's family.
        width: tokens that all texts are filled up to; to the longest one by default.

    Returns:
        `input_ids`, (n, `width` or longest) int64, the last token repeated to the right; where
        the family masks, `attention_mask` of the same shape, 1 for a text's tokens. Without a mask,
        attention is causal and a text is pooled at its first end token, so what follows changes
        nothing; or all texts are of one length.
    """
    lengths = np.array([len(ids) for ids in tokens])
    ids = np.empty((len(tokens), max(lengths.max(), width)), dtype=np.int64)
    for row, given in zip(ids, tokens, strict=True):
        row[: len(given)] = given
        row[len(given) :] = given[-1]
    if padding != "mask":
        return {"input_ids": ids}
    mask = np.arange(ids.shape[1]) < lengths[:, None]
    return {"input_ids": ids, "attention_mask": mask.astype(np.int64)}


def _without_surrogates(text: str) -> str:
    """Lone surrogates replaced, which no tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")
