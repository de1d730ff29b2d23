"""The fetcher's limits and manners."""

import os
from dataclasses import dataclass, field

from vitrine import VitrineError

USER_AGENT = "Vitrine/0.1 (product search; fetches the pictures of a shop's own catalogue)"


@dataclass(frozen=True)
class FetchSettings:
    """How to fetch. Times are in seconds.

    Attributes:
        connect: Limit for looking up a name and connecting; again for TLS.
        read: Limit for each wait for bytes.
        total: Limit for one picture: redirects, repeats and the waits between them included,
            the wait for a free connection left out.
        max_bytes: Cap on a picture's bytes. 16 MiB: product photos stay below 10.
        redirects: How many are followed.
        concurrency: Requests under way at once, overall.
        per_host: Requests under way at once to one host; a host that is waited for counts too.
        retries: How often an address is asked again after 429, 5xx or a broken connection.
        backoff: First wait before asking again; doubles each time, and is shortened by up to
            half at random so that many do not come back at once.
        longest_wait: Longest wait before asking again. A host that asks for a longer one
            (Retry-After) is not asked again.
        user_agent: Who asks. By default the environment's VITRINE_USER_AGENT, else Vitrine.
        allow_loopback: Let this machine's own loopback be asked; for tests.
    """

    connect: float = 5.0
    read: float = 10.0
    total: float = 60.0
    max_bytes: int = 16 * 2**20
    redirects: int = 5
    concurrency: int = 32
    per_host: int = 8
    retries: int = 2
    backoff: float = 0.5
    longest_wait: float = 30.0
    user_agent: str = field(
        default_factory=lambda: os.environ.get("VITRINE_USER_AGENT", "").strip() or USER_AGENT
    )
    allow_loopback: bool = False

    def __post_init__(self) -> None:
        """Refuse a user agent that cannot be sent."""
        if not (self.user_agent.isascii() and self.user_agent.isprintable()):
            raise VitrineError(
                f"The user agent {self.user_agent!r} cannot be sent: "
                "set VITRINE_USER_AGENT to one line of plain ASCII."
            )
