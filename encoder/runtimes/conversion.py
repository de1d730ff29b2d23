"""Models loaded by torch as OpenVINO's graphs, one of each encoder; quantisation to int8."""

import contextlib
import copy
import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from encoder.families import Padding
from encoder.model import DualEncoder, normalisation
from encoder.processor import ImageProcessor
from encoder.runtimes.machine import CONVERTER, load_openvino, openvino_core
from encoder.runtimes.trial import Samples
from encoder.tokenizer import text_inputs
from vitrine.batches import batched

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Graphs = Mapping[str, Any]  # OpenVINO's models, by "image" and "text"

# Samples in a batch of calibration.
CALIBRATION_BATCH = 8
EXAMPLE = [[0, 1, 2], [0, 2]]  # token ids; every vocabulary has them


def convert(model: DualEncoder) -> Graphs:
    """Convert both encoders in float32, for any number of pictures and of texts.

    The image encoder's graph takes pixels, as `DualEncoder.image_features` does; the text
    encoder's what `text_inputs` gives. Texts are of any length, unless the family fills all up.
    """
    checkpoint = model.checkpoint
    side = checkpoint.image_side
    pixels = np.zeros((2, side, side, 3), dtype=np.uint8)
    full = checkpoint.family.padding == "full"
    width = checkpoint.max_tokens if full else -1
    example = [[*ids, *[0] * (width - len(ids))] for ids in EXAMPLE]
    inputs = text_inputs(example, checkpoint.family.padding)
    with _normalising(model.model, checkpoint.processor):
        image = _convert(_ImagePart(model.model), {"pixels": pixels}, (-1, side, side, 3))
    return {"image": image, "text": _convert(_TextPart(model.model), inputs, (-1, width))}


def convert_text_model(model: "SentenceTransformer") -> Graphs:
    """Convert a text model in float32, with its pooling and what else comes after it."""
    inputs = text_inputs(EXAMPLE, "mask")
    return {"text": _convert(_TextModelPart(model), inputs, (-1, -1))}


def _convert(part: nn.Module, example: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> Any:  # noqa: ANN401 (OpenVINO's model)
    openvino = load_openvino()  # without the converter
    converter = importlib.import_module(CONVERTER)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # torch's tracing, of sizes that are constant here
        return converter.convert_model(
            part.eval(),
            example_input={name: torch.from_numpy(array) for name, array in example.items()},
            input=[(name, openvino.PartialShape(list(shape))) for name in example],
        )


@contextlib.contextmanager
def _normalising(model: Any, processor: ImageProcessor) -> Iterator[None]:  # noqa: ANN401 (transformers')
    """Have a model's first layer, which is linear and pads nothing, normalise pixels too.

    A pixel of 0 to 255 is exact in bfloat16 and in int8, a normalised one is not: in bfloat16 the
    1st percentile of the cosines to float32 was .99998 so, and .9990 otherwise.
    """
    embeddings = model.vision_model.embeddings
    plain = embeddings.patch_embedding
    factor, shift = (each.view(1, 3, 1, 1) for each in normalisation(processor))
    folded = copy.deepcopy(plain)
    with torch.no_grad():
        bias = (plain.weight * shift).sum(dim=(1, 2, 3))
        folded.weight.mul_(factor)
    bias = bias if plain.bias is None else bias + plain.bias
    folded.bias = nn.Parameter(bias, requires_grad=False)
    embeddings.patch_embedding = folded
    try:
        yield
    finally:
        embeddings.patch_embedding = plain


class _ImagePart(nn.Module):
    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        values = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return self.model.get_image_features(pixel_values=values).pooler_output


class _TextPart(nn.Module):
    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        mask = {} if attention_mask is None else {"attention_mask": attention_mask}
        return self.model.get_text_features(input_ids=input_ids, **mask).pooler_output


class _TextModelPart(nn.Module):
    def __init__(self, model: "SentenceTransformer") -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "modality": "text"}
        return self.model(given)["sentence_embedding"][:, : self.model.truncate_dim]


def quantise(files: Mapping[str, Path], padding: Padding, samples: Samples) -> Graphs:
    """Quantise weights and activations to int8, with ranges seen on samples.

    Post-training quantisation of NNCF with its preset for transformers, which smooths activations
    first (SmoothQuant: Xiao et al. 2023).

    Args:
        files: of the graphs in float32, by part.
        padding: of texts.
        samples: some of the shop's pictures and texts.

    Raises:
        ImportError: nncf is not installed.
    """
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    pixels = () if samples.pixels is None else samples.pixels
    batches: dict[str, list[Any]] = {
        "image": [np.stack(rows) for rows in batched(pixels, CALIBRATION_BATCH)],
        "text": [text_inputs(rows, padding) for rows in batched(samples.tokens, CALIBRATION_BATCH)],
    }
    with _without_bars():
        return {
            name: nncf.quantize(
                openvino_core().read_model(file),
                nncf.Dataset(batches[name]),
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(batches[name]),
            )
            for name, file in files.items()
        }


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    """Without the progress bars that NNCF prints on stdout, by the console that rich shares."""
    from rich import get_console

    console = get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before
