"""CRCs, as object stores and manifests state them: what they prove, and what they don't."""

import pytest

from shared.copying.job import Copied, Kept
from shared.model.checksums import Algorithm, digest, new_hash
from shared.model.datasets import OnExisting
from shared.model.errors import BlobDiffersError, ChecksumMismatchError, StorageFailedError
from shared.model.labels import digests, label
from shared.storage.ledger import Entry, Write
from tests.fakes import MemoryLedger
from tests.fakes.sources import Version
from tests.unit.copying.world import LARGE, SMALL, World, path, tiff, version
from tests.unit.model.builders import asset

_BODIES = pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
_ALGORITHMS = pytest.mark.parametrize("algorithm", [Algorithm.CRC32, Algorithm.CRC32C, Algorithm.CRC64NVME])
#: The generator of CRC32, its bits in the order in which they are sent: whoever adds it to bytes keeps their CRC32.
_GENERATOR = (0x1DB710641).to_bytes(5, "little")


def _crc(algorithm: Algorithm, body: bytes) -> str:
    computed = new_hash(algorithm)
    computed.update(body)
    return digest(algorithm, computed.digest())


def _stating(body: bytes, *, of: bytes | None = None, **values: str | None) -> Version:
    """Bytes whose source states the CRC32 of them, or of others."""
    return version(body, stated={"crc32": _crc(Algorithm.CRC32, body if of is None else of)}, **values)


def _twin(body: bytes) -> bytes:
    """Other bytes of the same length and with the same CRC32."""
    changed = bytes(old ^ new for old, new in zip(body[4:9], _GENERATOR, strict=True))
    return body[:4] + changed + body[9:]


async def _stand(world: World, served: Version, **values: str) -> Entry:
    """Have the blob of an earlier run stand there."""
    world.serve(asset(), served)
    copied = await world.engine.copy(world.job(asset(**values), cause="run-0"))
    await MemoryLedger.record(world.ledger, [Write(row=copied.row)])
    world.sources.opened.clear()
    return world.ledger.entries["s2", asset().identity]


@_BODIES
@_ALGORITHMS
async def test_bytes_are_compared_with_a_crc(body: bytes, algorithm: Algorithm) -> None:
    """Row and blob say that it verified them."""
    world, crc = World(), _crc(algorithm, body)
    world.serve(asset(), version(body, stated={algorithm.value: crc}))

    outcome = await world.engine.copy(world.job(asset()))

    metadata = world.blobs.blobs[path(asset())].metadata
    assert isinstance(outcome, Copied)
    assert (outcome.row.verified_by, label(metadata, "verified_by")) == (f"source {crc}", f"source {crc}")
    assert crc in outcome.row.digests
    assert outcome.row.digests == digests(metadata)


@_BODIES
@_ALGORITHMS
async def test_a_wrong_crc_keeps_bytes_from_being_seen(body: bytes, algorithm: Algorithm) -> None:
    """Once they were fetched again, as with any other checksum."""
    world, wrong = World(), _crc(algorithm, b"others")
    world.serve(asset(), version(body, stated={algorithm.value: wrong}))

    with pytest.raises(ChecksumMismatchError, match=f"the source states {wrong}"):
        await world.engine.copy(world.job(asset()))

    assert (world.bodies(), world.sources.opened) == ({}, [asset().href] * 2)


@_BODIES
async def test_all_that_is_stated_has_to_agree(body: bytes) -> None:
    """A CRC that agrees is no excuse for a SHA-1 that doesn't."""
    world, wrong = World(), _crc(Algorithm.SHA1, b"others")
    world.serve(asset(), version(body, stated={"crc32c": _crc(Algorithm.CRC32C, body), "sha1": wrong}))

    with pytest.raises(ChecksumMismatchError, match=f"the source states {wrong}"):
        await world.engine.copy(world.job(asset()))

    assert world.bodies() == {}


@_BODIES
async def test_a_crc_is_enough_where_a_checksum_is_required(body: bytes) -> None:
    """It finds what a network or a disk does to bytes."""
    world = World(policy={"integrity": "require"})
    world.serve(asset(), _stating(body))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row.verified_by == f"source {_crc(Algorithm.CRC32, body)}"
    assert world.bodies() == {asset().name: body}


@_BODIES
async def test_a_blob_with_the_crc_of_the_catalog_is_kept(body: bytes) -> None:
    """As with any other checksum of a catalog: nothing is read."""
    world, crc = World(), _crc(Algorithm.CRC64NVME, body)
    entry = await _stand(world, version(body), checksum=crc)

    outcome = await world.engine.copy(world.job(asset(checksum=crc), entry=entry))

    assert outcome == Kept(row=entry.row.model_copy(update={"cause": "run-1"}))
    assert (outcome.row.verified_by, world.sources.opened) == (f"catalog {crc}", [])


async def test_blocks_have_a_digest_beside_a_crc() -> None:
    """A dataset that asks for no digest of the whole has more to prove bytes by than a CRC."""
    world = World(policy={"digests": []})
    world.serve(asset(), _stating(LARGE))

    outcome = await world.engine.copy(world.job(asset()))

    crc, blocks = outcome.row.digests
    assert (crc, blocks.rpartition(":")[0]) == (_crc(Algorithm.CRC32, LARGE), "blocks-sha256:16")
    assert digests(world.blobs.blobs[path(asset())].metadata) == (crc, blocks)


async def test_a_copy_with_a_crc_reads_the_whole() -> None:
    """What is staged is read once more, as for any other stated checksum, and not sent."""
    world = World(policy={"digests": []})
    world.serve(asset(), _stating(LARGE))
    world.wire.fail("blobs.commit", "before", StorageFailedError("500"))
    with pytest.raises(StorageFailedError):
        await world.engine.copy(world.job(asset()))
    world.wire.calls.clear()

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row.verified_by == f"source {_crc(Algorithm.CRC32, LARGE)}"
    assert (world.sources.rests, world.wire.calls.count("blobs.stage")) == ([], 0)
    assert world.bodies() == {asset().name: LARGE}


@_BODIES
@pytest.mark.parametrize("asked", [["sha256"], []], ids=["sha256", "blocks"])
async def test_a_crc_makes_no_two_bodies_the_same(body: bytes, asked: list[str]) -> None:
    """Other bytes with the same CRC32 are others: an immutable blob stays, and somebody has to look at it."""
    world = World(policy={"on_existing": OnExisting.IMMUTABLE, "digests": asked})
    entry = await _stand(world, _stating(body))
    world.serve(asset(), _stating(_twin(body), of=body, validator='etag:"2"'))

    with pytest.raises(BlobDiffersError):
        await world.engine.copy(world.job(asset(), entry=entry))

    assert world.bodies() == {asset().name: body}


@pytest.mark.parametrize("asked", [["sha256"], []], ids=["sha256", "blocks"])
async def test_the_same_bytes_with_a_crc_are_kept(asked: list[str]) -> None:
    """By the digest that stands beside it."""
    world = World(policy={"on_existing": OnExisting.IMMUTABLE, "digests": asked})
    entry = await _stand(world, _stating(LARGE))
    world.serve(asset(), _stating(LARGE, validator='etag:"2"'))

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    assert isinstance(outcome, Kept)
    assert outcome.row.etag == entry.row.etag


async def test_a_crc_does_not_say_that_a_source_has_not_changed() -> None:
    """Without a validator, and with no other checksum, the bytes are read."""
    world = World(policy={"on_existing": OnExisting.IF_SOURCE_CHANGED})
    entry = await _stand(world, _stating(SMALL, validator=None))
    world.serve(asset(), _stating(_twin(SMALL), of=SMALL, validator=None))

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    assert isinstance(outcome, Copied)
    assert world.bodies() == {asset().name: _twin(SMALL)}


def test_twins() -> None:
    """The twin of these tests is one: other bytes with the same CRC32."""
    twin = _twin(tiff(10))

    assert twin != tiff(10)
    assert _crc(Algorithm.CRC32, twin) == _crc(Algorithm.CRC32, tiff(10))
