"""The bytes that an installation takes on disk, and the server in memory."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import streamlit as st

MEASURED = 60  # seconds that sizes on disk are kept: a large shop has many files


def show_sizes(home: Path) -> None:
    """Show the bytes of an installation by folder, what is free, and the server's memory.

    Args:
        home: the installation's folder.
    """
    sizes = _folder_sizes(home)
    rows = [
        {"Folder or file": name, "MB": size / 1e6}
        for name, size in sorted(sizes.items(), key=lambda each: -each[1])
    ]
    st.header("Disk and memory", anchor=False)
    cells = st.grid(3, min_column_width=140, border=True)
    cells.metric("Installation", _write_size(sum(sizes.values())))
    cells.metric("Free on its disk", _write_size(shutil.disk_usage(home).free))
    cells.metric("Memory of this server", _write_size(psutil.Process().memory_info().rss))
    number = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(rows, hide_index=True, column_config={"MB": number}, width=420)


@st.cache_data(ttl=MEASURED, show_spinner="Measuring the folders …")
def _folder_sizes(home: Path) -> dict[str, int]:
    """Bytes on disk by folder or file of the installation; a hard link counts once."""
    sizes: dict[str, int] = {}
    seen: set[tuple[int, int]] = set()  # of the files with several names
    for entry in os.scandir(home):
        for file in _files(entry):
            with suppress(OSError):  # gone meanwhile
                facts = file.stat(follow_symlinks=False)
                if facts.st_nlink > 1:
                    if (facts.st_dev, facts.st_ino) in seen:
                        continue
                    seen.add((facts.st_dev, facts.st_ino))
                sizes[entry.name] = sizes.get(entry.name, 0) + facts.st_blocks * 512
    return sizes


def _files(entry: os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    """A file, or all files of a folder: of 100,000, `Path.rglob` takes four times as long."""
    if not entry.is_dir(follow_symlinks=False):
        yield entry
        return
    with suppress(OSError):
        for each in os.scandir(entry):
            yield from _files(each)


def _write_size(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
