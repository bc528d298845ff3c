"""Workers that die anywhere, and workers that don't know of each other: nothing is lost or torn, and no row lies."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.assets import Asset
from shared.model.datasets import OnExisting
from shared.model.errors import RetryableError, SourceThrottledError
from shared.model.items import CatalogAsset, CatalogItem
from shared.model.messages import CopyRequest
from shared.storage.blobs import BlobPath
from tests.fakes.sources import Version
from tests.unit.copying.wire import CrashError, When
from tests.unit.copying.world import BLOCK, BUDGET, World, path, request, sha256, tiff, version
from tests.unit.model.builders import asset

_LARGE = tiff(3 * BLOCK + 5)
_TRIES = 5


def _named(key: str, **values: object) -> Asset:
    return asset(key=key, name=f"s2/{key}", **values)


#: What the catalog says of it only when it is asked once more.
_CORRECTED = _named("corrected", checksum=sha256(tiff(45)))
#: A bundle of everything, and the bytes that each of its assets has to become; what isn't here ends as poison.
_BUNDLE = {
    _named("small"): version(tiff(10)),
    _named("empty", size=0): version(b""),
    _named("large"): version(_LARGE),
    _named("checked", checksum=sha256(tiff(40))): version(tiff(40)),
    _named("plain"): version(tiff(50), validator=None, states_length=False),
    _named("late"): version(tiff(12)),
    _named("corrected", checksum=sha256(b"")): version(tiff(45)),
    _named("gone"): None,
    _named("wrong", checksum=sha256(b"")): None,
}
_EXPECTED = {each.name: served.body for each, served in _BUNDLE.items() if served is not None}
_POISON = {each.name for each, served in _BUNDLE.items() if served is None}


@pytest.fixture(scope="module", params=["before", "after"])
def when(request: pytest.FixtureRequest) -> When:
    return request.param


async def test_a_worker_may_die_at_any_call(when: When) -> None:
    """Before or after the effect of each: redelivered until it ends, the request becomes what it would have become."""
    dies_at, died = 0, True
    while died:
        dies_at += 1
        run = _Run()
        run.world.wire.die(when, nth=dies_at)
        await run.until_all_is_done()
        died = run.crashes > 0
        run.check_the_end()

    assert dies_at > 60


@pytest.mark.parametrize("seed", range(24))
async def test_a_worker_may_die_again_and_again(seed: int) -> None:
    """Also faster than a copy takes: what is staged stays, so each life gets a little further.

    Whatever the dataset does to blobs that stand there: these are the request's own.
    """
    modes = list(OnExisting)
    run, chance = _Run(on_existing=modes[seed % len(modes)]), random.Random(seed)

    await run.until_all_is_done(lives=lambda: (chance.choice(["before", "after"]), chance.randint(20, 60)))

    run.check_the_end()


class _Run:
    """The lanes of a queue service, and a host that delivers what stands in them."""

    def __init__(self, *, on_existing: OnExisting = OnExisting.SKIP_VERIFIED) -> None:
        self.world = World(policy={"on_existing": on_existing})
        self.crashes = 0
        self._pending = [request(*_BUNDLE)]
        self._taken = 0
        for each, served in _BUNDLE.items():
            if served is not None:
                self.world.serve(each, served)
        self.world.serve(_named("wrong", checksum=sha256(b"")), tiff(20))
        busy = Version(error=SourceThrottledError("429", retry_after=timedelta(minutes=2)))
        self.world.serve(_named("late"), busy, tiff(12))
        self.world.catalog.items[_CORRECTED.item] = _item(_CORRECTED)
        self.world.wire.after_each(self._check)

    async def until_all_is_done(self, *, lives: Callable[[], tuple[When, int]] | None = None) -> None:
        """Deliver message after message, each until it is acknowledged; ``lives`` says how long each worker lives."""
        for _ in range(500):
            if not self._pending:
                return
            if lives is not None:
                when, nth = lives()
                self.world.wire.die(when, nth=nth)
            await self._deliver(self._pending[0])
        pytest.fail("it doesn't end")

    async def _deliver(self, asked: CopyRequest) -> None:
        try:
            await self.world.deliver(asked)
        except (CrashError, BaseExceptionGroup):
            assert self.world.wire.is_dead
            self.crashes += 1
            self.world.wire.revive()
        else:
            self._pending.remove(asked)
        assert self.world.budget.free == BUDGET
        lanes = self.world.sent_to_lanes()
        self._pending += [each for _, each, _ in lanes[self._taken :]]
        self._taken = len(lanes)

    def _check(self) -> None:
        """At every moment: each asset is somewhere, each blob is whole, each row tells of a blob that stands there."""
        world = self.world
        rows = {each.blob for each in world.ledger.rows}
        lanes = [*self._pending, *(each for _, each, _ in world.sent_to_lanes()[self._taken :])]
        waiting = {each.name for one in lanes for each in one.assets}
        poison = {each.name for one in world.sent("copy-poison") for each in one.assets}
        assert {each.name for each in _BUNDLE} == rows | waiting | poison
        assert world.bodies().items() <= _EXPECTED.items()
        for row in world.ledger.rows:
            blob = world.blobs.blobs[BlobPath(container=row.container, name=row.blob)]
            assert (row.etag, row.length, row.digests[0]) == (blob.etag, blob.length, sha256(_EXPECTED[row.blob]))

    def check_the_end(self) -> None:
        """Every asset is where it belongs, and poison says why."""
        world = self.world
        reasons = {(one.assets[0].key, one.reason.error) for one in world.sent("copy-poison") if one.reason}
        assert world.bodies() == _EXPECTED
        assert {each.blob for each in world.ledger.rows} == set(_EXPECTED)
        assert _CORRECTED.description in {each.description for each in world.ledger.rows}
        assert reasons == {("gone", "AssetNotFoundError"), ("wrong", "ChecksumMismatchError")}


@given(seed=st.integers(0, 2**32), validators=st.sampled_from([("1", "2"), ("1", "1"), (None, None)]))
@settings(deadline=None, max_examples=60)
async def test_a_message_that_is_delivered_twice_at_once(seed: int, validators: tuple[str | None, str | None]) -> None:
    """While its source changes: each blob is one whole version at every moment, and in the end its row names it."""
    chance, world = random.Random(seed), World()
    world.wire.stumble = lambda: chance.randint(0, 4)
    versions = {each: [_LARGE, tiff(len(_LARGE), seed=1)] for each in (_named("one"), _named("two"))}
    versions |= {_named("small"): [tiff(10), tiff(12)]}
    for each, bodies in versions.items():
        world.serve(each, *(version(body, validator=of) for body, of in zip(bodies, validators, strict=True)))
    world.wire.after_each(lambda: _check_whole(world, versions))

    await asyncio.gather(_redelivered(world, request(*versions)), _redelivered(world, request(*versions)))

    for row in world.ledger.rows:
        blob = world.blobs.blobs[BlobPath(container=row.container, name=row.blob)]
        assert (row.etag, row.length, row.digests[0]) == (blob.etag, blob.length, sha256(world.bodies()[row.blob]))
    assert {each.blob for each in world.ledger.rows} == {each.name for each in versions}
    assert world.budget.free == BUDGET


def _item(each: Asset) -> CatalogItem:
    """The item of an asset, as a catalog gives it that names the blob itself."""
    listed = CatalogAsset(key=each.key, href=each.href, checksum=each.checksum, destination=each.name)
    return CatalogItem(item=each.item, id=each.item, assets=(listed,))


async def _redelivered(world: World, asked: CopyRequest) -> None:
    """What the runtime does: five tries."""
    for _ in range(_TRIES):
        try:
            await world.deliver(asked)
        except RetryableError:
            continue
        return
    pytest.fail("it would be poison")


def _check_whole(world: World, versions: Mapping[Asset, list[bytes]]) -> None:
    for each, bodies in versions.items():
        assert world.blobs.bodies.get(path(each)) in [None, *bodies]
