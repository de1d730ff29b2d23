"""Whether there is a log of searches and events, and how long it is kept."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from events import EventsError
from vitrine.text import number_in

ENABLED = "VITRINE_EVENTS"
DAYS = "VITRINE_EVENTS_DAYS"
WORDS = {"": False, "0": False, "no": False, "false": False, "off": False} | dict.fromkeys(
    ("1", "yes", "true", "on"), True
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the log.

    Attributes:
        enabled: searches and events are kept.
        days: searches are deleted with their events when they are older; 0: never.
    """

    enabled: bool = False
    days: float = 0.0

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of an environment.

        Raises:
            EventsError: one of them cannot be used.
        """
        written = environment.get(ENABLED, "").strip()
        if written.lower() not in WORDS:
            raise EventsError(f"{ENABLED} is {written[:80]}: set it to 1 or 0.")
        return cls(WORDS[written.lower()], _days(environment.get(DAYS, "").strip()))


def _days(written: str) -> float:
    days = number_in(written or "0")
    if not 0 <= days < math.inf:
        raise EventsError(
            f"{DAYS} is {written[:80]}: set it to a number of days, or 0 to keep all."
        )
    return days
