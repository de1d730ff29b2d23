"""What a converted model is made from: a variant's dual encoder, or its text model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from encoder.variant import Variant


class Source(Protocol):
    """A model of a variant that can be converted."""

    @property
    def variant(self) -> Variant:
        """Whose model it is."""

    @property
    def title(self) -> str:
        """The model in a sentence."""

    @property
    def folder(self) -> Path:
        """Of the converted model's files."""

    @property
    def key(self) -> Mapping[str, str]:
        """All of its own that a converted model depends on."""

    def folders(self) -> list[Path]:
        """Those whose files it is loaded from; the folder of a commit on the hub is left out.

        Raises:
            EncoderError: one is missing.
        """

    def check(self) -> None:
        """Read its files whole.

        Raises:
            EncoderError: they are missing or have changed since the variant was made.
        """


@dataclass(frozen=True)
class DualEncoderSource:
    """A variant's dual encoder with its adapter."""

    variant: Variant

    @property
    def title(self) -> str:
        """The model in a sentence."""
        return f"Variant {self.variant.name!r}"

    @property
    def folder(self) -> Path:
        """Of the converted model's files."""
        return self.variant.folder / "openvino"

    @property
    def key(self) -> Mapping[str, str]:
        """What its vectors depend on."""
        manifest = self.variant.manifest
        return {"model": manifest.image_fingerprint, "tokenizer": manifest.tokenizer_hash}

    def folders(self) -> list[Path]:
        """Of the checkpoint and the adapter."""
        return [each for each in (self.variant.base_folder(), self.variant.adapter_folder) if each]

    def check(self) -> None:
        """Read its files whole."""
        self.variant.checkpoint()


@dataclass(frozen=True)
class TextModelSource:
    """The text model of a variant that has one."""

    variant: Variant

    @property
    def title(self) -> str:
        """The model in a sentence."""
        return f"The text model of variant {self.variant.name!r}"

    @property
    def folder(self) -> Path:
        """Of the converted model's files."""
        return self.variant.folder / "openvino-text"

    @property
    def key(self) -> Mapping[str, str]:
        """What its vectors depend on."""
        facts = self.variant.manifest.text_model
        return {"text_model": facts.hash if facts else ""}

    def folders(self) -> list[Path]:
        """Of the text model."""
        folder = self.variant.text_model_folder()
        return [folder] if folder else []

    def check(self) -> None:
        """Read its files whole."""
        self.variant.text_model()
