"""What stands at the destination already, and what somebody else writes meanwhile."""

from collections.abc import Sequence
from typing import override

import pytest

from shared.copying.job import Copied, Kept
from shared.model.assets import Asset
from shared.model.errors import BlobConflictError, DestinationContendedError, NameTakenError, StorageFailedError
from shared.storage.blobs import Blob, BlobPath, Content
from shared.storage.ledger import Entry, Write
from tests.fakes import MemoryBlobs, MemoryLedger
from tests.fakes.sources import Version
from tests.unit.copying.wire import Action
from tests.unit.copying.world import BLOCK, BUDGET, World, md5, path, sha256, tiff, version
from tests.unit.model.builders import asset

_SMALL = tiff(10)
_LARGE = tiff(3 * BLOCK + 5)
_BODIES = pytest.mark.parametrize("body", [_SMALL, _LARGE], ids=["small", "large"])
#: The same length and other bytes.
_OTHER = {_SMALL: tiff(10, seed=1), _LARGE: tiff(3 * BLOCK + 5, seed=1)}


class _SlowLook(MemoryBlobs):
    """Between a commit and the look at what it made, something happens."""

    meanwhile: Action | None = None

    @override
    async def commit(
        self, path: BlobPath, block_ids: Sequence[str], *, content: Content, replaces: str | None = None
    ) -> Blob:
        await super().commit(path, block_ids, content=content, replaces=replaces)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return self.blobs[path]


async def _stand(world: World, served: Version, *, each: Asset | None = None) -> Entry:
    """Have the blob of an earlier run stand at the destination, and its row in the ledger."""
    world.serve(asset(), served)
    copied = await world.engine.copy(world.job(each or asset(), cause="run-0"))
    await MemoryLedger.record(world.ledger, [Write(row=copied.row)])
    world.sources.opened.clear()
    world.wire.calls.clear()
    return world.ledger.entries["s2", asset().identity]


@_BODIES
async def test_a_blob_with_the_stated_checksum_is_kept(world: World, body: bytes) -> None:
    """Its source isn't asked, and its row comes up to date: what verifies it was stated only since."""
    entry = await _stand(world, version(body))
    each = asset(checksum=sha256(body), size=len(body))

    outcome = await world.engine.copy(world.job(each, entry=entry))

    assert outcome == Kept(row=world.row(each, body, verified_by=f"catalog {sha256(body)}"))
    assert world.wire.calls == ["blobs.look"]


async def test_a_kept_row_says_what_the_blob_was_verified_by(world: World) -> None:
    """The source's own digest too, which nobody asks for any more."""
    each, stated = asset(checksum=sha256(_SMALL)), f"md5:{md5(_SMALL).hex()}"
    entry = await _stand(world, version(_SMALL, stated={"md5": stated}), each=each)

    outcome = await world.engine.copy(world.job(each, entry=entry))

    assert outcome == Kept(row=world.row(each, _SMALL, verified_by=f"catalog {sha256(_SMALL)}, source {stated}"))


@_BODIES
async def test_a_blob_of_the_same_version_is_kept(world: World, body: bytes) -> None:
    """Where the catalog states no checksum: by the source's validator, and nothing of the body is read."""
    entry = await _stand(world, version(body))

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    assert outcome == Kept(row=world.row(asset(), body))
    assert world.wire.calls == ["blobs.look", "source.read"]


@pytest.mark.parametrize(
    ("before", "now", "each"),
    [
        (version(_SMALL), version(_SMALL, validator='etag:"2"'), asset()),
        (version(_SMALL), version(_SMALL, validator=None), asset()),
        (version(_SMALL, validator=None), version(_SMALL, validator=None), asset()),
        (version(_SMALL), version(_OTHER[_SMALL]), asset(checksum=sha256(_OTHER[_SMALL]))),
        (version(_LARGE), version(_SMALL, validator='etag:"2"'), asset()),
        (version(_SMALL), version(_LARGE, validator='etag:"2"'), asset()),
        (version(_LARGE), version(_LARGE, validator='etag:"2"'), asset()),
        (version(_SMALL), version(tiff(11)), asset(size=11)),
    ],
    ids=["validator", "none now", "none", "checksum", "smaller", "larger", "large", "length"],
)
async def test_any_other_blob_is_replaced(world: World, before: Version, now: Version, each: Asset) -> None:
    """What can't be shown to be what was asked for is copied again, over what was read."""
    entry = await _stand(world, before)
    world.serve(each, now)

    outcome = await world.engine.copy(world.job(each, entry=entry))

    verified_by = {"verified_by": f"catalog {each.checksum}"} if each.checksum else {}
    assert outcome == Copied(row=world.row(each, now.body, validator=now.validator, **verified_by))
    assert outcome.row.etag != entry.row.etag
    assert world.bodies() == {each.name: now.body}


@_BODIES
async def test_a_blob_that_went_away_is_written_again(world: World, body: bytes) -> None:
    """A row whose blob somebody deleted is no reason to trust it."""
    entry = await _stand(world, version(body))
    world.blobs.blobs.clear()
    world.blobs.bodies.clear()

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    assert outcome == Copied(row=world.row(asset(), body))
    assert world.bodies() == {asset().name: body}


@_BODIES
async def test_a_blob_without_a_row_is_recognised(world: World, body: bytes) -> None:
    """A crash between commit and row: the next attempt finds its own blob and writes none."""
    first = await _stand(world, version(body))

    outcome = await world.engine.copy(world.job(asset(), cause="run-0"))

    assert outcome == Kept(row=first.row)
    assert not {"blobs.commit", "blobs.stage"}.intersection(world.wire.calls)


@_BODIES
async def test_a_blob_of_another_version_without_a_row_is_replaced(world: World, body: bytes) -> None:
    """What stands there isn't what the source has now."""
    await _stand(world, version(body))
    world.serve(asset(), version(_OTHER[body], validator='etag:"2"'))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), _OTHER[body], validator='etag:"2"'))
    assert world.bodies() == {asset().name: _OTHER[body]}


_WRITES = pytest.mark.parametrize(
    ("body", "write"), [(_SMALL, "blobs.put"), (_LARGE, "blobs.commit")], ids=["small", "large"]
)


@_WRITES
async def test_the_loser_succeeds_with_what_the_winner_wrote(world: World, body: bytes, write: str) -> None:
    """409, 412 or InvalidBlockList: the same bytes stand there, and that is what was wanted."""
    world.serve(asset(), version(body))
    world.wire.on(write, "before", world.other_writer(asset(), body, validator=None, cause="run-2"))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Kept(row=world.row(asset(), body))
    assert world.wire.calls.count(write) == 1


@_WRITES
async def test_a_commit_whose_answer_was_lost_is_a_success(world: World, body: bytes, write: str) -> None:
    """The SDK tries again, and its second try loses against its first."""
    world.serve(asset(), version(body))
    world.wire.fail(write, "after", BlobConflictError("409 BlobAlreadyExists"))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Kept(row=world.row(asset(), body))
    assert world.bodies() == {asset().name: body}


@_WRITES
async def test_the_loser_decides_again_about_other_bytes(world: World, body: bytes, write: str) -> None:
    """Another version came in between: the source is asked anew, and what stands there is replaced."""
    world.serve(asset(), version(body))
    world.wire.on(write, "before", world.other_writer(asset(), _OTHER[body], cause="run-0", validator=None))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), body))
    assert world.sources.opened == [asset().href] * 2
    assert world.bodies() == {asset().name: body}


@_WRITES
async def test_a_newer_version_by_somebody_else_is_kept(world: World, body: bytes, write: str) -> None:
    """The loser began with an older version; what stands there is what the source has now."""
    newer = version(_OTHER[body], validator='etag:"2"')
    world.serve(asset(), version(body), newer)
    world.wire.on(write, "before", world.other_writer(asset(), newer.body, cause="run-2", validator=newer.validator))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Kept(row=world.row(asset(), newer.body, validator=newer.validator))
    assert world.wire.calls.count(write) == 1


@_WRITES
async def test_a_message_that_is_delivered_twice_at_once_makes_one_blob(world: World, body: bytes, write: str) -> None:
    """The other delivery has read another version: its row is true of its blob, so nobody replaces that."""
    world.serve(asset(), version(body))
    world.wire.on(write, "before", world.other_writer(asset(), _OTHER[body], validator=None))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Kept(row=world.row(asset(), _OTHER[body], validator=None))
    assert world.wire.calls.count(write) == 1


@_WRITES
async def test_three_rounds_and_no_more(world: World, body: bytes, write: str) -> None:
    """Somebody else's blob each time: that is for the runtime to try again, and nothing was destroyed."""
    world.serve(asset(), version(body))
    for nth in (1, 2, 3):
        theirs = tiff(len(body), seed=10 + nth)
        world.wire.on(write, "before", world.other_writer(asset(), theirs, cause="run-0", validator=None), nth=nth)

    with pytest.raises(DestinationContendedError):
        await world.engine.copy(world.job(asset()))

    assert world.wire.calls.count(write) == 3
    assert world.bodies() == {asset().name: tiff(len(body), seed=13)}
    assert world.budget.free == BUDGET


@_WRITES
async def test_a_blob_in_the_way_that_goes_away_is_no_reason_to_fail(world: World, body: bytes, write: str) -> None:
    """The next round finds an empty place."""
    world.serve(asset(), version(body))
    world.wire.fail(write, "before", BlobConflictError("somebody was first"))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), body))
    assert world.wire.calls.count(write) == 2


@pytest.mark.parametrize("theirs", [tiff(7), _OTHER[_LARGE]], ids=["length", "bytes"])
async def test_what_stands_there_after_a_commit_is_compared(theirs: bytes) -> None:
    """A blob that replaced ours before the look at it isn't taken for ours: its ETag would stand in our row."""
    blobs = _SlowLook()
    world = World(blobs=blobs)
    world.serve(asset(), version(_LARGE))
    blobs.meanwhile = world.other_writer(asset(), theirs, cause="run-0", validator=None)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), _LARGE))
    assert world.bodies() == {asset().name: _LARGE}


async def test_a_storage_that_fails_is_no_conflict(world: World) -> None:
    """Could not tell isn't somebody else's write: it escapes at once."""
    world.serve(asset(), version(_LARGE))
    world.wire.fail("blobs.commit", "before", StorageFailedError("500"))

    with pytest.raises(StorageFailedError):
        await world.engine.copy(world.job(asset()))

    assert world.wire.calls.count("blobs.commit") == 1
    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


@_BODIES
@pytest.mark.parametrize("same", [True, False], ids=["same bytes", "other bytes"])
async def test_the_name_of_another_assets_blob_is_refused(world: World, body: bytes, *, same: bool) -> None:
    """Two assets with one name: the second is refused for good, and the first one's blob stays."""
    first, second = asset(key="one", name="s2/same"), asset(key="two", name="s2/same")
    theirs = body if same else _OTHER[body]
    world.serve(first, version(theirs))
    world.serve(second, version(body))
    await world.engine.copy(world.job(first))

    with pytest.raises(NameTakenError, match="s2/same"):
        await world.engine.copy(world.job(second))

    assert world.bodies() == {"s2/same": theirs}
    assert world.budget.free == BUDGET


async def test_the_name_is_looked_at_whatever_its_row_says(world: World) -> None:
    """An asset whose blob another dataset has taken since."""
    entry = await _stand(world, version(_SMALL))
    theirs = world.other_writer(asset(), _SMALL, dataset="other")
    await theirs()

    with pytest.raises(NameTakenError):
        await world.engine.copy(world.job(asset(), entry=entry))


@_BODIES
async def test_a_blob_of_nobody_is_replaced(world: World, body: bytes) -> None:
    """Also if it has the same bytes: only what we wrote says what it was verified by."""
    foreign = Content(md5=md5(body), media_type="image/tiff", metadata={"colour": "blue"})
    await MemoryBlobs.put(world.blobs, path(asset()), (body,), content=foreign)
    world.serve(asset(), version(body))

    outcome = await world.engine.copy(world.job(asset(checksum=f"md5:{md5(body).hex()}")))

    assert isinstance(outcome, Copied)
    assert world.bodies() == {asset().name: body}
    assert world.blobs.blobs[path(asset())].metadata["sluice_cause"] == "run-1"
