"""One process that copies, with everything around it in memory and its time in the test's hand."""

import dataclasses
import hashlib
import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.copying import Copying, Describing, Engine, Fates, Hints, MemoryBudget, Wholes
from shared.copying.job import Job
from shared.model.assets import Asset
from shared.model.datasets import Dataset, Datasets
from shared.model.labels import labels
from shared.model.messages import LANES, CopyRequest, Queue
from shared.model.rows import LedgerRow
from shared.storage.blobs import BlobPath, Content
from shared.storage.meter import Meter
from tests.fakes import MemoryActivities, MemoryBlobs, MemoryFailures, MemoryHolds, MemoryLedger, MemoryQueues
from tests.fakes.catalogs import MemoryCatalog
from tests.fakes.sources import FakeSources, Version
from tests.unit.copying.wire import Action, Wire
from tests.unit.model.builders import NOON, asset, copy_request, dataset

#: Bytes of a block: small, so that a few bytes are a large asset.
BLOCK = 16
CHUNK = 7
BUDGET = 5 * BLOCK
DEADLINE = timedelta(minutes=20)


def tiff(length: int, *, seed: int = 0) -> bytes:
    """Bytes that begin as a TIFF does."""
    return (b"II*\0" + random.Random(seed).randbytes(length))[:length]


#: One Put Blob, and several blocks.
SMALL = tiff(10)
LARGE = tiff(3 * BLOCK + 5)


@dataclasses.dataclass(kw_only=True)
class Clock:
    """Stands still until a test turns it on."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """What time it is."""
        return self.now

    def turn(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


class World:
    """The twins, a wire to all of them, and what is made of them."""

    def __init__(self, *, blobs: MemoryBlobs | None = None, **parts: Any) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.blobs = blobs or MemoryBlobs()
        self.ledger = MemoryLedger()
        self.queues = MemoryQueues()
        self.failures = MemoryFailures()
        self.holds = MemoryHolds()
        self.hints = Hints(self.holds, clock=self.clock)
        self.activities = MemoryActivities()
        self.sources = FakeSources(chunk_bytes=CHUNK, pause=self.wire.point)
        self.catalog = MemoryCatalog({})
        self.budget = MemoryBudget(BUDGET)
        self.block_size = BLOCK
        self.dataset: Dataset = dataset(**parts)
        self.wire.tap(self.blobs, "blobs", "look", "put", "staged", "stage", "commit", "snapshot")
        self.wire.tap(self.ledger, "ledger", "of", "record")
        self.wire.tap(self.failures, "failures", "record")
        self.wire.tap(self.queues, "queues", "send")

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        return Engine(
            blobs=self.blobs,
            sources=self.sources,
            budget=self.budget,
            block_size=self.block_size,
            clock=self.clock,
            describe=Describing(lambda _: self.catalog).again,
        )

    @property
    def copying(self) -> Copying:
        """The use case."""
        return Copying(
            datasets=Datasets(datasets={"s2": self.dataset}),
            ledger=self.ledger,
            copy=self.engine.copy,
            fates=self.fates,
            wholes=Wholes(ledger=self.ledger, failures=self.failures, queues=self.queues),
            meter=Meter(self.activities, process="test", clock=self.clock, sleep=_no_pause),
            clock=self.clock,
            deadline=DEADLINE,
        )

    @property
    def fates(self) -> Fates:
        """Where failures meet theirs; chance is in the middle, so that delays are round."""
        return Fates(queues=self.queues, failures=self.failures, hints=self.hints, clock=self.clock, chance=lambda: 0.5)

    async def deliver(self, request: CopyRequest, *, lane: Queue = Queue.COPY) -> list[str]:
        """Deliver a request; return the calls that were made."""
        before = len(self.wire.calls)
        await self.copying.deliver(request.encode().encode(), lane=lane)
        return self.wire.calls[before:]

    def serve(self, each: Asset, *versions: Version | bytes) -> None:
        """Serve an asset's versions, one an opening."""
        served = [each if isinstance(each, Version) else version(each) for each in versions]
        self.sources.serve(each.href, *served)

    def job(self, each: Asset, **values: Any) -> Job:
        """One asset to copy, of which no row is known."""
        defaults: dict[str, Any] = {
            "dataset_name": "s2",
            "dataset": self.dataset,
            "asset": each,
            "cause": "run-1",
            "asked_at": NOON,
            "entry": None,
            "deadline": self.clock() + DEADLINE,
        }
        return Job(**{**defaults, **values})

    def row(self, each: Asset, body: bytes, **values: Any) -> LedgerRow:
        """The row of an asset that was copied with these bytes, at this time and from a source with a validator."""
        there = self.blobs.blobs.get(path(each))
        defaults: dict[str, Any] = {
            "dataset": "s2",
            "item": each.item,
            "key": each.key,
            "href": each.href,
            "container": "assets",
            "blob": each.name,
            "etag": there.etag if there else "",
            "length": len(body),
            "digests": digests(body),
            "verified_by": "nothing: the catalog and the source state no checksum that is known here",
            "validator": 'etag:"1"',
            "description": each.description,
            "described_at": NOON,
            "cause": "run-1",
            "completed_at": self.clock(),
        }
        return LedgerRow(**{**defaults, **values})

    def serve_two(self) -> CopyRequest:
        """A request for a small and a large asset, both of which are served."""
        one, two = asset(key="one", name="s2/one"), asset(key="two", name="s2/two")
        self.serve(one, SMALL)
        self.serve(two, LARGE)
        return request(one, two)

    def rows_of(self, asked: CopyRequest, **values: Any) -> list[LedgerRow]:
        """The rows of the two."""
        return [self.row(each, body, **values) for each, body in zip(asked.assets, (SMALL, LARGE), strict=True)]

    def other_writer(self, each: Asset, body: bytes, **values: Any) -> Action:
        """What another worker does: write these bytes at one go, over whatever stands there."""

        async def write() -> None:
            there = self.blobs.blobs.get(path(each))
            await MemoryBlobs.put(
                self.blobs,
                path(each),
                (body,),
                content=Content(
                    md5=md5(body), media_type="image/tiff", metadata=labels(self.row(each, body, **values))
                ),
                replaces=there.etag if there else None,
            )

        return write

    def bodies(self) -> Mapping[str, bytes]:
        """The bytes of each blob, by its name."""
        return {each.name: body for each, body in self.blobs.bodies.items()}

    def sent(self, queue: str) -> list[CopyRequest]:
        """The requests that were sent to a queue."""
        return [CopyRequest.decode(each.encode()) for each in self.queues.bodies(queue)]

    def sent_to_lanes(self) -> list[tuple[str, CopyRequest, timedelta]]:
        """Queue, request and delay of whatever is to be delivered."""
        return [
            (each.queue, CopyRequest.decode(each.body.encode()), each.delay)
            for each in self.queues.sent
            if each.queue in LANES
        ]


def path(each: Asset) -> BlobPath:
    """Where an asset's blob goes."""
    return BlobPath(container="assets", name=each.name)


def version(body: bytes, **values: Any) -> Version:
    """A version of a source that has a strong validator."""
    given: dict[str, Any] = {"body": body, "validator": 'etag:"1"', **values}
    return Version(**given)


def digests(body: bytes) -> tuple[str, ...]:
    """What a copy computes of a body, unless the dataset or a checksum asks for more: an MD5 where it is one block."""
    return sha256_and_md5(body) if len(body) <= BLOCK else (sha256(body),)


def sha256_and_md5(body: bytes) -> tuple[str, str]:
    """Both of them."""
    return sha256(body), f"md5:{md5(body).hex()}"


def md5(body: bytes) -> bytes:
    """The Content-MD5 of a body."""
    return hashlib.md5(body, usedforsecurity=False).digest()


def sha256(body: bytes) -> str:
    """A checksum as a catalog states it."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def request(*assets: Asset, **values: Any) -> CopyRequest:
    """A request of run-1 for these assets."""
    return copy_request(*(assets or (asset(),)), **values)


def keys(requests: Iterable[CopyRequest]) -> list[list[str]]:
    """Which assets each request is for."""
    return [[each.key for each in one.assets] for one in requests]


async def _no_pause(_: float) -> None:
    """Write activity down at once."""
