"""Blocks: how a body is cut, and how a block is called.

A block's id holds the version of its source, its index and the digest of its bytes. Equal ids mean equal bytes whatever
a source claims, so two workers on one blob can't mix versions, and a retry finds in the block list what is staged.
"""

import base64
import hashlib
from collections.abc import AsyncIterator

from shared.model.errors import AssetTooLargeError

#: Azure's limits for a block blob (https://learn.microsoft.com/rest/api/storageservices/put-block-list).
MAX_BLOCKS = 50_000
MAX_BLOCK_BYTES = 4000 * 1024 * 1024
#: Ids of one blob have one length for ever: 12 + 4 + 32 bytes in Base64. Azure allows 64.
BLOCK_ID_LENGTH = 64

_MIB = 1024 * 1024
_VERSION_BYTES = 12


def block_id(version: bytes, index: int, *, sha256: bytes) -> str:
    """The id of a block: version of the source, index, digest of its bytes."""
    return base64.urlsafe_b64encode(version + index.to_bytes(4, "big") + sha256).decode()


def version_of(validator: str | None, length: int | None) -> bytes:
    """A source's version within a block id; zeros where the source has no strong validator."""
    if validator is None:
        return bytes(_VERSION_BYTES)
    return hashlib.sha256(f"{validator}\n{length}".encode()).digest()[:_VERSION_BYTES]


def block_size_for(length: int | None, *, preferred: int) -> int:
    """The size of a blob's blocks: as preferred, or as many MiB more as 50,000 blocks need.

    Raises AssetTooLargeError for more than a blob can hold.
    """
    needed = -(-(length or 0) // MAX_BLOCKS)
    size = preferred if needed <= preferred else -(-needed // _MIB) * _MIB
    if size > MAX_BLOCK_BYTES:
        raise AssetTooLargeError(f"{length} bytes are more than a block blob holds")
    return size


class BlockReader:
    """Cuts a stream into blocks of one size; the last may be shorter."""

    def __init__(self, chunks: AsyncIterator[bytes], *, size: int) -> None:
        self._chunks = chunks
        self._size = size
        self._over = b""

    async def next(self) -> bytes:
        """The next block; shorter than the size, or empty, at the end alone."""
        parts: list[bytes] = []
        missing = self._size
        while missing > 0:
            chunk = self._over or await anext(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk[:missing])
            self._over = chunk[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)
