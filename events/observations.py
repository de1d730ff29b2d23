"""What the log has seen: which product was shown where for which words, and what people did."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from events.database import Database
from events.log import DAY
from events.records import IMPRESSION, LEVELS

# Searches of one client for the same words and page: more are one person's, who repeats a search.
PER_CLIENT = 3
MAX_POSITION = 100  # a product further down is hardly looked at


@dataclass(slots=True)
class Seen:
    """How often a product was shown at one position for one query, and what people did.

    Attributes:
        shown: searches.
        clicked: searches after which it was clicked, put into a cart or bought.
        carted: those of which it was put into a cart or bought.
        bought: those of which it was bought.
    """

    shown: int = 0
    clicked: int = 0
    carted: int = 0
    bought: int = 0

    def add(self, level: int) -> None:
        """Count a search: 0 nothing was done with the product, 1 click, 2 cart, 3 purchase."""
        self.shown += 1
        self.clicked += level >= 1
        self.carted += level >= 2
        self.bought += level >= 3


@dataclass(slots=True)
class Observations:
    """What was seen of all queries by words alone.

    Attributes:
        seen: by query, product and position, which counts from 1.
        texts: of each query as it was typed last, by query.
        searches: of each query.
        counts: searches and events by what they were used for.
    """

    seen: dict[tuple[str, str, int], Seen] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    searches: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, key: str, text: str, shown: Iterable[tuple[str, int]], acts: "Acts") -> None:
        """Count a search.

        Args:
            key: the query.
            text: as it was typed.
            shown: the products of the answer with their positions.
            acts: the levels of what was done with products, by product.
        """
        self.texts[key] = text
        self.searches[key] += 1
        left = {product for product, level in acts.levels.items() if level}
        for product, position in shown:
            left.discard(product)
            # Where a client sends what came into view, the rest of the answer was not seen.
            if position <= MAX_POSITION and (product in acts.levels or not acts.in_view):
                level = acts.levels.get(product, 0)
                self.seen.setdefault((key, product, position), Seen()).add(level)
        self.counts["elsewhere"] += len(left)


@dataclass(slots=True)
class Acts:
    """What was done after one search: the highest level of each product."""

    levels: dict[str, int] = field(default_factory=dict)
    in_view: bool = False


def read_observations(home: Path, *, days: float | None = None) -> Observations:
    """Count what the log of an installation has seen.

    Args:
        home: the installation's folder.
        days: only searches of the last ones; None: all.

    Raises:
        EventsError: there is no log, or it cannot be read.
    """
    since = 0 if days is None else time.time_ns() // 1_000_000 - round(days * DAY)
    found = Observations()
    by_client: Counter[tuple[str, str, int]] = Counter()
    with Database(home, create=False) as database, database.errors():
        database.connection.execute("BEGIN")  # one state of the log, while others write
        acts = _read_acts(database, since)
        number, done = next(acts, (None, Acts()))
        searches = database.connection.execute(
            "SELECT id, key, text, client_id, is_plain, first, shown FROM search "
            "WHERE received >= ? ORDER BY id",
            (since,),
        )
        for search, key, text, client, is_plain, first, shown in searches:
            own = Acts()
            if number == search:
                own = done
                number, done = next(acts, (None, Acts()))
            by_client[key, client, first] += 1
            if not is_plain:
                found.counts["other_searches"] += 1
            elif client and by_client[key, client, first] > PER_CLIENT:
                found.counts["repeated_searches"] += 1
            else:
                found.counts["searches"] += 1
                products = json.loads(shown)
                found.add(
                    key, text, zip(products, range(first, first + len(products)), strict=True), own
                )
    return found


def _read_acts(database: Database, since: int) -> Iterator[tuple[int, Acts]]:
    """What was done after each search with any event, by ascending search."""
    last, acts = None, Acts()
    for search, product, action in database.connection.execute(
        "SELECT event.search, product, action FROM event JOIN search ON search.id = event.search "
        "WHERE search.received >= ? ORDER BY event.search",
        (since,),
    ):
        if search != last:
            if last is not None:
                yield last, acts
            last, acts = search, Acts()
        acts.levels[product] = max(acts.levels.get(product, 0), LEVELS[action])
        acts.in_view |= action == IMPRESSION
    if last is not None:
        yield last, acts
