"""Searching one installation: its variants, their collections, and an engine for each."""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catalog import CatalogError
from catalog.catalogue import Catalogue
from encoder.errors import EncoderError
from encoder.variant import MANIFEST, Variant
from encoder.variants import Variants
from qdrant.errors import StoreError
from qdrant.model import Collection
from qdrant.store import open_store
from search.engine import Engine
from search.fingerprint import check_fingerprint
from search.query import SearchError
from vitrine import Closing, default_variant

MODELS_KEPT = 3  # the usual variants; a CLIP ViT-B/32 takes 600 MB in float32


@dataclass(frozen=True, slots=True)
class VariantStatus:
    """A variant and what can be searched of it.

    Attributes:
        name: the variant's.
        variant: None where it is gone or unreadable.
        collection: None where there is none.
        problem: why it cannot be searched, and the remedy; empty where it can.
    """

    name: str
    variant: Variant | None
    collection: Collection | None
    problem: str = ""


class SearchService(Closing):
    """Engines for the variants of one installation; threads may share it.

    An engine is kept with its model for the next search, as long as the variant's manifest stays
    the same in every part: the same vectors may come from a base in another folder. No error is
    kept. A collection that was built again in the meantime is used from the next search on.

    Args:
        home: the installation's folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = open_store(home)
        self._variants = Variants(home)
        self._engines: OrderedDict[str, Engine] = OrderedDict()  # the last one used is last
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def default_variant(self) -> str:
        """The variant to search where none is named, of those that have a collection.

        Raises:
            VitrineError: there are several, and none of them is the default one.
        """
        statuses = self.statuses()
        built = [status.name for status in statuses if status.collection]
        return default_variant(built or [status.name for status in statuses])

    def statuses(self) -> list[VariantStatus]:
        """Every variant and every collection, by name, the unusable ones too."""
        names = {file.parent.name for file in self._variants.folder.glob(f"[!.]*/{MANIFEST}")}
        with suppress(StoreError):  # the status of a broken collection has its error
            names |= {collection.variant for collection in self.store.collections()}
        return [self.status(name) for name in sorted(names)]

    def status(self, name: str) -> VariantStatus:
        """One variant and its collection; what is missing or broken is its `problem`."""
        variant = collection = None
        problem = ""
        try:
            variant = self._variants.get(name)
        except EncoderError as error:
            problem = str(error)
        try:
            collection = self.store.collection(name)
            if variant:
                check_fingerprint(variant, collection)
        except (StoreError, SearchError) as error:
            problem = problem or str(error)
        return VariantStatus(name, variant, collection, problem)

    def _attribute_names(self) -> list[str]:
        """The names of all attributes of the catalogue; none where it cannot be read."""
        with suppress(CatalogError), Catalogue(self.home, create=False) as catalogue:
            return [each.name for each in catalogue.attributes()]
        return []

    def engine(self, name: str) -> Engine:
        """The engine of a variant as it is now; its model is not loaded by this.

        Raises:
            VariantMissing, CollectionMissing, SearchError: it cannot be searched.
        """
        variant = self._variants.get(name)
        with self._lock:
            engine = self._engines.get(name)
            if engine is None or engine.variant != variant:
                engine = self._engines[name] = Engine(
                    variant, self.store, attribute_names=self._attribute_names
                )
            self._engines.move_to_end(name)
            while len(self._engines) > MODELS_KEPT:
                self._engines.popitem(last=False)
        return engine
