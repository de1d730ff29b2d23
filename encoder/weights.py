"""The files of weights: safetensors only, since other formats run code when read."""

import math
from pathlib import Path

from encoder.errors import EncoderError
from encoder.hub import WEIGHTS, WEIGHTS_INDEX


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder's weights.

    Raises:
        EncoderError: there are none, or some are missing.
    """
    from encoder.schema import WeightsIndex, read_schema  # pydantic, which no search needs

    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / WEIGHTS_INDEX).is_file():
        names = sorted(set(read_schema(WeightsIndex, folder / WEIGHTS_INDEX).weight_map.values()))
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise EncoderError(f"{folder} lacks {', '.join(missing)}: get the checkpoint again.")
        return [folder / name for name in names]
    raise EncoderError(
        f"{folder} has no {WEIGHTS}: Vitrine reads weights as safetensors only; "
        "load the model once with transformers and write it by `model.save_pretrained(FOLDER)`."
    )


def check_weights(folder: Path, described: int, base: str) -> None:
    """Check that a folder's weights are as many as its settings describe.

    A model is allocated by its settings, so these must not name more than there is.

    Args:
        folder: of the files.
        described: number of weights.
        base: the checkpoint's name, for the message.

    Raises:
        EncoderError: they cannot be read, or are fewer.
    """
    from safetensors import SafetensorError, safe_open

    held = 0
    for file in weight_files(folder):
        try:
            with safe_open(file, framework="numpy") as weights:
                names = weights.keys()
                held += sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
        except (SafetensorError, OSError) as error:
            raise EncoderError(
                f"The weights of {base} cannot be read ({error}): get them again."
            ) from error
    if held < described:
        raise EncoderError(
            f"{base} is described as a model of {described:,} weights, and its files hold "
            f"{held:,}: they do not belong together; get the checkpoint again."
        )
