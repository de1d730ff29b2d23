"""The built-in demo shop: a drawn catalogue, queries with known answers, and a small CLIP.

Everything follows from the data files here and a seed, so that two machines make the same shop:

- `drawings/`, `finishes/`, `scene.svg`: the pictures, as SVG templates
- `words/`: kinds, colours and finishes with their words, and the sentences of the shop, of the
  queries and of the training texts, which are three separate sets
- `checkpoint/`: the CLIP that `python -m demo train` made of drawn products outside the shop

Exceptions: `DemoError` is the only one, for a folder that cannot be written or read.
"""

from pathlib import Path

from vitrine import VitrineError

CHECKPOINT = Path(__file__).parent / "checkpoint"


class DemoError(VitrineError):
    """A sentence for the user of the command line: what is wrong and what to do."""
