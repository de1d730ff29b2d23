"""The device and the precision of inference by torch."""

import copy

import torch

from encoder.errors import EncoderError
from encoder.model import DualEncoder
from encoder.runtimes.runtime import Precision
from encoder.runtimes.trial import Samples, cosines, drawn_pictures, drawn_texts, features
from encoder.tokenizer import Tokenizer

# Least cosine to float32 on the probe that another precision must keep.
LEAST_COSINE = 0.999


def find_device(name: str | None) -> torch.device:
    """The device of that name, or the best there is: CUDA, else the CPU.

    Raises:
        EncoderError: torch knows no such device, or this machine has none.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise EncoderError(
            f"This machine cannot run on the device {name!r}: use cpu, or leave the device out."
        ) from error
    return device


def in_precision(model: DualEncoder, precision: Precision, tokenizer: Tokenizer) -> DualEncoder:
    """Choose the precision: bfloat16 only where the probe allows it.

    `auto` is float32 on a CPU, so that a job stopped and run again ends with the vectors of a
    run without interruption; on other devices it is bfloat16 where the probe allows it.

    Args:
        model: the model in float32.
        precision: the precision that was named.
        tokenizer: the checkpoint's tokenizer.

    Raises:
        EncoderError: bfloat16 was named and fails the probe.
    """
    if precision == "float32" or (precision == "auto" and model.device.type == "cpu"):
        return model
    halved = DualEncoder(copy.deepcopy(model.model).bfloat16(), model.checkpoint)
    least = least_cosine(model, halved, tokenizer)
    if least >= LEAST_COSINE:
        return halved
    if precision == "auto":
        return model
    raise EncoderError(
        f"bfloat16 changes this model's vectors (cosine to float32 {least:.4f} on the probe, "
        f"{LEAST_COSINE} is needed): use float32."
    )


def least_cosine(one: DualEncoder, other: DualEncoder, tokenizer: Tokenizer) -> float:
    """The least cosine between two models' vectors over the probe's pictures and texts."""
    samples = Samples(tokenizer(drawn_texts()), drawn_pictures(one.processor))
    expected, got = features(one, samples), features(other, samples)
    return min(float(cosines(got[part], expected[part]).min()) for part in expected)
