"""What every runtime does: pixels and token ids in, features out."""

import os
from collections.abc import Sequence
from typing import Any, Literal, Protocol, Self

import numpy as np
from PIL import Image

from encoder.errors import EncoderError

Precision = Literal["auto", "float32", "bfloat16", "int8"]
PRECISIONS = ("auto", "float32", "bfloat16", "int8")

# Environment variable that names the runtime: "torch", or "auto" for OpenVINO where it can be used.
VARIABLE = "VITRINE_RUNTIME"


class Pictures(Protocol):
    """How a model takes pictures."""

    def pixels(self, image: Image.Image) -> Any:  # noqa: ANN401 (the model's own form)
        """Prepare one picture of any mode and size."""

    def batch(self, pixels: Sequence[Any]) -> Any:  # noqa: ANN401
        """Put prepared pictures together, as `Runtime.image_features` takes them."""


class Runtime(Protocol):
    """A dual encoder or an embedder that can be run, from several threads at once."""

    @property
    def processor(self) -> Pictures:
        """How it takes pictures."""

    @property
    def precision(self) -> str:
        """What it computes in: "float32", "bfloat16" or "int8"."""

    @property
    def device_name(self) -> str:
        """Where it is, as torch names it: "cpu" or "cuda"."""

    @property
    def runners(self) -> int:
        """Batches that are best run at the same time."""

    def for_batches(self) -> Self:
        """The same model, set up for `runners` batches at a time; a single one is slower on it."""

    def image_features(self, pixels: Any) -> np.ndarray:  # noqa: ANN401
        """Run it on a batch of n pictures: float32 (n, d), not normalised."""

    def text_features(self, tokens: Sequence[Any]) -> np.ndarray:
        """Run it on n texts, as its tokenizer gives them: float32 (n, d), not normalised."""


def openvino_allowed() -> bool:
    """Whether OpenVINO may be used: the environment variable does not say torch.

    Raises:
        EncoderError: it has another value than those known.
    """
    value = os.environ.get(VARIABLE, "auto")
    if value not in ("auto", "torch"):
        raise EncoderError(f"{VARIABLE} is auto or torch, not {value!r}.")
    return value == "auto"


def check_precision(precision: str) -> None:
    """Check the name of a precision.

    Raises:
        EncoderError: there is no such.
    """
    if precision not in PRECISIONS:
        known = f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
        raise EncoderError(f"The precision is {known}, not {precision!r}.")
