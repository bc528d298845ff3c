import base64
import hashlib
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.copying.blocks import (
    BLOCK_ID_LENGTH,
    MAX_BLOCK_BYTES,
    MAX_BLOCKS,
    BlockReader,
    block_id,
    block_size_for,
    version_of,
)
from shared.model.errors import AssetTooLargeError

_MIB = 1024 * 1024
_LARGEST = MAX_BLOCKS * MAX_BLOCK_BYTES


def _id(*, version: bytes = bytes(12), index: int = 0, data: bytes = b"block") -> str:
    return block_id(version, index, sha256=hashlib.sha256(data).digest())


def test_a_block_id_is_what_it_was_in_every_older_release() -> None:
    """Blocks that an older release staged are found again, and ids of one blob have one length for ever."""
    version = bytes.fromhex("000102030405060708090a0b")

    assert _id(version=version, index=7) == "AAECAwQFBgcICQoLAAAAB0lqyoDk2PKfuOjNgWw6-0jT8QOXCzou4WAMCMpnMm3u"


@pytest.mark.parametrize("index", [0, 1, MAX_BLOCKS - 1, 2**32 - 1])
def test_every_block_id_has_one_length(index: int) -> None:
    """Azure refuses ids of different lengths within a blob (400 InvalidBlobOrBlock) and ids of more than 64 bytes."""
    assert len(_id(index=index)) == BLOCK_ID_LENGTH == 64


def test_a_block_id_holds_version_index_and_digest() -> None:
    """Nothing of them is cut: equal ids mean equal bytes."""
    version = version_of('etag:"1"', 5)

    raw = base64.urlsafe_b64decode(_id(version=version, index=258))

    assert raw == version + b"\x00\x00\x01\x02" + hashlib.sha256(b"block").digest()


def test_ids_differ_by_version_index_and_bytes() -> None:
    """Two workers on one blob can't stage different bytes under one id."""
    ids = {_id(), _id(version=version_of('etag:"1"', 5)), _id(index=1), _id(data=b"other")}

    assert len(ids) == 4


def test_a_version_is_zeros_without_a_validator() -> None:
    """What has no strong validator has no version, whatever its length."""
    assert version_of(None, 5) == version_of(None, None) == bytes(12)


def test_a_version_is_a_validator_and_a_length() -> None:
    """Either alone isn't enough."""
    versions = {version_of(*each) for each in [('etag:"1"', 5), ('etag:"2"', 5), ('etag:"1"', 6), ('etag:"1"', None)]}

    assert len(versions) == 4
    assert {len(each) for each in versions} == {12}


@pytest.mark.parametrize(
    ("length", "expected_mib"),
    [
        (None, 4),
        (0, 4),
        (1, 4),
        (4 * _MIB - 1, 4),
        (4 * _MIB, 4),
        (4 * _MIB + 1, 4),
        # 195.3 GiB: fifty thousand blocks of 4 MiB.
        (195 * 1024 * _MIB, 4),
        (MAX_BLOCKS * 4 * _MIB, 4),
        (MAX_BLOCKS * 4 * _MIB + 1, 5),
        (196 * 1024 * _MIB, 5),
        (_LARGEST - 1, 4000),
        (_LARGEST, 4000),
    ],
)
def test_a_block_grows_with_its_asset(length: int | None, expected_mib: int) -> None:
    """A blob has at most 50,000 blocks, so the blocks of a larger asset are larger."""
    assert block_size_for(length, preferred=4 * _MIB) == expected_mib * _MIB


def test_a_block_is_as_preferred_where_that_is_enough() -> None:
    """Whatever is preferred, fifty thousand of them are not rounded."""
    assert block_size_for(16 * MAX_BLOCKS, preferred=16) == 16


def test_more_than_a_blob_holds_is_refused() -> None:
    """One byte more than 190.7 TiB can't be copied, and no byte of it is read to find out."""
    assert round(_LARGEST / 1024**4, 1) == 190.7

    with pytest.raises(AssetTooLargeError, match=str(_LARGEST + 1)):
        block_size_for(_LARGEST + 1, preferred=4 * _MIB)


@given(length=st.integers(0, _LARGEST), preferred=st.integers(1, 100 * _MIB))
def test_every_asset_fits_into_its_blocks(length: int, preferred: int) -> None:
    """Whatever the length: not more blocks than allowed, none larger than allowed, none smaller than preferred."""
    size = block_size_for(length, preferred=preferred)

    assert preferred <= size <= MAX_BLOCK_BYTES
    assert -(-length // size) <= MAX_BLOCKS


@given(chunks=st.lists(st.binary(max_size=40), max_size=12), size=st.integers(1, 30))
@settings(deadline=None)
async def test_blocks_are_the_stream_cut_evenly(chunks: list[bytes], size: int) -> None:
    """However the bytes come, empty chunks too: none is lost, doubled or moved, and only the last block is short."""
    reader = BlockReader(_stream(chunks), size=size)

    blocks = [await reader.next()]
    while len(blocks[-1]) == size:
        blocks.append(await reader.next())

    assert b"".join(blocks) == b"".join(chunks)
    assert {len(each) for each in blocks[:-1]} <= {size}
    assert await reader.next() == b""


async def test_a_reader_takes_no_chunk_before_it_needs_it() -> None:
    """What stands in memory is a block and the rest of a chunk, however long the body is."""
    taken: list[bytes] = []
    reader = BlockReader(_stream([b"abc", b"def", b"ghi", b"jkl"], taken=taken), size=4)

    assert await reader.next() == b"abcd"
    assert taken == [b"abc", b"def"]


async def _stream(chunks: Sequence[bytes], *, taken: list[bytes] | None = None) -> AsyncIterator[bytes]:
    for each in chunks:
        if taken is not None:
            taken.append(each)
        yield each
