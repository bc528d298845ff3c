import hashlib
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.copying.digests import Digests
from tests.unit.copying.conftest import Threads

_BODY = b"some bytes"
_MD5 = f"md5:{hashlib.md5(_BODY, usedforsecurity=False).hexdigest()}"
_SHA1 = f"sha1:{hashlib.sha1(_BODY, usedforsecurity=False).hexdigest()}"
_SHA256 = f"sha256:{hashlib.sha256(_BODY).hexdigest()}"
_SHA512 = f"sha512:{hashlib.sha512(_BODY).hexdigest()}"
#: From here on a piece is hashed in a thread.
_LARGE = 256 * 1024


async def _of(body: bytes, *expected: str) -> Digests:
    digests = Digests(expected)
    await digests.update((body,))
    return digests


async def test_sha256_and_md5_are_computed() -> None:
    """Unless somebody asks for less, a blob can be verified later, whatever the catalog knew."""
    digests = await _of(_BODY)

    assert digests.written == (_SHA256, _MD5)
    assert digests.md5 == hashlib.md5(_BODY, usedforsecurity=False).digest()
    assert digests.length == len(_BODY)


async def test_what_is_expected_is_computed_too() -> None:
    """Whatever algorithm a catalog uses."""
    digests = await _of(_BODY, _SHA512, _SHA1, _SHA256)

    assert set(digests.written) == {_SHA512, _SHA256, _SHA1, _MD5}
    assert digests.length == len(_BODY)


async def test_an_empty_body_has_digests() -> None:
    """An empty asset is verified like any other."""
    assert Digests(()).written[0] == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(body=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=6))
@settings(deadline=None)
async def test_digests_do_not_depend_on_how_a_body_is_cut(body: bytes, cuts: list[int]) -> None:
    """In pieces or whole: the same."""
    digests = Digests(())
    places = [0, *sorted(cuts), len(body)]

    for start, end in itertools.pairwise(places):
        await digests.update((body[start:end],))

    assert (digests.length, digests.written) == (len(body), (await _of(body)).written)


async def test_large_pieces_are_hashed_beside_the_loop(threads: Threads) -> None:
    """An invocation that hashes doesn't hold up its siblings; a small piece isn't worth a thread."""
    digests = Digests(())

    await digests.update((bytes(_LARGE // 2), bytes(_LARGE // 2 - 1)))
    for_small = threads.asked
    await digests.update((bytes(_LARGE // 2), bytes(_LARGE // 2)))

    assert (for_small, threads.asked) == (0, 1)


async def test_nothing_is_computed_that_nobody_asked_for(threads: Threads) -> None:
    """Hashes are what a copy takes longest for: without one, bytes are counted and no thread is asked."""
    digests = Digests((), wanted=())

    await digests.update((bytes(_LARGE),))

    assert (digests.length, digests.written, digests.md5, digests.is_needed) == (_LARGE, (), None, False)
    assert threads.asked == 0


async def test_what_is_expected_is_computed_though_nothing_is_wanted() -> None:
    """A stated checksum is always compared."""
    digests = Digests((_SHA1,), wanted=())

    await digests.update((_BODY,))

    assert (digests.written, digests.is_needed) == ((_SHA1,), True)
