"""Discovery is told that a dataset's copies wait for their host, and is told no more than it needs."""

import logging
from datetime import timedelta
from typing import override

import pytest

from shared.copying import Hints
from shared.model.errors import HostBusyError, SourceThrottledError, SourceUnavailableError, StorageFailedError
from shared.model.messages import Queue
from shared.model.rows import Hold
from tests.fakes import MemoryHolds
from tests.unit.copying.world import Clock, World, request
from tests.unit.model.builders import NOON, asset

_SECOND = timedelta(seconds=1)
_UNTIL = NOON + 15 * _SECOND
_OURS = HostBusyError("as many as the dataset allows")
_BUSY, _DOWN = SourceThrottledError("answered 429"), SourceUnavailableError("answered 503")
_FIVE = tuple(asset(key=f"k{number}", name=f"s2/{number}") for number in range(5))
_HOLD = Hold(dataset="s2", deferred_until=_UNTIL, deferred_because="SourceThrottledError: answered 429")


class _Counted(MemoryHolds):
    """Counts what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.saves = 0

    @override
    async def save(self, hold: Hold, *, replaces: str | None) -> bool:
        self.saves += 1
        return await super().save(hold, replaces=replaces)


@pytest.fixture
def holds() -> _Counted:
    return _Counted()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hints(holds: _Counted, clock: Clock) -> Hints:
    return Hints(holds, clock=clock)


async def _hold(holds: MemoryHolds) -> Hold:
    return (await holds.of("s2")).hold


async def test_a_host_that_asks_for_patience_gets_it(hints: Hints, holds: _Counted) -> None:
    """At the first such answer the dataset waits until the delay is over; no other does."""
    await hints.deferred("s2", [_DOWN, _BUSY], until=_UNTIL)

    assert await _hold(holds) == _HOLD
    assert set(holds.entries) == {"s2"}


async def test_five_in_a_row_are_a_host_that_is_down(hints: Hints, holds: _Counted) -> None:
    """Four failures may be four files; those of another dataset don't count."""
    for _ in range(4):
        await hints.deferred("s2", [_DOWN], until=_UNTIL)
        await hints.deferred("other", [_DOWN], until=_UNTIL)
    before = dict(holds.entries)

    await hints.deferred("s2", [_DOWN], until=_UNTIL)

    assert before == {}
    assert await _hold(holds) == _HOLD.model_copy(update={"deferred_because": "SourceUnavailableError: answered 503"})


async def test_what_goes_well_begins_the_row_anew(hints: Hints, holds: _Counted) -> None:
    """A host that answers now and then isn't down."""
    for _ in range(3):
        await hints.deferred("s2", [_DOWN] * 4, until=_UNTIL)
        await hints.went_well("s2")

    assert holds.entries == {}


async def test_one_file_doesnt_hold_its_dataset_back(hints: Hints, holds: _Counted, clock: Clock) -> None:
    """A file that fails every hour, alone in its queue, is a reason to wait one hour in five."""
    for _ in range(20):
        await hints.deferred("s2", [_DOWN], until=clock.now + 3600 * _SECOND)
        clock.turn(3600 * _SECOND)

    assert holds.saves == 4


async def test_one_write_every_few_seconds(hints: Hints, holds: _Counted, clock: Clock) -> None:
    """However many copies are put off; of each dataset by itself."""
    for seconds in range(10):
        await hints.deferred("s2", [_BUSY], until=_UNTIL + seconds * _SECOND)
        clock.turn(_SECOND)
    await hints.deferred("other", [_BUSY], until=_UNTIL)

    assert holds.saves == 3
    assert (await _hold(holds)).deferred_until == _UNTIL + 5 * _SECOND


@pytest.mark.parametrize("later", [0, -1])
async def test_a_wait_is_never_cut_short(hints: Hints, holds: _Counted, later: int) -> None:
    """A hint that ends no later than the one that stands there isn't written."""
    holds.hold(_HOLD)

    await hints.deferred("s2", [_DOWN] * 5, until=_UNTIL + later * _SECOND)

    assert (await _hold(holds), holds.saves) == (_HOLD, 0)


async def test_a_pause_is_kept(hints: Hints, holds: _Counted) -> None:
    """A hint takes nothing away from what a person said."""
    paused = {"paused_since": NOON, "paused_by": "request"}
    holds.hold(Hold.model_validate({"dataset": "s2", **paused}))

    await hints.deferred("s2", [_BUSY], until=_UNTIL)

    assert await _hold(holds) == _HOLD.model_copy(update=paused)


async def test_a_hint_that_comes_second_is_left_out(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Who writes in between has said as much, or is a person."""

    class Raced(MemoryHolds):
        @override
        async def save(self, hold: Hold, *, replaces: str | None) -> bool:
            self.hold(Hold(dataset="s2", paused_since=NOON, paused_by="request"))
            return await super().save(hold, replaces=replaces)

    holds = Raced()
    await Hints(holds, clock=clock).deferred("s2", [_BUSY], until=_UNTIL)

    assert await _hold(holds) == Hold(dataset="s2", paused_since=NOON, paused_by="request")
    assert caplog.records == []


async def test_a_hint_that_fails_is_no_failure(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Storage's trouble is logged, and the next hint in a few seconds tries again."""

    class Broken(MemoryHolds):
        @override
        async def save(self, hold: Hold, *, replaces: str | None) -> bool:
            raise StorageFailedError("table runs: write: 500")

    await Hints(Broken(), clock=clock).deferred("s2", [_BUSY], until=_UNTIL)

    said = [(each.levelno, each.__dict__["action"], each.__dict__["dataset"]) for each in caplog.records]
    assert said == [(logging.WARNING, "hint_not_written", "s2")]


@pytest.mark.parametrize(
    ("errors", "left"),
    [([_DOWN] * 5, Hold(dataset="s2")), ([_BUSY], _HOLD)],
    ids=["down", "throttled"],
)
async def test_a_host_that_is_up_again_ends_the_wait(
    hints: Hints, holds: _Counted, errors: list[Exception], left: Hold
) -> None:
    """At the first copy that goes well; who asked for patience gets all of it."""
    await hints.deferred("s2", errors, until=_UNTIL)

    await hints.went_well("s2")
    await hints.went_well("s2")

    assert await _hold(holds) == left


async def test_only_the_own_hint_is_withdrawn(hints: Hints, holds: _Counted) -> None:
    """What another process has written since stands, and so does a pause."""
    await hints.deferred("s2", [_DOWN] * 5, until=_UNTIL)
    later = Hold(dataset="s2", deferred_until=_UNTIL + _SECOND, paused_since=NOON, paused_by="request")
    holds.hold(later)

    await hints.went_well("s2")

    assert await _hold(holds) == later


async def test_a_wait_that_is_over_needs_no_withdrawing(hints: Hints, holds: _Counted, clock: Clock) -> None:
    """Nothing waits any more, so nothing is written."""
    await hints.deferred("s2", [_DOWN] * 5, until=_UNTIL)
    clock.turn(15 * _SECOND)

    await hints.went_well("s2")

    assert holds.saves == 1


async def test_somebody_who_writes_meanwhile_stands(clock: Clock) -> None:
    """A pause that comes between look and write isn't taken away."""

    class Raced(MemoryHolds):
        @override
        async def save(self, hold: Hold, *, replaces: str | None) -> bool:
            if hold.deferred_until is None:
                self.hold(Hold(dataset="s2", paused_since=NOON, paused_by="request"))
            return await super().save(hold, replaces=replaces)

    holds = Raced()
    hints = Hints(holds, clock=clock)
    await hints.deferred("s2", [_DOWN] * 5, until=_UNTIL)

    await hints.went_well("s2")

    assert await _hold(holds) == Hold(dataset="s2", paused_since=NOON, paused_by="request")


async def test_a_withdrawal_that_fails_is_no_failure(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The copies went well; the wait ends by itself."""

    class Breaking(MemoryHolds):
        @override
        async def save(self, hold: Hold, *, replaces: str | None) -> bool:
            if hold.deferred_until is None:
                raise StorageFailedError("table runs: write: 500")
            return await super().save(hold, replaces=replaces)

    hints = Hints(Breaking(), clock=clock)
    await hints.deferred("s2", [_DOWN] * 5, until=_UNTIL)

    await hints.went_well("s2")

    assert [each.__dict__["action"] for each in caplog.records] == ["dataset_deferred", "hint_not_withdrawn"]


async def test_a_reason_is_redacted_and_short(hints: Hints, holds: _Counted) -> None:
    """No signature comes into the table, and no page of HTML."""
    error = SourceThrottledError("https://a.example.org/x?sig=SECRET answered 429 " + "x" * 10_000)

    await hints.deferred("s2", [error], until=_UNTIL)

    because = (await _hold(holds)).deferred_because or ""
    assert "SECRET" not in because
    assert len(because) < 600


async def test_who_defers_a_copy_says_so(world: World) -> None:
    """Until the delay of the request that was sent again, from whichever lane."""
    error = SourceThrottledError("answered 429", retry_after=90 * _SECOND)

    await world.fates.settle(request(_FIVE[0]), {_FIVE[0]: error}, lane=Queue.COPY_LIVE)

    told = {"deferred_until": NOON + 90 * _SECOND, "deferred_since": NOON, "deferred_host": "data.example.org"}
    assert await _hold(world.holds) == _HOLD.model_copy(update=told)


@pytest.mark.parametrize(("errors", "host"), [((_DOWN, _BUSY), "b.org"), ((_OURS, _BUSY), "b.org"), ((_OURS,), None)])
async def test_the_host_that_asks_for_patience_is_named(
    world: World, errors: tuple[Exception, ...], host: str | None
) -> None:
    """Rather than one that is only down; where our own limits are in the way, no host is to blame."""
    assets = [asset(key=name, name=name, href=f"https://{name}.org/x.tif") for name in ("a", "b")]

    await world.fates.settle(
        request(*assets), dict(zip(assets, errors, strict=False)) | {assets[1]: errors[-1]}, lane=Queue.COPY
    )

    assert (await _hold(world.holds)).deferred_host == host


@pytest.mark.parametrize(
    ("pause", "host", "since"),
    [(300, "b.org", 0), (300, None, 0), (301, "b.org", 316), (301, None, None)],
    ids=["goes on", "ours meanwhile", "anew", "ours anew"],
)
async def test_trouble_that_goes_on_has_one_beginning(
    hints: Hints, holds: _Counted, clock: Clock, pause: int, host: str | None, since: int | None
) -> None:
    """A hint that comes soon after the last one has run out is of the same trouble; a later one is of another."""
    await hints.deferred("s2", [_BUSY], until=_UNTIL, host="a.org")
    clock.turn((15 + pause) * _SECOND)

    await hints.deferred("s2", [_BUSY], until=clock.now + _SECOND, host=host)

    began = None if since is None else NOON + since * _SECOND
    named = host or ("a.org" if pause == 300 else None)
    hold = await _hold(holds)
    assert (hold.deferred_since, hold.deferred_host) == (began, named)


async def test_a_request_that_went_well_in_part_went_well(world: World) -> None:
    """Four of five assets that a host doesn't give, again and again, are those assets' trouble."""
    for _ in range(3):
        await world.fates.settle(request(*_FIVE), dict.fromkeys(_FIVE[1:], _DOWN), lane=Queue.COPY)

    assert world.holds.entries == {}


async def test_copies_of_a_host_that_is_down_say_so(world: World) -> None:
    """Request after request fails: the fifth says that the dataset waits, and each was sent again before."""
    for each in _FIVE:
        await world.fates.settle(request(each), {each: _DOWN}, lane=Queue.COPY)

    assert len(world.sent_to_lanes()) == 5
    assert (await _hold(world.holds)).deferred_until == _UNTIL


async def test_other_failures_say_nothing(world: World) -> None:
    """A retry, poison and a copy that goes on are no host's trouble."""
    for each in _FIVE:
        with pytest.raises(StorageFailedError):
            await world.fates.settle(request(each), {each: StorageFailedError("500")}, lane=Queue.COPY)

    assert world.holds.entries == {}
