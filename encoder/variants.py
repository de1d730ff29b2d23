"""The registry of variants: one folder each under `variants/`."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from encoder import adapter as lora
from encoder.base import Base, find_base
from encoder.checkpoint import CHECKPOINTS, DEFAULT_BASE, KEPT
from encoder.embedder import KEPT as KEPT_EMBEDDER
from encoder.embedder import EmbedderCheckpoint
from encoder.errors import EncoderError, VariantInvalid, VariantMissing
from encoder.template import DEFAULT_TEMPLATE, find_template
from encoder.text_model import KEPT as KEPT_TEXT
from encoder.text_model import TextModel
from encoder.variant import ADAPTER, MANIFEST, NAME, Manifest, Variant
from encoder.variant_checks import check_dual_encoder, checked_embedder, text_model_facts
from vitrine.command import naming
from vitrine.folder_lock import locked

CARD = "README.md"


class Variants:
    """The variants of one installation.

    Args:
        home: the installation's folder; `variants/` is made by the first `add`.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "variants"

    def list(self) -> Sequence[Variant]:
        """Every variant, by name."""
        return [self.get(name) for name in self.names()]

    def names(self) -> Sequence[str]:
        """The names of all variants, in order; their manifests are not read."""
        return sorted(file.parent.name for file in self.folder.glob(f"[!.]*/{MANIFEST}"))

    def get(self, name: str) -> Variant:
        """One variant by name.

        Raises:
            VariantMissing: there is none of that name.
            VariantInvalid: its manifest cannot be read.
        """
        folder = self.folder / name
        if not (NAME.fullmatch(name) and (folder / MANIFEST).is_file()):
            raise VariantMissing(name, self.names())
        return Variant(Manifest.read(folder / MANIFEST), folder)

    def add(
        self,
        name: str,
        base: str | Path = DEFAULT_BASE,
        *,
        adapter: Path | None = None,
        adapter_weight: float = 1.0,
        template: str = DEFAULT_TEMPLATE,
        revision: str | None = None,
        notes: Mapping[str, Any] | None = None,
        text_model: str | Path | None = None,
        dim: int = 0,
        force: bool = False,
        keep_base: bool = False,
    ) -> Variant:
        """Add a variant. Idempotent: the same content under the same name changes nothing.

        Args:
            name: lower-case letters, digits and underscores, at most 64.
            base: folder of a checkpoint, or a hub id.
            adapter: folder of a LoRA adapter in PEFT's format; copied.
            adapter_weight: factor on the adapter's change.
            template: a name of `TEMPLATES`, or a format such as "{title} by {brand}".
            revision: branch, tag or commit on the hub.
            notes: facts of training, kept in the manifest.
            text_model: folder or hub id of a SentenceTransformer model that makes the `text`
                vectors in place of the dual encoder.
            dim: numbers kept of an embedder's vectors (Matryoshka); 0: all.
            force: replace another variant of that name.
            keep_base: copy a base that is a folder elsewhere into the installation's.

        Raises:
            VariantInvalid: the name, template or adapter weight cannot be used.
            EncoderError: another variant has the name and `force` is not given; the base is not
                found or no usable checkpoint; the adapter is not found, no LoRA adapter, or
                of another base.
        """
        if not NAME.fullmatch(name):
            raise VariantInvalid(
                f"{name!r} cannot name a variant: use lower-case letters, digits and underscores, "
                "at most 64."
            )
        manifest, checkpoint = self._manifest(
            name, str(base), adapter, adapter_weight, template, revision, notes, dim
        )
        words = TextModel.find(str(text_model)) if text_model else None
        if words:
            manifest = replace(manifest, text_model=text_model_facts(words))
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder):
            return self._put(manifest, checkpoint, words, adapter, force, keep_base)

    def _put(
        self,
        manifest: Manifest,
        checkpoint: Base,
        words: TextModel | None,
        adapter: Path | None,
        force: bool,
        keep_base: bool,
    ) -> Variant:
        """Write a variant, while no other process adds one or deletes a base."""
        name, old = manifest.name, None
        if name in self.names():
            old = self._old(name, force)
            if old and old.manifest.fingerprint == manifest.fingerprint and not force:
                return old
            if not force:
                raise EncoderError(
                    f"Another variant is already called {name!r} (fingerprint "
                    f"{old.fingerprint if old else 'unreadable'}; this one would be "
                    f"{manifest.fingerprint}): choose another name, or replace it with --force."
                )
        if keep_base:
            kept = self.folder.parent / CHECKPOINTS
            manifest = replace(manifest, base=checkpoint.copy_into(kept))
            if words and manifest.text_model:
                facts = replace(manifest.text_model, base=words.copy_into(kept))
                manifest = replace(manifest, text_model=facts)
        if name in self.names():
            self._replace(manifest, adapter)
            if old:
                self._delete_unused(Path(old.base))
                if old.manifest.text_model:
                    self._delete_unused(Path(old.manifest.text_model.base))
        else:
            self._create(manifest, adapter)
        return self.get(name)

    def _manifest(
        self,
        name: str,
        base: str,
        adapter: Path | None,
        adapter_weight: float,
        template: str,
        revision: str | None,
        notes: Mapping[str, Any] | None,
        dim: int,
    ) -> tuple[Manifest, Base]:
        chosen = find_template(template)
        if adapter is None and adapter_weight != 1:
            raise VariantInvalid("An adapter weight needs an adapter: name it with --adapter.")
        adapter_weight = lora.check_adapter_weight(adapter_weight)
        adapted = lora.adapter_hash(adapter) if adapter else ""
        if adapter:
            lora.check_scalable(adapter, adapter_weight)
        checkpoint = find_base(base, revision, dim)
        if isinstance(checkpoint, EmbedderCheckpoint):
            checkpoint = checked_embedder(checkpoint, adapter)
        else:
            check_dual_encoder(checkpoint, adapter, adapter_weight, dim)
        manifest = Manifest(
            name=name,
            base=checkpoint.base,
            revision=checkpoint.revision,
            tokenizer_hash=checkpoint.tokenizer_hash,
            processor_hash=checkpoint.processor_hash,
            template=chosen,
            dim=checkpoint.dim,
            image_side=checkpoint.image_side,
            max_tokens=checkpoint.max_tokens,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            adapter_hash=adapted,
            adapter_weight=adapter_weight,
            notes=dict(notes or {}),
        )
        return manifest, checkpoint

    def _old(self, name: str, force: bool) -> Variant | None:
        """The variant that has the name; None where it is unreadable and is to be replaced."""
        with contextlib.suppress(VariantInvalid) if force else contextlib.nullcontext():
            return self.get(name)
        return None

    def _delete_unused(self, base: Path) -> None:
        """Delete the installation's copy of a base that no variant and no training is based on."""
        home = self.folder.parent.resolve()
        files = (*self.folder.glob(f"*/{MANIFEST}"), *home.glob("training/*/run.json"))
        used = any(f'/{base.name}"' in file.read_text(errors="replace") for file in files)
        if (
            base.parent == home / CHECKPOINTS
            and base.name.startswith((KEPT, KEPT_TEXT, KEPT_EMBEDDER))
            and not used
        ):
            shutil.rmtree(base, ignore_errors=True)

    def _create(self, manifest: Manifest, adapter: Path | None) -> None:
        """Write a temporary folder and rename it: a variant is there whole or not at all."""
        with self._temporary() as folder:
            _write(folder, manifest, adapter)
            target = self.folder / manifest.name
            try:
                folder.rename(target)
            except OSError as error:
                if not target.exists():
                    raise
                raise EncoderError(
                    f"{target} exists and is no variant: move it away, or choose another name."
                ) from error

    def _replace(self, manifest: Manifest, adapter: Path | None) -> None:
        """Move the new files in one by one, the manifest last.

        An interruption leaves an adapter whose hash differs from the old manifest's: an error.
        """
        target = self.folder / manifest.name
        with self._temporary() as folder:
            _write(folder, manifest, adapter)
            if adapter:
                (target / ADAPTER).mkdir(exist_ok=True)
                for file in (folder / ADAPTER).iterdir():
                    file.replace(target / ADAPTER / file.name)
            (folder / CARD).replace(target / CARD)
            (folder / MANIFEST).replace(target / MANIFEST)
        if not adapter:
            shutil.rmtree(target / ADAPTER, ignore_errors=True)

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
        try:
            with naming(self.folder):
                folder.chmod(0o755)  # mkdtemp makes it private
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, manifest: Manifest, adapter: Path | None) -> None:
    if adapter:
        (folder / ADAPTER).mkdir()
        for name in (lora.CONFIG, lora.WEIGHTS):
            shutil.copyfile(adapter / name, folder / ADAPTER / name)
    (folder / CARD).write_text(_card(manifest), encoding="utf-8")
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")


def _card(manifest: Manifest) -> str:
    """A model card: base, adapter and settings."""
    weight = f"with a LoRA adapter of weight {manifest.adapter_weight:g}"
    adapter = weight if manifest.adapter_hash else "without an adapter"
    return (
        f"# {manifest.name}\n\n"
        f"`{manifest.base}` at `{manifest.revision}`, {adapter}.\n\n"
        f"- fingerprint: `{manifest.fingerprint}`\n"
        f"- vectors: {manifest.dim} dimensions\n"
        f"- pictures: {_side(manifest.image_side)}\n"
        f"- texts: `{manifest.template.format!r}`, at most {manifest.max_tokens} tokens\n"
        + _text_model_line(manifest)
        + f"- made: {manifest.created}\n"
        + "".join(f"- {key}: {value}\n" for key, value in manifest.notes.items())
    )


def _side(side: int) -> str:
    return f"{side} × {side} pixels" if side else "of any side"


def _text_model_line(manifest: Manifest) -> str:
    words = manifest.text_model
    return f"- text model: `{words.name}`, vectors of {words.dim} dimensions\n" if words else ""
