"""Files behind fsspec addresses: object stores, and folders of this machine.

Reasons of a `PictureError` here:

    unknown address      a scheme that is not in `SCHEMES`
    missing file, unreadable file, empty, and too many bytes, as of `pictures.sources`
"""

from typing import Any

import fsspec
from fsspec.core import split_protocol
from fsspec.implementations.local import LocalFileSystem

from pictures.data_address import too_many_bytes
from pictures.errors import PictureError, shorten
from pictures.sources import MAX_BYTES, read_source
from vitrine import VitrineError

# Scheme → the library that fsspec needs for it, beside itself. http(s) is left out: only
# `pictures.fetcher` fetches from the web.
SCHEMES = {
    "file": "",
    "memory": "",
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
}


def open_store(address: str) -> tuple[Any, str]:
    """The file system of fsspec behind an address, and the path in it.

    Args:
        address: such as s3://bucket/folder, file:///folder, or a path of this machine.

    Raises:
        VitrineError: another scheme, a library that is not installed, or wrong settings of the
            store.
    """
    scheme = split_protocol(address)[0] or "file"
    if scheme not in SCHEMES:
        raise VitrineError(
            f"{shorten(address)} has the scheme {scheme}: name a folder, or an address that begins "
            f"with {', '.join(f'{each}://' for each in SCHEMES)}."
        )
    try:
        return fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise VitrineError(
            f"{shorten(address)} needs {SCHEMES[scheme]}: install it with "
            f"`pip install {SCHEMES[scheme]}`."
        ) from error
    except Exception as error:  # of the store's own library, of any kind
        raise VitrineError(f"{shorten(address)} cannot be opened: {shorten(error)}.") from error


def read_object(address: str) -> bytes:
    """Read a picture's file.

    Raises:
        PictureError: with a reason of the module's list; of a file of this machine, with one of
            `pictures.sources`.
    """
    name = shorten(address)
    try:
        files, path = open_store(address)
    except VitrineError as error:
        raise PictureError("unknown address", str(error)) from error
    if isinstance(files, LocalFileSystem):
        return read_source(path)
    try:
        # One byte beyond the limit, so that a longer file is not read whole.
        data = files.cat_file(path, start=0, end=MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise PictureError("missing file", f"There is no file {name}.") from error
    except Exception as error:  # of the store's own library, of any kind
        raise PictureError("unreadable file", f"{name} cannot be read: {error}.") from error
    if not data:
        raise PictureError("empty", f"{name} is empty.")
    if len(data) > MAX_BYTES:
        raise too_many_bytes(address, MAX_BYTES)
    return bytes(data)
