"""A variant as a plain CLIP checkpoint, its adapter in its weights."""

from pathlib import Path

import torch
from safetensors import SafetensorError

from encoder.adapter import check_strength, merge_adapter, read_config
from encoder.checkpoint import Checkpoint
from encoder.errors import AdapterError
from encoder.variant import Variant
from finetune.checkpoint import write_checkpoint
from finetune.model import load_base


def merge(variant: Variant, folder: Path, *, strength: float | None = None) -> Path:
    """Write a variant as a checkpoint that needs neither PEFT nor Vitrine.

    Args:
        variant: with an adapter or without.
        folder: where the checkpoint goes.
        strength: of the adapter; the variant's own when None.

    Returns:
        The folder.

    Raises:
        CheckpointError: the base is gone or has changed.
        AdapterError: the adapter is damaged, has changed, or is for another base.
        RunConflict: the folder holds something.
        Unwritable: no space, or no right.
    """
    checkpoint = variant.checkpoint()
    clip = load_base(checkpoint, torch.device("cpu"))
    adapter = variant.adapter_folder
    if adapter:
        check_base(adapter, checkpoint)
        chosen = variant.manifest.strength if strength is None else check_strength(strength)
        try:
            clip = merge_adapter(clip, adapter, chosen)
        except SafetensorError as error:
            raise AdapterError(
                f"The adapter in {adapter} is damaged ({error}): train it again, or get the file "
                "again."
            ) from error
    return write_checkpoint(clip, checkpoint, folder)


def check_base(adapter: Path, checkpoint: Checkpoint) -> None:
    """Make sure that an adapter trained here meets the base that it was trained on.

    Another base of the same shape would take it without a word, and its vectors be worth little.

    Raises:
        AdapterError: it was trained on another base.
    """
    config = read_config(adapter)
    trained_on = config.get("revision")
    if trained_on and trained_on != checkpoint.revision:
        raise AdapterError(
            f"The adapter in {adapter} was trained on {config.get('base_model_name_or_path')} at "
            f"{trained_on[:12]}, not on {checkpoint.base} at {checkpoint.revision[:12]}: name the "
            "base it was trained on."
        )
