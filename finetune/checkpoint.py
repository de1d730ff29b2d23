"""Plain checkpoints, which transformers and sentence-transformers open."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError

from encoder.adapter import check_adapter_weight, merge_adapter
from encoder.base import as_dual_encoder
from encoder.checkpoint import Checkpoint
from encoder.hub import PROCESSOR_FILES
from encoder.variant import Variant
from finetune.errors import FinetuneError
from finetune.model import load_base
from vitrine.command import naming

if TYPE_CHECKING:
    from transformers import PreTrainedModel

OS_ERROR = re.compile(r"\(os error (\d+)\)")  # at the end of a SafetensorError's text


def merge_variant(variant: Variant, folder: Path, *, adapter_weight: float | None = None) -> Path:
    """Write a variant as a checkpoint that needs neither PEFT nor Vitrine.

    Args:
        variant: with an adapter or without.
        folder: of the checkpoint.
        adapter_weight: factor on the adapter's change; the variant's own when None.

    Returns:
        The folder.

    Raises:
        EncoderError: the base is missing, it or the adapter has changed, or they do not fit.
        FinetuneError: the folder is not empty.
        OSError: the folder cannot be written.
    """
    checkpoint = as_dual_encoder(variant.checkpoint())
    dual_encoder: Any = load_base(checkpoint, torch.device("cpu"))
    if variant.adapter_folder:
        weight = variant.manifest.adapter_weight if adapter_weight is None else adapter_weight
        dual_encoder = merge_adapter(
            dual_encoder, variant.adapter_folder, check_adapter_weight(weight)
        )
    return write_checkpoint(dual_encoder, checkpoint, folder)


def write_checkpoint(dual_encoder: "PreTrainedModel", checkpoint: Checkpoint, folder: Path) -> Path:
    """Write a model with the tokenizer and the image processor of the checkpoint it came from.

    Args:
        dual_encoder: the model, without adapters.
        checkpoint: where the other files are copied from.
        folder: written completely or not at all; an empty one may exist.

    Raises:
        FinetuneError: the folder is not empty.
        OSError: the folder cannot be written.
    """
    folder = folder.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FinetuneError(f"{folder} exists and is not empty: name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with writing(folder):
            fresh.chmod(0o755)  # mkdtemp's folders are private
            dual_encoder.save_pretrained(fresh)
            processor = (checkpoint.folder / name for name in PROCESSOR_FILES)
            for file in (*checkpoint.tokenizer_files, *processor):
                if file.is_file():
                    shutil.copyfile(file, fresh / file.name)
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise a failed write as an OSError with the folder's name; safetensors has its own error."""
    with naming(folder):
        try:
            yield
        except SafetensorError as error:
            if not (number := OS_ERROR.search(str(error))):
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
