"""What visitors may read of an error: no path of the server and no address of its network.

The whole sentence goes to the server's log, or is shown by `vitrine ingest status`.
"""

import re
from pathlib import Path, PurePath

from pictures.addresses import is_numeric
from pictures.errors import HostNotPublic
from vitrine import VitrineError, home

HIDDEN = "…"
# Instead of the fetcher's sentences: whether a name is known to this machine's network, and is not
# public, is no visitor's business.
NOT_PUBLIC = "The picture’s host is not found on the public web. Check how its name is written."
WEB_ADDRESS = re.compile(r"https?://[^\s“”\"'`<>]*[^\s“”\"'`<>.,;:)]", re.IGNORECASE)
NUMERIC = re.compile(r"(?<![\w.:])[0-9a-f:.]{2,45}(?![\w:])", re.IGNORECASE)
PATH = re.compile(r"(?<![\w.…/~-])(?:/[^\s/“”\"'`]+)*/(?P<name>[^\s/“”\"'`]+)")


def redact(sentence: str) -> str:
    """A sentence with paths cut to their last part, and without addresses."""
    for folder in {str(home().absolute()), str(home().resolve())} - {"/"}:
        sentence = sentence.replace(f"{folder}/", "").replace(folder, "the installation’s folder")
    sentence = NUMERIC.sub(_hide_address, WEB_ADDRESS.sub(HIDDEN, sentence))
    return PATH.sub(lambda path: path["name"], sentence)


def redact_error(error: VitrineError) -> str:
    """What visitors may read of an error."""
    return NOT_PUBLIC if isinstance(error, HostNotPublic) else redact(str(error))


def redact_setting(value: object) -> str:
    """A setting of a job or of a variant: the last part of a path, anything else as it is."""
    text = str(value)
    return PurePath(text).name if Path(text).is_absolute() else redact(text)


def _hide_address(found: re.Match[str]) -> str:
    """`HIDDEN` in place of an IP address, with or without a port."""
    text = found[0].rstrip(".:")
    host = text.partition(":")[0] if text.count(":") == 1 else text
    return HIDDEN if is_numeric(host) else found[0]
