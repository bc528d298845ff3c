"""Blocks: how a body is cut, and how a block is called.

A block's id holds the version of its source, its index and a digest: of the block's bytes, or, where the SHA-256 of
the whole is computed in any case, of all bytes from the first to the block's last (``chained``). Equal ids mean equal
bytes whatever a source claims, so two workers on one blob can't mix versions, and a retry finds in the block list what
is staged.
"""

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence

from shared.model.checksums import BLOCKS
from shared.model.errors import AssetTooLargeError

#: Azure's limits for a block blob (https://learn.microsoft.com/rest/api/storageservices/put-block-list).
MAX_BLOCKS = 50_000
MAX_BLOCK_BYTES = 4000 * 1024 * 1024
#: Ids of one blob have one length for ever: 12 + 4 + 32 bytes in Base64. Azure allows 64.
BLOCK_ID_LENGTH = 64

_MIB = 1024 * 1024
_VERSION_BYTES = 12
_INDEX_BYTES = 4
#: Shorter chunks are put together up to here: as an object of its own, each byte of a trickle would cost forty.
_PIECE_BYTES = 16 * 1024
_HEAD_BYTES = 64 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlockName:
    """What a block's id says."""

    version: bytes
    index: int
    sha256: bytes


def block_id(version: bytes, index: int, *, sha256: bytes) -> str:
    """The id of a block: version of the source, index, and the digest that says which bytes it has."""
    return base64.urlsafe_b64encode(version + index.to_bytes(_INDEX_BYTES, "big") + sha256).decode()


def block_name(text: str) -> BlockName | None:
    """Read an id; None for one that is none of ours."""
    try:
        raw = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        return None
    if len(text) != BLOCK_ID_LENGTH or base64.urlsafe_b64encode(raw).decode() != text:
        return None
    index, sha256 = raw[_VERSION_BYTES:][:_INDEX_BYTES], raw[_VERSION_BYTES + _INDEX_BYTES :]
    return BlockName(version=raw[:_VERSION_BYTES], index=int.from_bytes(index, "big"), sha256=sha256)


def version_of(validator: str | None, length: int | None, *, href: str, block_size: int, chained: bool) -> bytes:
    """A source's version within a block id; of a source without a strong validator, what its digests are of.

    Who goes on after staged blocks trusts their index, too. So it has to be an index of blocks of this size, and of
    this href: servers make ETags of a file's length and time, and another file can have both. And as the digests in
    their ids become ``blocks-sha256``, they have to be those of single blocks.
    """
    # Unchained as older releases have it, so that copies which they began go on.
    way = "chained\n" if chained else ""
    if validator is not None:
        return _hashed(f"{way}{validator}\n{length}\n{block_size}\n{href}")
    # A chained digest says where a block ends, and its index where it begins once the size of all is known.
    return _hashed(f"{way}{block_size}") if chained else bytes(_VERSION_BYTES)


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_VERSION_BYTES]


def head(pieces: Sequence[bytes]) -> bytes:
    """The first of a body's pieces, joined: at least 64 KiB where there are as many, so that they can be looked at."""
    first: list[bytes] = []
    for each in pieces:
        first.append(each)
        if sum(map(len, first)) >= _HEAD_BYTES:
            break
    return b"".join(first)


def blocks_digest(ids: Iterable[str], *, block_size: int) -> str:
    """The digest of a blob's blocks, ``blocks-sha256:<block size in bytes>:<hex>``, from their unchained ids in order.

    It is the SHA-256 of the SHA-256 digests (32 bytes each, as they are) of the blob's bytes, cut into blocks of this
    size of which the last may be shorter. So whoever has the bytes can compute it again::

        blocks = (body[start : start + size] for start in range(0, len(body), size))
        hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).hexdigest()
    """
    names = (block_name(each) for each in ids)
    return f"{BLOCKS}{block_size}:{hashlib.sha256(b''.join(each.sha256 for each in names if each)).hexdigest()}"


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
    """Cuts a stream into blocks of one size; the last may be shorter.

    A block is the chunks that came, never joined: that would cost a copy of every byte.
    """

    def __init__(self, chunks: AsyncIterator[bytes], *, size: int) -> None:
        self._chunks = chunks
        self._size = size
        self._over = b""

    @property
    def size(self) -> int:
        """Bytes of a block."""
        return self._size

    async def next(self) -> Sequence[bytes]:
        """The pieces of the next block; shorter than the size, or empty, at the end alone."""
        pieces: list[bytes] = []
        small = bytearray()
        missing = self._size
        while missing > 0:
            chunk = self._over or await anext(self._chunks, None)
            if chunk is None:
                break
            piece, self._over = chunk[:missing], chunk[missing:]
            missing -= len(piece)
            if small and len(small) + len(piece) > _PIECE_BYTES:
                pieces.append(bytes(small))
                small.clear()
            if len(piece) < _PIECE_BYTES:
                small += piece
            else:
                pieces.append(piece)
        return (*pieces, bytes(small)) if small else tuple(pieces)
