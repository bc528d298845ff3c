"""The file that dropped poison is written into, before it is deleted."""

import asyncio
import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.poison import Dropped
from sluice.session import UsageError

#: Messages name hosts, and what is junk may hold anything.
_MODE = 0o600


class DropFile:
    """A line a message; there is no file before there is a message, and none is ever written over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @property
    def is_there(self) -> bool:
        """Whether something was written."""
        return self._file is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)

    async def keep(self, dropped: Dropped) -> None:
        """Return once a message is on disk. Raises UsageError."""
        await asyncio.to_thread(self._keep, f"{dropped.model_dump_json()}\n".encode())

    def _keep(self, line: bytes) -> None:
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, _MODE)
                _sync_folder(self._path.parent)
            _write_all(self._file, line)
            os.fsync(self._file)
        except OSError as error:
            raise UsageError(
                f"--output {self._path}: {error.strerror}; nothing was deleted that isn't in it"
            ) from error


def _write_all(file: int, line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[os.write(file, left) :]


def _sync_folder(path: Path) -> None:
    """Let the file's name be on disk, too."""
    # Windows can't open a folder.
    with contextlib.suppress(PermissionError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
