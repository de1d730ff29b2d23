"""A shop that is open for searching: its variants, their collections, and an engine for each.

with open_shop() as shop:
for result in shop.search("red dress", where={"colour": "Red"}).results:
print(result.product["title"])
"""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from catalog import CatalogError
from catalog.catalogue import Catalogue
from encoder.errors import EncoderError
from encoder.variant import MANIFEST, Variant
from encoder.variants import Variants
from events import EventsError
from events.log import EventLog, Kept
from events.records import Event, check_client
from events.settings import Settings
from qdrant.errors import EngineError, StoreError
from qdrant.model import Collection
from qdrant.store import open_store
from search.engine import Engine
from search.facets import Facets
from search.fingerprint import check_fingerprint
from search.query import SearchError, check_k
from search.query_picture import Picture, open_picture
from search.recording import describe_search
from search.request import FilterOptions, QueryOptions, read_filters, read_query
from search.results import Results
from search.suggestions import Suggestion
from vitrine import Closing, default_variant
from vitrine import home as installation

MODELS_KEPT = 4  # a comparison has as many columns; a CLIP ViT-B/32 takes 600 MB in float32


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


class Shop(Closing):
    """Searches one installation; threads may share it.

    An engine is kept with its model for the next search, as long as the variant's manifest stays
    the same in every part: the same vectors may come from a base in another folder. No error is
    kept. A collection that was built again in the meantime is used from the next search on.

    Every method that takes a `variant` searches its collection; empty takes `default_variant`.
    Every error is a `vitrine.VitrineError`, one sentence with the remedy.

    Args:
        home: the installation's folder.
        log: keeps the searches, and what `record` is given; closed with the shop.
    """

    def __init__(self, home: Path, log: EventLog | None = None) -> None:
        self.home = home
        self.log = log
        self.store = open_store(home)
        self._variants = Variants(home)
        self._engines: OrderedDict[str, Engine] = OrderedDict()  # the last one used is last
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the store and the log."""
        self.store.close()
        if self.log:
            self.log.close()

    def search(
        self,
        text: str = "",
        *,
        picture: Picture | None = None,
        variant: str = "",
        client_id: str = "",
        **options: Unpack[QueryOptions],
    ) -> Results:
        """The best products for words, a picture, both, or products to be like.

        Args:
            text: words; quotes and a minus are operators (`search.syntax`).
            picture: the bytes of a file, its path, an https:, http: or data: address, or an image.
            variant: whose collection to search.
            client_id: a random id of the session that searches, for the log.
            options: filters and how to search, by name: `search.request.QueryOptions`.

        Raises:
            QueryError: the query cannot be answered as it is.
        """
        image = None if picture is None else open_picture(picture)
        engine, query = self.engine(variant), read_query(text, image, options)
        found = engine.search(query)
        if self.log is None:
            return found
        search = describe_search(
            engine,
            query,
            found,
            k=query.k,
            first=query.offset + 1,
            client_id=check_client(client_id),
            application="python",
        )
        with suppress(EventsError):  # a full disk: the search is answered all the same
            return replace(found, query_id=self.log.add_search(search).result())
        return found

    def record(self, *events: Event) -> Kept:
        """Keep what a person did with products that a search found, on the disk.

        Raises:
            EventsError: there is no log, or it cannot be written.
        """
        if self.log is None:
            raise EventsError("The log of events is off: open the shop with log=True.")
        return self.log.add_events(events).result()

    def browse(
        self,
        k: int = 10,
        *,
        offset: int = 0,
        sort: str = "",
        fold: bool = True,
        variant: str = "",
        **filters: Unpack[FilterOptions],
    ) -> Results:
        """Products that pass the filters, in an order or varied; their scores mean nothing.

        Raises:
            QueryError: a number is out of its range, there is no such order, or the filters cannot
                hold.
        """
        engine, chosen = self.engine(variant), read_filters(filters)
        return Results(engine.browse(chosen, check_k(k), offset=offset, sort=sort, fold=fold))

    def product(self, product_id: str, *, variant: str = "") -> dict[str, Any] | None:
        """The facts of a product as results have them; None where the collection has none."""
        return self.engine(variant).product(product_id)

    def facets(
        self,
        text: str = "",
        *,
        limit: int = 30,
        variant: str = "",
        **filters: Unpack[FilterOptions],
    ) -> Facets:
        """What the products that pass the filters are, counted by category, price and so on.

        Args:
            text: counts only the products that fit these words best.
            limit: values of each facet.
            variant: whose collection to count.
            filters: by name: `search.request.FilterOptions`.

        Raises:
            QueryError: the filters cannot hold.
        """
        query = read_query(text, None, {}) if text.strip() else None
        return self.engine(variant).facets(read_filters(filters), query, limit=limit)

    def suggest(self, typed: str, k: int = 8, *, variant: str = "") -> list[Suggestion]:
        """What a person may be about to type (`search.suggestions`)."""
        return self.engine(variant).suggest(typed, k)

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

    def is_reachable(self) -> bool:
        """Whether the engine behind the collections answers, be they broken or not."""
        try:
            self.store.collections()
        except EngineError:
            return False
        except StoreError:  # the status of the collection has its error
            pass
        return True

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

    def engine(self, name: str = "") -> Engine:
        """The engine of a variant as it is now; its model is not loaded by this.

        Args:
            name: the variant's; empty takes `default_variant`.

        Raises:
            VariantMissing, CollectionMissing, SearchError: it cannot be searched.
        """
        name = name or self.default_variant()
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


def open_shop(home: Path | str | None = None, *, log: bool = False) -> Shop:
    """Open a shop for searching; nothing is loaded before the first search.

    Args:
        home: the installation's folder; by default that of VITRINE_HOME, else `data`.
        log: keep the searches of `Shop.search`, and what `Shop.record` is given.

    Raises:
        VitrineError: the folder is a file, the settings of the store cannot be used, or the log
            cannot be written.
    """
    folder = installation(home)
    return Shop(folder, EventLog(folder, days=Settings.read().days) if log else None)
