"""Blobs read again, and compared with the ledger."""

import asyncio
import hashlib
import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.census import Found, Mark, Verification, Verifying
from shared.census.rehashing import Rehash
from shared.copying.blocks import block_id, blocks_digest
from shared.model.assets import Asset
from shared.model.checksums import Algorithm, digest, new_hash
from shared.model.datasets import Datasets
from shared.model.errors import AssetNotFoundError, StorageFailedError, UnknownDatasetError
from shared.storage.blobs import BlobPath
from shared.storage.streams import Stream
from tests.unit.census.world import BODY, CountedWorld
from tests.unit.copying.world import LARGE, path, tiff
from tests.unit.discovery.world import items


class _Reading:
    """What reads the blobs of a world, and shows how."""

    def __init__(self, world: CountedWorld, *, chunk: int = 5) -> None:
        self.world = world
        self._chunk = chunk
        self.opened: list[str] = []
        self.now_open = self.most_open = 0
        #: Called before a blob is opened.
        self.before: Any = None
        #: Raised in place of a blob's last chunk.
        self.torn: Exception | None = None

    async def open(self, where: BlobPath) -> Stream:
        self.opened.append(where.name)
        if self.before is not None:
            await self.before(len(self.opened))
        if where not in self.world.blobs.blobs:
            raise AssetNotFoundError("there is no blob")
        body = self.world.blobs.bodies[where]
        return Stream(chunks=self._chunks(body), etag=self.world.blobs.blobs[where].etag, total=len(body))

    async def verify(self, **values: Any) -> tuple[list[Found], Verification]:
        found: list[Found] = []
        given: dict[str, Any] = {"chance": random.Random(1), **values}
        verifying = Verifying(
            datasets=Datasets(datasets={"s2": self.world.dataset}),
            rows=self.world.ledger,
            ledger=self.world.ledger,
            open_blob=self.open,
            clock=self.world.clock,
        )
        verification = await verifying.verify("s2", tell=found.append, **given)
        return sorted(found, key=lambda each: each.blob), verification

    async def _chunks(self, body: bytes) -> AsyncIterator[bytes]:
        self.now_open += 1
        self.most_open = max(self.most_open, self.now_open)
        for chunk in itertools.batched(body, self._chunk, strict=False):
            await asyncio.sleep(0)
            yield bytes(chunk)
        self.now_open -= 1
        if self.torn is not None:
            raise self.torn


async def _copied(count: int = 1, *, body: bytes = BODY, **parts: Any) -> _Reading:
    world = CountedWorld(*items(count), **parts)
    for each in world.assets:
        world.serve(each, body)
    await world.copy()
    return _Reading(world)


def _only(reading: _Reading) -> Asset:
    (asset,) = reading.world.assets
    return asset


async def test_all_blobs_are_right() -> None:
    """Every blob is read whole, and nothing is written."""
    reading = await _copied(3)
    before = dict(reading.world.ledger.entries), dict(reading.world.blobs.blobs)

    found, verification = await reading.verify()

    assert [each.line for each in found] == [f"= s2/s2/{number:03}/data/data.tif" for number in range(3)]
    assert verification == Verification(
        dataset="s2",
        began_at=reading.world.clock(),
        ended_at=reading.world.clock(),
        marks={Mark.SAME: 3, Mark.EXTRA: 0, Mark.MISSING: 0, Mark.DIFFERENT: 0, Mark.UNKNOWN: 0},
        bytes=3 * len(BODY),
    )
    assert verification.is_clean
    assert (dict(reading.world.ledger.entries), dict(reading.world.blobs.blobs)) == before


@pytest.mark.parametrize("digests", [["sha256"], ["md5"], ["md5", "sha256"], []], ids=str)
async def test_whatever_the_dataset_asks_for(digests: list[str]) -> None:
    """Digests of the whole, and that of the blocks' digests."""
    reading = await _copied(body=LARGE, policy={"digests": digests})

    found, _ = await reading.verify()

    assert [each.mark for each in found] == [Mark.SAME]


async def test_a_blob_that_rotted() -> None:
    """Other bytes under the same ETag, which nothing but reading shows."""
    reading = await _copied()
    asset = _only(reading)
    rotten = tiff(len(BODY), seed=9)
    reading.world.blobs.bodies[path(asset)] = rotten

    (found,), verification = await reading.verify()

    stated = reading.world.recorded(asset).digests[0]
    reason = f"the blob's bytes are sha256:{hashlib.sha256(rotten).hexdigest()}, the ledger has {stated}"
    assert found == Found(mark=Mark.DIFFERENT, blob=asset.name, item=asset.item, key=asset.key, reason=reason)
    assert not verification.is_clean


async def test_a_blob_of_another_length() -> None:
    """How many bytes there are is said rather than their digest."""
    reading = await _copied()
    reading.world.blobs.bodies[path(_only(reading))] = BODY[:-1]

    (found,), _ = await reading.verify()

    assert (found.mark, found.reason) == (Mark.DIFFERENT, "the blob has 11 bytes, the ledger 12")


async def test_a_missing_blob() -> None:
    """A row whose blob is gone."""
    reading = await _copied()
    reading.world.lose(_only(reading))

    (found,), verification = await reading.verify()

    assert (found.mark, found.reason) == (Mark.MISSING, "missing at the destination; the ledger has it")
    assert verification.bytes == 0


async def test_a_blob_that_was_written_anew() -> None:
    """The right bytes under another ETag aren't what the ledger tells of."""
    reading = await _copied()
    asset = _only(reading)
    before = reading.world.recorded(asset).etag
    await reading.world.overwrite(asset, BODY, with_labels=True)

    (found,), _ = await reading.verify()

    now = reading.world.blobs.blobs[path(asset)].etag
    reason = f"the bytes are right, and were written anew: the ETag is {now}, the ledger has {before}"
    assert (found.mark, found.reason) == (Mark.DIFFERENT, reason)


async def test_a_blob_that_cant_be_read() -> None:
    """It is told of, with what was read by then, and the others are read all the same."""
    reading = await _copied(2)
    reading.torn = StorageFailedError("blob a: read: 412 ConditionNotMet")

    found, verification = await reading.verify()

    reason = "it can't be read: blob a: read: 412 ConditionNotMet"
    assert [(each.mark, each.reason) for each in found] == [(Mark.UNKNOWN, reason)] * 2
    assert verification.bytes == 2 * len(BODY)


@pytest.mark.parametrize("stated", [(), ("blake3:00",), ("blocks-sha256:x:00",), ("blocks-sha256:0:00",)], ids=str)
async def test_a_row_without_a_known_digest(stated: tuple[str, ...]) -> None:
    """What nothing can be compared with isn't taken for right."""
    reading = await _copied()
    row = reading.world.recorded(_only(reading))
    await reading.world.record(row.model_copy(update={"digests": stated}))

    (found,), _ = await reading.verify()

    assert (found.mark, found.reason) == (Mark.UNKNOWN, "the ledger has no digest of it that is known here")


async def test_a_blob_that_is_copied_anew_meanwhile() -> None:
    """Its row is read again, and so is the blob."""
    reading = await _copied()
    asset = _only(reading)

    async def copy(opened: int) -> None:
        if opened == 1:
            await reading.world.overwrite(asset, LARGE, with_labels=False)
            await reading.world.record(reading.world.row(asset, LARGE))

    reading.before = copy

    (found,), verification = await reading.verify()

    assert (found.mark, len(reading.opened)) == (Mark.SAME, 2)
    assert verification.bytes == 2 * len(LARGE)


async def test_a_blob_that_is_copied_anew_again_and_again() -> None:
    """After a few rounds it is told as it was found last."""
    reading = await _copied()
    asset = _only(reading)

    async def copy(opened: int) -> None:
        row = reading.world.recorded(asset)
        await reading.world.overwrite(asset, BODY, with_labels=True)
        await reading.world.record(row.model_copy(update={"etag": f'"{opened}"'}))

    reading.before = copy

    (found,), _ = await reading.verify()

    assert (found.mark, len(reading.opened)) == (Mark.DIFFERENT, 3)


async def test_a_row_that_goes_away_meanwhile() -> None:
    """There is nothing to compare with any more; what was found stands."""
    reading = await _copied()
    asset = _only(reading)

    async def lose(_: int) -> None:
        reading.world.lose(asset)
        reading.world.unrecord(asset)

    reading.before = lose

    (found,), _ = await reading.verify()

    assert (found.mark, len(reading.opened)) == (Mark.MISSING, 1)


async def test_a_sample() -> None:
    """So many of them, the same ones for the same chance, others for another, and any of them some time."""
    reading = await _copied(10)

    chosen = [
        tuple(each.item for each in (await reading.verify(sample=3, chance=random.Random(seed)))[0])
        for seed in (1, 1, *range(2, 30))
    ]

    assert {len(set(each)) for each in chosen} == {3}
    assert chosen[0] == chosen[1]
    assert {each for some in chosen for each in some} == {f"s2/{number:03}" for number in range(10)}


async def test_a_sample_of_more_than_there_are() -> None:
    """All of them, and how many that is is said before they are read."""
    reading = await _copied(2)
    told: list[tuple[int, int]] = []

    def progress(total: int) -> None:
        told.append((total, len(reading.opened)))

    found, _ = await reading.verify(sample=5, progress=progress)

    assert (len(found), told) == (2, [(2, 0)])


async def test_few_are_read_at_once() -> None:
    """However many there are, and no more rows are held than these."""
    reading = await _copied(20)

    found, _ = await reading.verify()

    assert (len(found), reading.most_open) == (20, 4)


async def test_a_ledger_that_cant_be_read() -> None:
    """Its failure is raised alone, while blobs are being read."""
    reading = await _copied(6)
    rows = reading.world.ledger.all_of

    async def failing(dataset: str) -> AsyncIterator[Any]:
        async for each in rows(dataset):
            yield each
            if len(reading.opened) > 1:
                raise StorageFailedError("table ledger: query: 503")

    reading.world.ledger.all_of = failing

    with pytest.raises(StorageFailedError, match="503"):
        await reading.verify()


async def test_an_unknown_dataset() -> None:
    """There is nothing to read."""
    reading = await _copied()
    verifying = Verifying(
        datasets=Datasets(datasets={"landsat": reading.world.dataset}),
        rows=reading.world.ledger,
        ledger=reading.world.ledger,
        open_blob=reading.open,
        clock=reading.world.clock,
    )

    with pytest.raises(UnknownDatasetError):
        await verifying.verify("s2", tell=lambda _: None, chance=random.Random(1))


@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_every_digest_is_computed_again(algorithm: Algorithm) -> None:
    """Whatever a row may state, in chunks small and large."""
    body = random.Random(1).randbytes(600_000)
    right = new_hash(algorithm)
    right.update(body)
    rehash = Rehash([digest(algorithm, right.digest())])

    await rehash.update(body[:500_000])
    await rehash.update(body[500_000:])

    assert (rehash.length, rehash.is_possible, rehash.wrong) == (600_000, True, {})


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 48])
@pytest.mark.parametrize("chunk", [1, 7, 16, 100])
async def test_the_digest_of_blocks(length: int, chunk: int) -> None:
    """It is the one that a copy computes of its blocks, however the bytes come."""
    body = random.Random(2).randbytes(length)
    blocks = [body[start : start + 16] for start in range(0, length, 16)]
    ids = [block_id(bytes(12), index, sha256=hashlib.sha256(each).digest()) for index, each in enumerate(blocks)]
    rehash = Rehash([blocks_digest(ids, block_size=16), f"blocks-sha256:16:{'0' * 64}"])

    for start in range(0, length, chunk):
        await rehash.update(body[start : start + chunk])

    assert rehash.wrong == {f"blocks-sha256:16:{'0' * 64}": blocks_digest(ids, block_size=16)}
