"""A variant as a plain CLIP checkpoint, its adapter in its weights."""

from pathlib import Path

import torch

from encoder.adapter import check_adapter_weight, merge_adapter
from encoder.variant import Variant
from finetune.checkpoint import write_checkpoint
from finetune.model import load_base


def merge(variant: Variant, folder: Path, *, adapter_weight: float | None = None) -> Path:
    """Write a variant as a checkpoint that needs neither PEFT nor Vitrine.

    Args:
        variant: with an adapter or without.
        folder: where the checkpoint goes.
        adapter_weight: factor on the adapter's change; the variant's own when None.

    Returns:
        The folder.

    Raises:
        CheckpointError: the base is gone or has changed.
        AdapterError: the adapter has changed since, or does not fit.
        RunConflict: the folder holds something.
        Unwritable: no space, or no right.
    """
    checkpoint = variant.checkpoint()
    clip = load_base(checkpoint, torch.device("cpu"))
    adapter = variant.adapter_folder
    if adapter:
        chosen = (
            variant.manifest.adapter_weight
            if adapter_weight is None
            else check_adapter_weight(adapter_weight)
        )
        clip = merge_adapter(clip, adapter, chosen)
    return write_checkpoint(clip, checkpoint, folder)
