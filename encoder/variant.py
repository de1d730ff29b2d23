"""A variant: the manifest of a way to embed, and its folder."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from encoder.adapter import adapter_hash
from encoder.base import Base, base_in_folder, find_base
from encoder.checkpoint import CHECKPOINTS
from encoder.errors import EncoderError, VariantInvalid
from encoder.files import digest_json
from encoder.template import Template
from encoder.text_model import TextModel

NAME = re.compile(r"[a-z0-9_]{1,64}")

# 64 bits: no two variants of an installation collide, and they fit into a folder's name.
FINGERPRINT_LENGTH = 16

MANIFEST, ADAPTER = "manifest.json", "adapter"

# The adapter weight's name in manifests: these lie on disk, and the fingerprint is made of it.
WEIGHT_KEY = "strength"


@dataclass(frozen=True)
class TextModelFacts:
    """The text model of a variant.

    Attributes:
        name: hub id, or the name of the folder that was given.
        base: hub id and commit, or absolute folder.
        hash: sha256 over all its files.
        dim: length of its vectors.
        max_tokens: most tokens of a text.
    """

    name: str
    base: str
    hash: str
    dim: int
    max_tokens: int


@dataclass(frozen=True)
class Manifest:
    """All that a variant's vectors depend on, and some facts for readers.

    Attributes:
        name: lower-case letters, digits and underscores, at most 64.
        base: hub id or absolute folder of the base checkpoint.
        revision: commit on the hub, or sha256 over the folder's weights and configuration.
        tokenizer_hash: sha256 over the tokenizer's files.
        processor_hash: sha256 over the picture settings and their backend.
        template: the text template.
        dim: length of the vectors.
        image_side: side of the picture the model takes, pixels.
        max_tokens: most tokens of a text, start and end included.
        created: UTC, ISO 8601.
        adapter_hash: sha256 over the adapter; empty without one.
        adapter_weight: factor on the adapter's change; `strength` in the file.
        notes: facts of training; they change no vector.
        text_model: the model of the `text` vectors; None where the dual encoder makes them too.
    """

    name: str
    base: str
    revision: str
    tokenizer_hash: str
    processor_hash: str
    template: Template
    dim: int
    image_side: int
    max_tokens: int
    created: str
    adapter_hash: str = ""
    adapter_weight: float = 1.0
    notes: Mapping[str, Any] = field(default_factory=dict)
    text_model: TextModelFacts | None = None

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all that a vector depends on; name, folder and notes are not part."""
        template = dataclasses.asdict(self.template)
        del template["name"]
        return digest_json(
            {
                "revision": self.revision,
                "adapter": self.adapter_hash,
                WEIGHT_KEY: self.adapter_weight,
                "tokenizer": self.tokenizer_hash,
                "processor": self.processor_hash,
                "template": template,
                **({"text_model": self.text_model.hash} if self.text_model else {}),
            }
        )[:FINGERPRINT_LENGTH]

    @property
    def image_fingerprint(self) -> str:
        """16 hex digits over all that an image vector depends on: neither tokenizer nor template.

        Variants with an equal one have equal image vectors.
        """
        return digest_json(
            {
                "revision": self.revision,
                "adapter": self.adapter_hash,
                WEIGHT_KEY: self.adapter_weight,
                "processor": self.processor_hash,
            }
        )[:FINGERPRINT_LENGTH]

    def to_json(self) -> str:
        """The manifest as the text of its file, with the fingerprint for readers."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The manifest's file as a JSON object."""
        return {
            WEIGHT_KEY if name == "adapter_weight" else name: value
            for name, value in dataclasses.asdict(self).items()
            if name != "text_model" or value
        } | {"fingerprint": self.fingerprint}

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a manifest's file.

        Raises:
            VariantInvalid: not a manifest, or edited so that its fingerprint no longer holds.
        """
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            stated = value.pop("fingerprint")
            value["template"] = Template(**value["template"])
            value["adapter_weight"] = value.pop(WEIGHT_KEY)
            if "text_model" in value:
                value["text_model"] = TextModelFacts(**value["text_model"])
            manifest = cls(**value)
            unchanged = manifest.fingerprint == stated
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise VariantInvalid(
                f"{file} cannot be read as a manifest ({error}): {_remedy(file)}"
            ) from error
        if not unchanged:
            raise VariantInvalid(
                f"{file} was edited by hand, and its fingerprint {stated} no longer holds: "
                f"{_remedy(file)}"
            )
        return manifest


@dataclass(frozen=True)
class Variant:
    """A manifest and its folder, `variants/NAME`."""

    manifest: Manifest
    folder: Path

    @property
    def name(self) -> str:
        """The name on the command line and of the collection."""
        return self.manifest.name

    @property
    def base(self) -> str:
        """Hub id or absolute folder of the base checkpoint."""
        return self.manifest.base

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change whenever a vector could."""
        return self.manifest.fingerprint

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self.manifest.dim

    @property
    def text_dim(self) -> int:
        """Length of the `text` vectors."""
        return self.manifest.text_model.dim if self.manifest.text_model else self.dim

    @property
    def vectors(self) -> tuple[str, ...]:
        """Names of its dense vectors; texts and pictures of two models have no sum."""
        both = ("image", "text")
        return both if self.manifest.text_model else (*both, "fused")

    @property
    def template(self) -> Template:
        """The text template."""
        return self.manifest.template

    @property
    def image_side(self) -> int:
        """Side of the picture the model takes, pixels."""
        return self.manifest.image_side

    @property
    def max_tokens(self) -> int:
        """Most tokens of a product text, start and end included."""
        text_model = self.manifest.text_model
        return text_model.max_tokens if text_model else self.manifest.max_tokens

    @property
    def adapter_folder(self) -> Path | None:
        """The folder of the LoRA adapter; None without one."""
        return self.folder / ADAPTER if self.manifest.adapter_hash else None

    def checkpoint(self) -> Base:
        """Find the base again, and check that it and the adapter have not changed.

        Raises:
            EncoderError: the base or the adapter is missing or has changed.
        """
        manifest = self.manifest
        if folder := self.base_folder():
            found = base_in_folder(folder, manifest.dim)
        else:
            found = find_base(manifest.base, manifest.revision, manifest.dim)
        changed = [
            what
            for what, now, then in (
                ("weights or configuration", found.revision, manifest.revision),
                ("tokenizer", found.tokenizer_hash, manifest.tokenizer_hash),
                ("picture settings", found.processor_hash, manifest.processor_hash),
            )
            if now != then
        ]
        if changed:
            raise EncoderError(
                f"The checkpoint {manifest.base} has changed since variant {self.name!r} was made "
                f"({', '.join(changed)}), so its vectors would not match those already kept: put "
                "the old files back, or add the new ones as a variant of another name."
            )
        if self.adapter_folder and adapter_hash(self.adapter_folder) != manifest.adapter_hash:
            raise EncoderError(
                f"The adapter in {self.adapter_folder} has changed since variant {self.name!r} "
                "was made: put the old files back, or add it as a variant of another name."
            )
        return found

    def base_folder(self) -> Path | None:
        """The folder of a base that is not on the hub; None for one that is.

        Raises:
            EncoderError: it is missing.
        """
        base = self.manifest.base
        return self._local(base, "--base") if Path(base).is_absolute() else None

    def text_model(self) -> TextModel | None:
        """Find the text model again, and check that it has not changed; None without one.

        Raises:
            EncoderError: it is missing or has changed.
        """
        facts = self.manifest.text_model
        if facts is None:
            return None
        folder = self.text_model_folder()
        found = TextModel.in_folder(folder) if folder else TextModel.find(facts.base)
        if found.hash != facts.hash:
            raise EncoderError(
                f"The text model {facts.base} has changed since variant {self.name!r} was made, so "
                "its vectors would not match those already kept: put the old files back, or add "
                "the new ones as a variant of another name."
            )
        return found

    def text_model_folder(self) -> Path | None:
        """The folder of a text model that is not on the hub; None for one that is, or without one.

        Raises:
            EncoderError: it is missing.
        """
        facts = self.manifest.text_model
        if facts is None or not Path(facts.base).is_absolute():
            return None
        return self._local(facts.base, "--text-model")

    def _local(self, base: str, option: str) -> Path:
        folder = Path(base)
        if not folder.is_dir():
            # The shop's folder was moved, or has another path in a container.
            folder = self.folder.parents[1] / CHECKPOINTS / folder.name
        if not folder.is_dir():
            raise EncoderError(
                f"The checkpoint folder {base} of variant {self.name!r} is missing: put it back, "
                f"or name its new folder with `vitrine add {self.name} {option} FOLDER --force`."
            )
        return folder


def _remedy(file: Path) -> str:
    return (
        "put the old file back, or make the variant again with "
        f"`vitrine add {file.parent.name} … --force`."
    )
