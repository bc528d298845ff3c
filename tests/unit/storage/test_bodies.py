import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.storage.bodies import Pieces, body_of, md5_of

_LARGE = bytes(range(256)) * 1500


async def _sent(pieces: Pieces) -> list[bytes]:
    return [bytes(each) async for each in pieces]


async def test_a_body_can_be_sent_again() -> None:
    """A retry begins with the first byte, whatever was sent of the try before."""
    pieces = Pieces([b"a", b"b"])

    begun = await anext(aiter(pieces))

    assert begun == b"a"
    assert [await _sent(pieces), await _sent(pieces)] == [[b"a", b"b"]] * 2


async def test_large_pieces_are_sent_in_parts() -> None:
    """No write holds the event loop up, and none copies: each is a view of the piece."""
    pieces = Pieces([_LARGE, b"end"])

    sent = [each async for each in pieces]

    assert [len(each) for each in sent] == [262_144, len(_LARGE) - 262_144, 3]
    assert b"".join(sent) == _LARGE + b"end"
    assert isinstance(sent[0], memoryview)
    assert sent[0].obj is _LARGE


async def test_a_body_keeps_its_pieces() -> None:
    """Who gives a list and empties it doesn't shorten a request that is under way: it would hang."""
    given = [b"a", b"b"]
    pieces = Pieces(given)

    given.clear()

    assert (len(pieces), await _sent(pieces)) == (2, [b"a", b"b"])


@pytest.mark.parametrize("given", [[], [b"a"], [b"a", b"", b"b"]])
def test_a_small_body_is_sent_as_bytes(given: list[bytes]) -> None:
    """That costs less than several writes."""
    assert body_of(Pieces(given)) == b"".join(given)


def test_a_single_piece_is_not_copied() -> None:
    """Joining one piece is that piece."""
    (given,) = pieces = [b"some bytes"]

    assert body_of(Pieces(pieces)) is given


def test_a_large_body_is_not_joined() -> None:
    """It would be held twice."""
    pieces = Pieces([_LARGE, _LARGE])

    assert body_of(pieces) is pieces


@pytest.mark.parametrize("given", [[], [b"a", b"b"], [_LARGE, b"end"]], ids=["empty", "small", "large"])
async def test_the_md5_is_of_all_pieces(given: list[bytes]) -> None:
    """Small bodies are hashed at once, large ones in a thread: both give the same."""
    assert await md5_of(Pieces(given)) == hashlib.md5(b"".join(given), usedforsecurity=False).digest()


def test_the_crc64_is_the_one_that_azure_checks() -> None:
    """CRC-64/NVME, by its published check value, low byte first."""
    assert Pieces([b"123456789"]).crc64 == (0xAE8B14860A799888).to_bytes(8, "little")


@given(pieces=st.lists(st.binary(max_size=300), max_size=8))
def test_the_crc64_is_of_all_pieces(pieces: list[bytes]) -> None:
    """However they are cut, empty ones too: the service knows nothing of pieces."""
    assert Pieces(pieces).crc64 == Pieces([b"".join(pieces)]).crc64


@pytest.mark.parametrize("position", [0, len(_LARGE) // 2, len(_LARGE) - 1, len(_LARGE)])
def test_a_single_bit_makes_another_crc64(position: int) -> None:
    """In whichever piece it is."""
    pieces = [_LARGE, b"end"]
    whole = bytearray(b"".join(pieces))
    whole[position] ^= 1

    changed = Pieces([bytes(whole)])

    assert changed.crc64 != Pieces(pieces).crc64
