import base64
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.copying.blocks import (
    BLOCK_ID_LENGTH,
    MAX_BLOCK_BYTES,
    MAX_BLOCKS,
    BlockName,
    BlockReader,
    block_id,
    block_name,
    block_size_for,
    blocks_digest,
    head,
    version_of,
)
from shared.model.errors import AssetTooLargeError

_MIB = 1024 * 1024
#: Chunks from here on are pieces of their own.
_PIECE = 16 * 1024
_LARGEST = MAX_BLOCKS * MAX_BLOCK_BYTES


def _version(validator: str | None = 'etag:"1"', length: int | None = 5, **values: Any) -> bytes:
    given: dict[str, Any] = {"href": "https://a.org/a", "block_size": 4, "chained": False, **values}
    return version_of(validator, length, **given)


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
    version = _version()

    raw = base64.urlsafe_b64decode(_id(version=version, index=258))

    assert raw == version + b"\x00\x00\x01\x02" + hashlib.sha256(b"block").digest()


def test_ids_differ_by_version_index_and_bytes() -> None:
    """Two workers on one blob can't stage different bytes under one id."""
    ids = {_id(), _id(version=_version()), _id(index=1), _id(data=b"other")}

    assert len(ids) == 4


@given(version=st.binary(min_size=12, max_size=12), index=st.integers(0, MAX_BLOCKS), data=st.binary())
def test_an_id_can_be_read(version: bytes, index: int, data: bytes) -> None:
    """What is staged says which bytes of which version it has."""
    name = block_name(_id(version=version, index=index, data=data))

    assert name == BlockName(version=version, index=index, sha256=hashlib.sha256(data).digest())


@pytest.mark.parametrize("text", ["", "AAAA", "0" * 48, "+" * 64, "/" * 64, "é" * 64, "=" * 64, "A" * 63, "A" * 68])
def test_an_id_of_somebody_else_is_none(text: str) -> None:
    """Other tools stage blocks, too, and call them what they like."""
    assert block_name(text) is None


def test_a_version_is_zeros_without_a_validator() -> None:
    """What has no strong validator has no version, whatever its length."""
    assert _version(None, 5) == _version(None, None) == bytes(12)


def test_a_version_is_what_it_was_in_every_older_release() -> None:
    """A copy that an older release began goes on where it stopped."""
    assert _version() == hashlib.sha256(b'etag:"1"\n5\n4\nhttps://a.org/a').digest()[:12]


def test_a_version_is_everything_that_an_index_depends_on() -> None:
    """Validator, length, href, block size and what the digests are of: any of them alone isn't enough."""
    versions = {
        _version(),
        _version('etag:"2"'),
        _version(length=6),
        _version(length=None),
        _version(href="https://data.example.org/b.tif"),
        _version(block_size=5),
        _version(chained=True),
        _version(None),
        _version(None, chained=True),
    }

    assert len(versions) == 9
    assert {len(each) for each in versions} == {12}


def test_chained_blocks_of_another_size_are_others_without_a_validator_too() -> None:
    """The last blocks of one body end at the same byte, and begin where the blocks' size says."""
    body = bytes(range(53))
    last = {size: body[3 * size :] for size in (16, 17)}

    ids = {_id(version=_version(None, chained=True, block_size=size), index=3, data=body) for size in last}

    assert {size: len(each) for size, each in last.items()} == {16: 5, 17: 2}
    assert len(ids) == 2


def test_a_chained_version_without_a_validator_is_that_of_the_size_alone() -> None:
    """Two copies of the same bytes name their blocks alike, whatever their source states of them."""
    assert _version(None, 5, chained=True) == _version(None, None, chained=True, href="https://b.org/b")


def test_the_digest_of_blocks_can_be_computed_again() -> None:
    """From the bytes alone, by whoever has them."""
    body, size = bytes(range(10)), 4
    blocks = [body[start : start + size] for start in range(0, len(body), size)]

    found = blocks_digest([_id(index=index, data=each) for index, each in enumerate(blocks)], block_size=size)

    again = hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in blocks)).hexdigest()
    assert found == f"blocks-sha256:4:{again}"
    assert again == "a9a9320f61d39f5cef1d508c2a961fb35e3310824c4ad8f6de4f5838e9c1dfec"


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

    blocks = [b"".join(await reader.next())]
    while len(blocks[-1]) == size:
        blocks.append(b"".join(await reader.next()))

    assert b"".join(blocks) == b"".join(chunks)
    assert {len(each) for each in blocks[:-1]} <= {size}
    assert await reader.next() == ()


async def test_a_reader_takes_no_chunk_before_it_needs_it() -> None:
    """What stands in memory is a block and the rest of a chunk, however long the body is."""
    taken: list[bytes] = []
    reader = BlockReader(_stream([b"abc", b"def", b"ghi", b"jkl"], taken=taken), size=4)

    assert await reader.next() == (b"abcd",)
    assert taken == [b"abc", b"def"]


async def test_chunks_are_handed_on_as_they_came() -> None:
    """They are never joined; what is cut at a block's end is the last one only."""
    chunks = [bytes([number]) * _PIECE for number in range(3)]
    reader = BlockReader(_stream(chunks), size=2 * _PIECE + 100)

    first, last = await reader.next(), await reader.next()

    assert (first[0] is chunks[0], first[1] is chunks[1]) == (True, True)
    assert [[len(each) for each in block] for block in (first, last)] == [[_PIECE, _PIECE, 100], [_PIECE - 100]]


@given(lengths=st.lists(st.sampled_from([0, 1, 100, _PIECE - 1, _PIECE, _PIECE + 1]), max_size=60))
@settings(deadline=None)
async def test_a_trickle_is_put_together(lengths: list[int]) -> None:
    """Of two pieces that follow each other at most one is small: bytes that come one by one don't cost forty each."""
    chunks = [bytes([number]) * length for number, length in enumerate(lengths)]

    pieces = await BlockReader(_stream(chunks), size=100 * _PIECE).next()

    assert b"".join(pieces) == b"".join(chunks)
    assert all(len(one) + len(two) > _PIECE for one, two in itertools.pairwise(pieces))
    assert all(len(each) <= _PIECE + 1 for each in pieces)


@pytest.mark.parametrize(
    ("lengths", "expected"), [([], 0), ([5], 5), ([_PIECE] * 5, 4 * _PIECE), ([100 * _PIECE, 5], 100 * _PIECE)]
)
def test_a_head_is_enough_to_look_at(lengths: list[int], expected: int) -> None:
    """The first pieces up to 64 KiB: a block isn't joined to be looked at."""
    pieces = [bytes([number]) * length for number, length in enumerate(lengths)]

    assert head(pieces) == b"".join(pieces)[:expected]


async def _stream(chunks: Sequence[bytes], *, taken: list[bytes] | None = None) -> AsyncIterator[bytes]:
    for each in chunks:
        if taken is not None:
            taken.append(each)
        yield each
