"""What is kept of a search and of an event.

No address of a person is kept: e-mail addresses in the words of a search are masked, and the id of
a client is a random one of its session.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

from events import EventsError
from vitrine.text import fold

IMPRESSION, CLICK, CART, PURCHASE = "impression", "click", "add_to_cart", "purchase"
# What each action says of a product's relevance, by the names of User Behavior Insights.
LEVELS = MappingProxyType({IMPRESSION: 0, CLICK: 1, CART: 2, PURCHASE: 3})
# Other names of the same actions.
ACTIONS = MappingProxyType(
    {
        **{name: name for name in LEVELS},
        "view": IMPRESSION,
        "shown": IMPRESSION,
        "click_through": CLICK,
        "clicked": CLICK,
        "carted": CART,
        "bought": PURCHASE,
    }
)
MAX_CLIENT = 100  # characters, as UBI has them
CLIENT = re.compile(r"[\w.~+=-]*", re.ASCII)
MAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.\w+")
MASK = "[e-mail]"


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was answered.

    Attributes:
        text: the words; empty where there were none.
        shown: ids of the products of the answer, best first.
        first: position of the first one in the whole ranking, counted from 1.
        attributes: how it was searched: filters, match, order and so on; what JSON can hold.
        is_plain: it was made by words alone, without filters, and ordered by score.
        variant: whose collection was searched.
        generation: of that collection.
        client_id: a random id of the client's session; empty where there is none.
        application: what searched, such as `api`.
        query_id: names the search in events.
    """

    text: str
    shown: Sequence[str]
    first: int = 1
    attributes: Mapping[str, Any] = field(default_factory=dict)
    is_plain: bool = True
    variant: str = ""
    generation: str = ""
    client_id: str = ""
    application: str = ""
    query_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Event:
    """What a person did with a product that a search found.

    Attributes:
        action: a name of `LEVELS`.
        query_id: of the search.
        product: its id.
        position: where it stood, counted from 1; None where that is not known.
        client_id: a random id of the client's session; empty where there is none.
        happened: when, in milliseconds since 1970 by the client's clock; None where not known.
        event_id: the client's own id of the event; an event is kept once for each. Empty: none.
    """

    action: str
    query_id: str
    product: str
    position: int | None = None
    client_id: str = ""
    happened: int | None = None
    event_id: str = ""

    def __post_init__(self) -> None:
        if self.action not in LEVELS:
            raise EventsError(f"There is no action “{self.action[:80]}”: take {', '.join(LEVELS)}.")
        check_client(self.client_id)


def check_client(client_id: str) -> str:
    """The id of a client, where it can be a random one.

    Raises:
        EventsError: it is an address, or too long.
    """
    if len(client_id) > MAX_CLIENT or not CLIENT.fullmatch(client_id) or _is_address(client_id):
        raise EventsError(
            f"A client_id is a random id of a session, of at most {MAX_CLIENT} letters, digits and "
            "hyphens; it is no address and no name."
        )
    return client_id


def _is_address(client_id: str) -> bool:
    try:
        ip_address(client_id)
    except ValueError:
        return False
    return True


def mask(text: str) -> str:
    """Words with a mask in place of each e-mail address."""
    return MAIL.sub(MASK, text)


def key_of(text: str) -> str:
    """What equal queries share: their words without case and kinds of blanks."""
    return fold(text).casefold()
