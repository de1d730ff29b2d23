"""The jobs that fill a shop: products → images → summaries → vectors.

Each job is idempotent and resumable: stopped at any instant and run again, it ends as a run
without interruption would.

job                   the lock, and the record of a run
products              job 1: product files into the catalogue
images                job 2: pictures into the picture store
summaries, summarizer job 3: long descriptions into summaries
vectors               job 4: `embedding` fills the vector files, `projection` makes the points of
                      them, `collection` brings the collection up to date
merge                 vectors that other machines encoded with `vectors --shard`
distributed           embedding by workers that need no catalogue: plan, embed, merge
verification, status, export    what the shop holds
"""

from vitrine import VitrineError


class IngestError(VitrineError):
    """A job that cannot go on; the message says why and what to do."""
