"""A whole shop as one archive: written while the shop is used, and opened elsewhere.

contents   which files of a shop's folder are archived
archive    the archive: a tar file, compressed or not, with a digest of all its files at its end
writing    from a folder into an archive
reading    from an archive, checked, into a folder
"""

from vitrine import VitrineError


class BackupError(VitrineError):
    """The shop cannot be archived, or the archive cannot be opened; the message has the remedy."""
