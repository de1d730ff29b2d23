"""The built-in demo shop: a drawn catalogue, queries with known answers, and a small CLIP.

Everything follows from the data files here and seeds, so it is the same on every machine:

- `drawings/`, `finishes/`, `scene.svg`: the pictures, as SVG templates
- `words/`: kinds, colours and finishes with their words; the sentences of the shop, of the queries
  and of the training texts, three disjoint sets
- `checkpoint/`: the CLIP that `python -m demo train` trained on drawn products outside the shop

"""

from pathlib import Path

from vitrine import VitrineError

CHECKPOINT = Path(__file__).parent / "checkpoint"


class DemoError(VitrineError):
    """The folder holds no demo shop."""
