"""The last job: products and their pictures into vectors, vectors into a collection.

Vectors are first kept in part files, keyed by what was embedded; then the collection is
projected from them. So a run that was stopped encodes only what is missing, a changed title
is embedded again, and an unchanged one is not.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.catalogue import Catalogue
from encoder.variant import Variant
from encoder.variants import Variants
from ingest.embedding import Embedding
from ingest.errors import PictureTooSmall
from ingest.job import Figures, alone, recorded
from ingest.progress import bar
from ingest.projection import Projection
from qdrant.errors import CollectionMissing
from qdrant.parts import Parts
from qdrant.store import Point, Spec, Store, open_store

if TYPE_CHECKING:
    from encoder.encoder import Encoder
    from encoder.precision import Precision


def vectors(home: Path, variant_name: str, *, precision: "Precision" = "auto") -> Figures:
    """Embed what is not embedded yet under a variant, and bring its collection up to date.

    Args:
        home: the shop's folder.
        variant_name: the variant to embed with.
        precision: the encoder's: `auto`, `float32` or `bfloat16`.

    Returns:
        `encoded` and `reused` vectors, `unreadable` stored pictures, and the collection's
        `points`.

    Raises:
        VariantMissing: there is no such variant.
        PictureTooSmall: the variant looks at larger pictures than the catalogue keeps.
        EncoderError, StoreError: as the encoder and the store say.
    """
    variant = Variants(home).get(variant_name)
    settings = {"variant": variant.name, "fingerprint": variant.fingerprint, "precision": precision}
    with (
        alone(home),
        Catalogue(home, create=False) as catalogue,
        recorded(catalogue, "vectors", settings) as run,
        Parts(home / "vectors" / variant.fingerprint, variant.dim) as parts,
        open_store(home) as store,
    ):
        _require_side(catalogue, variant)
        embedding = Embedding(catalogue, variant, parts, lambda: _load(variant, precision))
        try:
            embedding.texts()
            embedding.pictures()
        finally:
            run.figures |= {"encoded": embedding.encoded, "reused": embedding.reused}
            run.figures["unreadable"] = embedding.unreadable
        run.figures["points"] = _project(Projection(catalogue, variant, parts), variant, store)
        return run.figures


def _load(variant: Variant, precision: "Precision") -> "Encoder":
    from encoder.encoder import Encoder  # brings torch along: only when there is work for it

    return Encoder.load(variant, precision=precision)


def _require_side(catalogue: Catalogue, variant: Variant) -> None:
    side = catalogue.picture_side
    if variant.image_side > side:
        raise PictureTooSmall(
            f"The variant {variant.name} looks at pictures of {variant.image_side} pixels, "
            f"and this catalogue keeps them at {side}. Make a catalogue in another VITRINE_HOME "
            f"with `python -m ingest products … --picture-side {variant.image_side}`."
        )


def _project(projection: Projection, variant: Variant, store: Store) -> int:
    """Build the collection anew, unless it already holds just these points."""
    digest = projection.digest()
    try:
        current = store.collection(variant.name)
        if (current.fingerprint, current.source) == (variant.fingerprint, digest):
            return current.points
    except CollectionMissing:
        pass
    spec = Spec(variant.name, variant.fingerprint, variant.dim, variant.base, digest)
    with bar(f"collection {variant.name}", len(projection)) as advance:
        return store.build(spec, _Counted(projection, advance)).points


class _Counted:
    """Points that move a progress bar as they are taken."""

    def __init__(self, projection: Projection, advance: Callable[[int], None]) -> None:
        self._projection = projection
        self._advance = advance

    def __len__(self) -> int:
        return len(self._projection)

    def __iter__(self) -> Iterator[Point]:
        for point in self._projection:
            yield point
            self._advance(1)
