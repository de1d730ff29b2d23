"""The base of a variant: a dual encoder's checkpoint, or an embedder; a folder or a hub id."""

import re
from pathlib import Path

from encoder.checkpoint import DEFAULT_BASE, Checkpoint
from encoder.embedder import EmbedderCheckpoint, is_embedder
from encoder.errors import EncoderError
from encoder.hub import fetch

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

Base = Checkpoint | EmbedderCheckpoint


def find_base(base: str, revision: str | None = None, dim: int = 0) -> Base:
    """Find a base by folder or hub id, downloading it where need be.

    Args:
        base: an existing folder, else a hub id such as `openai/clip-vit-base-patch32`.
        revision: branch, tag or commit on the hub; a folder has none.
        dim: numbers kept of an embedder's vectors; 0: not chosen.

    Raises:
        EncoderError: not found, the hub unreachable, or not a usable base.
    """
    folder = Path(base).expanduser()
    if folder.is_dir():
        if revision:
            raise EncoderError(
                f"{base} is a folder and has no revision {revision!r}: leave the revision out."
            )
        return base_in_folder(folder, dim)
    if not HUB_ID.fullmatch(base):
        raise EncoderError(
            f"There is no folder {base!r}, and it is no hub id either: "
            f"give the folder of a checkpoint, or an id such as {DEFAULT_BASE}."
        )
    folder = fetch(base, revision)
    if is_embedder(folder):
        return EmbedderCheckpoint.in_cache(base, folder, dim)
    return Checkpoint.in_cache(base, folder)


def base_in_folder(folder: Path, dim: int = 0) -> Base:
    """Read a base from a folder of the user.

    Args:
        folder: of its files.
        dim: numbers kept of an embedder's vectors; 0: not chosen.

    Raises:
        EncoderError: not a usable base.
    """
    folder = folder.expanduser().resolve()
    return (
        EmbedderCheckpoint.in_folder(folder, dim)
        if is_embedder(folder)
        else Checkpoint.in_folder(folder)
    )


def as_dual_encoder(base: Base) -> Checkpoint:
    """A base whose weights can be trained and written.

    Raises:
        EncoderError: it is an embedder.
    """
    if isinstance(base, Checkpoint):
        return base
    raise EncoderError(
        f"{base.base} is an embedder, and fine-tuning is for dual encoders such as CLIP or SigLIP: "
        "name one with --base."
    )
