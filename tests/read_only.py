"""Commands that see a folder as on a read-only disk."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def run_read_only(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command that cannot write to a folder.

    A user other than root loses the permission. Root's command has a mount of its own.
    """
    env = os.environ | environment
    if os.geteuid():
        with _without_permission(folder):
            return subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    place = shlex.quote(str(folder))
    mount = f"mount --bind {place} {place} && mount -o remount,ro,bind {place}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False).returncode:
        pytest.skip("no read-only mount can be made here")
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{mount} && exec {shlex.join(command)}"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def _without_permission(folder: Path) -> Iterator[None]:
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
