"""One delivery of a copy request: what is skipped, in which order things are done, and what a repetition does."""

import asyncio
import dataclasses
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, override

import pytest

from shared.copying import Copying
from shared.copying.job import Copied, Job, Outcome
from shared.model.errors import (
    DestinationContendedError,
    StorageFailedError,
)
from shared.model.messages import CopyRequest, Queue
from shared.model.rows import Activity, LedgerRow
from shared.storage.ledger import Write
from tests.fakes import MemoryLedger
from tests.unit.copying.wire import Action, CrashError
from tests.unit.copying.world import DEADLINE, LARGE, SMALL, World, path, request, tiff
from tests.unit.model.builders import NOON, asset, dataset

_BODIES = pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])


async def _insert(world: World, *rows: LedgerRow) -> None:
    """What another worker writes, over whatever row stands there."""
    for row in rows:
        there = world.ledger.entries.get((row.dataset, (row.item, row.key)))
        await MemoryLedger.record(world.ledger, [Write(row=row, replaces=there.etag if there else None)])


async def test_a_request_becomes_blobs_and_rows(world: World) -> None:
    """Every asset is a blob and a row, and nothing is sent."""
    asked = world.serve_two()

    await world.deliver(asked)

    assert world.bodies() == {"s2/one": SMALL, "s2/two": LARGE}
    assert world.ledger.rows == world.rows_of(asked)
    assert (world.queues.sent, world.failures.rows) == ([], {})


async def test_a_second_delivery_reads_the_ledger_and_does_nothing_else(world: World) -> None:
    """One query; neither source nor blob is touched."""
    asked = world.serve_two()
    await world.deliver(asked)
    rows, opened = world.ledger.rows, list(world.sources.opened)

    calls = await world.deliver(asked)

    assert calls == ["ledger.of"]
    assert (world.ledger.rows, world.sources.opened) == (rows, opened)


async def test_blobs_come_before_rows(world: World) -> None:
    """Look at the ledger, commit, and then write the rows of all in one transaction; the caller acknowledges last."""
    calls = await world.deliver(world.serve_two())

    assert calls[0] == "ledger.of"
    assert calls.index("ledger.record") > max(calls.index("blobs.put"), calls.index("blobs.commit"))
    assert (calls.count("ledger.record"), calls[-1]) == (1, "ledger.record")


async def test_what_this_cause_has_brought_is_not_brought_again(world: World) -> None:
    """A request that was half done when its worker died: the other half is what is left."""
    asked = world.serve_two()
    await world.deliver(asked.of(asked.assets[:1]))

    await world.deliver(asked)

    assert world.sources.opened == [each.href for each in asked.assets]
    assert world.ledger.rows == world.rows_of(asked)


async def test_a_description_older_than_the_rows_is_done(world: World) -> None:
    """A request that comes late doesn't bring back what the catalog said earlier."""
    newer, older = asset(updated=NOON, size=10), asset(updated=NOON - timedelta(days=1), size=9)
    world.serve(newer, SMALL)
    await world.deliver(request(newer, cause="run-2"))

    calls = await world.deliver(request(older))

    assert calls == ["ledger.of"]
    assert world.ledger.rows == [world.row(newer, SMALL, cause="run-2")]


async def test_the_next_run_keeps_a_blob_that_agrees(world: World) -> None:
    """Its row comes up to date: which run asked last, and when."""
    world.serve(asset(), SMALL)
    await world.deliver(request())
    etag = world.blobs.blobs[path(asset())].etag
    world.clock.turn(timedelta(days=1))

    await world.deliver(request(cause="run-2", asked_at=NOON + timedelta(days=1)))

    assert world.ledger.rows == [
        world.row(asset(), SMALL, etag=etag, cause="run-2", described_at=NOON + timedelta(days=1))
    ]


@_BODIES
@pytest.mark.parametrize("moment", ["after the commit", "before the row"])
async def test_a_crash_between_blob_and_row_heals_itself(world: World, body: bytes, moment: str) -> None:
    """The next delivery recognises the blob, writes none, and writes the row."""
    world.serve(asset(), body)
    commit = "blobs.put" if body == SMALL else "blobs.commit"
    world.wire.on(*((commit, "after") if moment == "after the commit" else ("ledger.record", "before")), _crash)
    with pytest.raises((CrashError, BaseExceptionGroup)):
        await world.deliver(request())
    etag, rows = world.blobs.blobs[path(asset())].etag, world.ledger.rows

    calls = await world.deliver(request())

    assert rows == []
    assert world.ledger.rows == [world.row(asset(), body, etag=etag)]
    assert not {"blobs.stage", "blobs.commit"}.intersection(calls)
    assert world.blobs.blobs[path(asset())].etag == etag


async def _crash() -> None:
    raise CrashError


async def test_a_row_whose_answer_was_lost_is_a_row(world: World) -> None:
    """The delivery can't know and fails; the next one sees that all is done."""
    asked = world.serve_two()
    world.wire.fail("ledger.record", "after", StorageFailedError("no answer"))
    with pytest.raises(StorageFailedError):
        await world.deliver(asked)

    calls = await world.deliver(asked)

    assert calls == ["ledger.of"]
    assert world.ledger.rows == world.rows_of(asked)


async def test_a_row_by_somebody_else_is_decided_about_again(world: World) -> None:
    """Another run has brought the same asset meanwhile: the blob is kept, and its row replaces the one read anew."""
    asked = world.serve_two()
    world.wire.on("ledger.record", "before", _meanwhile(world, asked, cause="run-0"))

    calls = await world.deliver(asked)

    assert world.ledger.rows == world.rows_of(asked)
    assert calls.count("ledger.of") == calls.count("ledger.record") == 2
    assert calls.count("blobs.put") == calls.count("blobs.commit") == 1


async def test_a_newer_row_by_somebody_else_stays(world: World) -> None:
    """A worker that stalled for an hour doesn't overwrite a newer truth."""
    asked = world.serve_two()
    newer = {"cause": "run-2", "description": "newer", "described_at": NOON + timedelta(hours=1)}
    world.wire.on("ledger.record", "before", _meanwhile(world, asked, **newer))

    await world.deliver(asked)

    assert world.ledger.rows == world.rows_of(asked, **newer)
    assert world.failures.rows == {}


async def test_a_row_never_names_a_blob_that_was_replaced(world: World) -> None:
    """A newer row stands there, of a blob that this delivery has replaced since: row and blob are both read again."""
    newer = {"cause": "run-2", "description": "newer", "described_at": NOON + timedelta(hours=1), "validator": None}
    theirs = tiff(10, seed=1)
    world.serve(asset(), SMALL)

    async def meanwhile() -> None:
        await world.other_writer(asset(), theirs, **newer)()
        await _insert(world, world.row(asset(), theirs, **newer))

    world.wire.on("blobs.put", "before", meanwhile)

    await world.deliver(request())

    assert world.bodies() == {asset().name: SMALL}
    assert world.ledger.rows == [world.row(asset(), SMALL)]


async def test_one_lost_row_does_not_undo_the_others(world: World) -> None:
    """Only the asset whose row was changed meanwhile is decided about again."""
    asked = world.serve_two()
    one = asked.of(asked.assets[:1])

    async def meanwhile() -> None:
        await _insert(world, world.row(one.assets[0], SMALL, cause="run-0"))

    world.wire.on("ledger.record", "before", meanwhile)

    calls = await world.deliver(asked)

    assert sorted(world.ledger.rows, key=lambda each: each.key) == world.rows_of(asked)
    assert calls[calls.index("ledger.record") :] == ["ledger.record", "ledger.of", "blobs.look", "ledger.record"]


async def test_a_row_that_changes_for_ever_is_the_runtimes(world: World) -> None:
    """Three rounds; then the message is retried, and the failure stands in its table."""
    world.serve(asset(), SMALL)
    for nth in (1, 2, 3):
        world.wire.on("ledger.record", "before", _meanwhile(world, request(), cause=f"run-0{nth}"), nth=nth)

    with pytest.raises(DestinationContendedError):
        await world.deliver(request())

    assert [each.error for each in world.failures.rows.values()] == ["DestinationContendedError"]
    assert [each.cause for each in world.ledger.rows] == ["run-03"]


def _meanwhile(world: World, asked: CopyRequest, **values: Any) -> Action:
    """Another worker writes rows of the blobs that stand there now."""

    async def write() -> None:
        await _insert(world, *[world.row(each, world.blobs.bodies[path(each)], **values) for each in asked.assets])

    return write


async def test_only_what_was_copied_is_counted(world: World) -> None:
    """A blob that stood there already is no activity, whoever asks for it."""
    copying, asked = world.copying, world.serve_two()

    for each in (asked, asked, asked.model_copy(update={"cause": "run-2"})):
        await copying.deliver(each.encode().encode(), lane=Queue.COPY)
        await asyncio.sleep(0)

    await copying.meter.flush()
    total = await world.activities.of_day("s2", NOON.date())
    assert total == Activity(assets=2, bytes=len(SMALL) + len(LARGE))


async def test_what_was_done_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Each asset once, with its ids: first as copied, in the next run as kept."""
    caplog.set_level(logging.INFO, logger="shared.copying.delivery")
    world.serve(asset(), SMALL)

    await world.deliver(request())
    await world.deliver(request(cause="run-2"))

    said = [{name: vars(each).get(name) for name in ("action", "item", "key", "cause")} for each in caplog.records]
    ids = {"item": "s2/T32", "key": "B04"}
    assert said == [
        {"action": "asset_copied", **ids, "cause": "run-1"},
        {"action": "asset_kept", **ids, "cause": "run-2"},
    ]


async def test_how_long_it_took_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """From the delivery's beginning until the row stands, and how much of that was the ledger's."""
    caplog.set_level(logging.INFO, logger="shared.copying.delivery")
    world.serve(asset(), SMALL)

    class Slow(MemoryLedger):
        @override
        async def record(self, writes: Sequence[Write]) -> Sequence[Write]:
            world.clock.turn(timedelta(seconds=2))
            return await super().record(writes)

    async def copy(job: Job) -> Outcome:
        world.clock.turn(timedelta(seconds=5))
        return await world.engine.copy(job)

    copying = dataclasses.replace(world.copying, ledger=Slow(), copy=copy)

    await copying.deliver(request().encode().encode(), lane=Queue.COPY)

    (said,) = [vars(each) for each in caplog.records]
    assert (said["seconds"], said["ledger_seconds"]) == (timedelta(seconds=7), timedelta(seconds=2))


async def test_at_most_sixteen_assets_are_copied_at_once(world: World) -> None:
    """A request of a hundred doesn't open a hundred connections."""
    copies = _Slow(world)
    hundred = [asset(key=f"k{number}", name=f"s2/k{number}") for number in range(100)]

    await copies.copying.deliver(request(*hundred).encode().encode(), lane=Queue.COPY)

    assert (copies.most, copies.done) == (16, 100)


async def test_a_copy_gets_the_deadline_of_its_delivery(world: World) -> None:
    """And what the request knows of earlier attempts."""
    copies = _Slow(world)

    await copies.copying.deliver(request(staged_blocks=3).encode().encode(), lane=Queue.COPY)

    (job,) = copies.jobs
    assert job == world.job(asset(), deadline=NOON + DEADLINE, staged_before=3, dataset=dataset())


class _Slow:
    """Copies nothing, but takes its time."""

    def __init__(self, world: World) -> None:
        self.jobs: list[Job] = []
        self.most = self.done = 0
        self._world = world

    @property
    def copying(self) -> Copying:
        """The use case with this in the engine's place."""
        return dataclasses.replace(self._world.copying, copy=self.copy)

    async def copy(self, job: Job) -> Outcome:
        """Let others come in."""
        self.jobs.append(job)
        self.most = max(self.most, len(self.jobs) - self.done)
        for _ in range(5):
            await asyncio.sleep(0)
        self.done += 1
        return Copied(row=self._world.row(job.asset, b""))
