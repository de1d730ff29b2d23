"""From a picture's address to the picture store: fetch or read, decode, keep."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

from pictures.decode_workers import DecodeWorkers
from pictures.embedded import EmbeddedPictures
from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetcher
from pictures.sources import is_web, read_source
from pictures.store import PictureStore, StoredPicture

# Threads that read and write files, and wait for decode workers and for the disk's flushes.
THREADS = 16


class PictureImporter:
    """Adds pictures to a store by their addresses; an async context manager for one event loop.

    Many additions may be under way at once.
    """

    def __init__(
        self, store: PictureStore, embedded: EmbeddedPictures, settings: FetchSettings
    ) -> None:
        """Make an importer.

        Args:
            store: Where pictures are kept.
            embedded: The pictures that feeds contained.
            settings: Limits and politeness on the web.
        """
        self._store = store
        self._embedded = embedded
        self._fetcher = Fetcher(settings)
        self._workers = DecodeWorkers()

    async def __aenter__(self) -> Self:
        self._threads = ThreadPoolExecutor(max(THREADS, 2 * self._workers.count))
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._workers.close()  # first: threads wait for them
        self._threads.shutdown(cancel_futures=True)
        await self._fetcher.__aexit__(*error)

    async def add(self, address: str, folder: str = "") -> StoredPicture:
        """Keep the picture at an address.

        Args:
            address: A web address, a local path, or that of an embedded picture.
            folder: The folder that a local path must lie in; empty for any.

        Raises:
            PictureError: It cannot be fetched, read or decoded.
            VitrineError: The store cannot be written, or decode workers cannot be started.
        """
        data = await self._fetcher.fetch(address) if is_web(address) else None
        keep = partial(self._keep, address, folder, data)
        return await asyncio.get_running_loop().run_in_executor(self._threads, keep)

    def _keep(self, address: str, folder: str, data: bytes | None) -> StoredPicture:
        """Read, decode and keep in one thread, so that no more files than threads are in memory."""
        if data is None:
            data = read_source(address, embedded=self._embedded, folder=folder)
        return self._store.add(data, address, self._workers.thumbnail)
