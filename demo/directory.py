"""The demo's directory: its own, and cleared at the start."""

import os
import shutil
from pathlib import Path

import psutil

#: Says that a directory is the demo's own and may be cleared; holds the process id of the demo that made it.
_MARKER = ".sluice-demo"


class DirectoryInUseError(RuntimeError):
    """A directory holds files that aren't the demo's, or a demo that still runs: it isn't cleared."""


def clear(directory: Path) -> None:
    """Make an empty directory; raises DirectoryInUseError for one that holds anything but an ended demo."""
    if directory.exists() and any(directory.iterdir()):
        _check(directory)
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARKER).write_text(str(os.getpid()), encoding="utf-8")


def _check(directory: Path) -> None:
    marker = directory / _MARKER
    if not marker.exists():
        raise DirectoryInUseError(f"{directory} holds files that no demo has made; name another --directory")
    pid = int(marker.read_text(encoding="utf-8") or 0)
    # The number may be another process's by now: one that began after the marker was written.
    if pid and psutil.pid_exists(pid) and psutil.Process(pid).create_time() <= marker.stat().st_mtime:
        raise DirectoryInUseError(f"a demo runs in {directory} (process {pid}); end it, or name another --directory")
