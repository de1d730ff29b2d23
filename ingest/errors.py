"""What can stop a job.

IngestError
├── JobRunning         another process is at work in the same folder
├── NothingToExport    no product is in the category asked for
├── NothingToMerge     a folder holds no vectors of the variant
├── PictureTooSmall    a variant wants larger pictures than the catalogue keeps
└── SummarizerMissing  the checkpoint that writes summaries cannot be had
"""

from vitrine import VitrineError


class IngestError(VitrineError):
    """A job that cannot go on; the message says why and what to do."""


class JobRunning(IngestError):
    """Another process is at work in the same folder."""


class NothingToExport(IngestError):
    """No product is in the category asked for."""


class NothingToMerge(IngestError):
    """A folder holds no vectors of the variant."""


class PictureTooSmall(IngestError):
    """A variant wants larger pictures than the catalogue keeps."""


class SummarizerMissing(IngestError):
    """The checkpoint that writes summaries cannot be had."""
