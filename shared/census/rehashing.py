"""The digests that a ledger row states, computed again from a blob's bytes."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping

from shared.model.checksums import BLOCKS, Algorithm, Hash, new_hash

#: Less is hashed on the loop: a thread costs more than it does.
_THREAD_FROM = 256 * 1024


class Rehash:
    """Those of the stated digests that can be computed."""

    def __init__(self, stated: Iterable[str]) -> None:
        hashes = {each: _hash(each) for each in stated}
        self._hashes = {each: found for each, found in hashes.items() if found is not None}
        #: Bytes so far.
        self.length = 0

    @property
    def is_possible(self) -> bool:
        """Whether there is any."""
        return bool(self._hashes)

    async def update(self, chunk: bytes) -> None:
        """Take more bytes in; many of them in a thread, so that the loop stays free."""
        self.length += len(chunk)
        if len(chunk) < _THREAD_FROM:
            self._update(chunk)
        else:
            await asyncio.to_thread(self._update, chunk)

    @property
    def wrong(self) -> Mapping[str, str]:
        """Those that the bytes don't have, each with the one that they have."""
        computed = {each: f"{each.rpartition(':')[0]}:{made.digest().hex()}" for each, made in self._hashes.items()}
        return {stated: found for stated, found in computed.items() if stated != found}

    def _update(self, chunk: bytes) -> None:
        for each in self._hashes.values():
            each.update(chunk)


class _Blocks:
    """The SHA-256 of the digests of blocks, as ``blocks-sha256:<block size>:<hex>`` has it."""

    digest_size = 32

    def __init__(self, size: int) -> None:
        self._size = size
        self._whole = hashlib.sha256()
        self._block = hashlib.sha256()
        self._missing = size

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""
        view = memoryview(data)
        while view:
            piece, view = view[: self._missing], view[self._missing :]
            self._block.update(piece)
            self._missing -= len(piece)
            if self._missing == 0:
                self._whole.update(self._block.digest())
                self._block, self._missing = hashlib.sha256(), self._size

    def digest(self) -> bytes:
        """Of the whole blocks, and of what came after them."""
        whole = self._whole.copy()
        if self._missing < self._size:
            whole.update(self._block.digest())
        return whole.digest()


def _hash(stated: str) -> Hash | None:
    """What computes a digest; None for one that is none of ours."""
    try:
        if stated.startswith(BLOCKS):
            size = int(stated.removeprefix(BLOCKS).partition(":")[0])
            return _Blocks(size) if size > 0 else None
        return new_hash(Algorithm(stated.partition(":")[0]))
    except ValueError:
        return None
