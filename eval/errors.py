"""What can go wrong in evaluation; the text of each is one sentence with its remedy.

```
EvalError
├── QueryFileError      a file of queries, qrels or answers cannot be read as one
├── NothingToMeasure    after what had to be left out, no query remains
├── LeakError           the queries' own words or pictures stand in the vectors searched
└── GalleryError        the vectors of a variant are not there, or not all of them
```
"""

from vitrine import VitrineError


class EvalError(VitrineError):
    """Anything that evaluation reports."""


class QueryFileError(EvalError):
    """A file of queries, qrels or answers cannot be read as one."""


class NothingToMeasure(EvalError):
    """No query remains that could be measured."""


class LeakError(EvalError):
    """A search that would find products by the very words or pixels of the query."""


class GalleryError(EvalError):
    """The vectors of a variant are not there, or not all of them."""
