"""The log of searches and of what people did with their results; off unless it is switched on.

The log is one SQLite file, HOME/events/events.sqlite. Its content follows User Behavior Insights
(https://github.com/o19s/ubi, 1.3.0): a search has a `query_id`, and events name it.

settings      whether there is a log, and how long it is kept
records       what is kept of a search and of an event
database      the file: its tables, transactions, and SQLite's errors as sentences
log           the writer: what waits is committed together
recent        the latest queries, with their counts
observations  what was shown where, and what people did with it
deletion      deletion by age, by client, or of everything
export        the log as UBI's JSON Lines
"""

from vitrine import VitrineError


class EventsError(VitrineError):
    """The log cannot be read or written; the message has the reason and the remedy."""
