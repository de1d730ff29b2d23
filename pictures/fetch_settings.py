"""The limits and the politeness of the fetcher."""

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
        total: Limit for one picture: redirects, retries and the waits between them included,
            the wait for a free connection excluded.
        max_bytes: Cap on a picture's bytes. 16 MiB: product photos stay below 10.
        redirects: How many are followed.
        concurrency: Concurrent requests, overall.
        per_host: Concurrent requests to one host, waits before its retries included.
        retries: How often a request is repeated after 429, 5xx or a broken connection.
        backoff: First wait before a retry; doubles each time, less up to half of it at random
            (jitter), so that many do not retry at once.
        longest_wait: Longest wait before a retry. A host that specifies a longer one
            (Retry-After) is not retried.
        user_agent: Of the requests. By default the environment's VITRINE_USER_AGENT, else
            Vitrine's own.
        allow_loopback: Allow this machine's loopback; for tests.
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
        """Reject a user agent that cannot be sent."""
        if not (self.user_agent.isascii() and self.user_agent.isprintable()):
            raise VitrineError(
                f"The user agent {self.user_agent!r} cannot be sent: "
                "set VITRINE_USER_AGENT to one line of plain ASCII."
            )
