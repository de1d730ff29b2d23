"""Plain CLIP checkpoints, written so that transformers and sentence-transformers open them."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.checkpoint import TOKENIZER_FILES, Checkpoint
from finetune.errors import RunConflict, Unwritable

if TYPE_CHECKING:
    import torch
    from transformers import CLIPModel

PICTURE_FILES = ("preprocessor_config.json", "processor_config.json")


def write_checkpoint(
    clip: "CLIPModel",
    checkpoint: Checkpoint,
    folder: Path,
    weights: "Mapping[str, torch.Tensor] | None" = None,
) -> Path:
    """Write a model with the tokenizer and the picture settings of the checkpoint it came from.

    Args:
        clip: the model, without adapters.
        checkpoint: where the other files are taken from.
        folder: where it goes, whole or not at all; an empty one may be there.
        weights: written in place of the model's own.

    Raises:
        RunConflict: the folder holds something.
        Unwritable: no space, or no right.
    """
    folder = folder.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunConflict(f"{folder} is there and not empty: name a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            fresh.chmod(0o755)  # mkdtemp makes it private
            clip.save_pretrained(fresh, state_dict=dict(weights) if weights else None)
            for name in (*TOKENIZER_FILES, *PICTURE_FILES):
                if (checkpoint.folder / name).is_file():
                    shutil.copyfile(checkpoint.folder / name, fresh / name)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise Unwritable(
            f"The checkpoint cannot be written to {folder} ({error.strerror or error}): free some "
            "space, or name a folder that can be written."
        ) from error
    return folder
