"""What becomes of failures: each has one fate, and what is left of a request is durable before it is acknowledged."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.model.assets import Asset
from shared.model.errors import (
    AssetNotFoundError,
    ChecksumMismatchError,
    HostBusyError,
    NoProgressError,
    PermanentError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    StorageFailedError,
    TruncatedBodyError,
    UnfinishedError,
)
from shared.model.messages import MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES, CopyRequest, Queue, Reason
from shared.model.rows import Failure
from shared.storage.queues import NOW
from tests.unit.copying.world import World, keys, request
from tests.unit.model.builders import NOON, asset

_ONE, _TWO, _THREE, _FOUR = (asset(key=key, name=f"s2/{key}") for key in ("one", "two", "three", "four"))
_DAY = timedelta(hours=24)
_LONGEST = timedelta(hours=1)


def _failure(each: Asset, error: str, fate: str, message: str) -> Failure:
    return Failure(
        dataset="s2",
        item=each.item,
        key=each.key,
        href=each.href,
        error=error,
        fate=fate,
        message=message,
        host="data.example.org",
        cause="run-1",
        first_at=NOON,
        last_at=NOON,
    )


async def _settle(
    world: World, failed: Mapping[Asset, Exception], *, asked: CopyRequest | None = None, lane: Queue = Queue.COPY
) -> CopyRequest:
    asked = asked or request(*failed)
    await world.fates.settle(asked, failed, lane=lane)
    return asked


async def test_without_failures_nothing_happens(world: World) -> None:
    """All is in the ledger: the message may go."""
    await _settle(world, {}, asked=request())

    assert world.wire.calls == []


async def test_a_failure_is_written_down_before_anything_is_done_about_it(world: World) -> None:
    """Class, fate, text, host and cause of the last failure of each asset."""
    await _settle(world, {_ONE: AssetNotFoundError("answered 404"), _TWO: TruncatedBodyError("half")})

    assert world.wire.calls[0] == "failures.record"
    assert list(world.failures.rows.values()) == [
        _failure(_ONE, "AssetNotFoundError", "poison", "answered 404"),
        _failure(_TWO, "TruncatedBodyError", "retry", "half"),
    ]


@pytest.mark.parametrize(
    ("said", "kept"),
    [("7A1B-é", "7A1B-é"), ("x?sig=secret\x00", "x?sig=REDACTED"), ("x" * 300, "x" * 255 + "…"), ("", None)],
)
async def test_what_a_server_calls_the_request_is_written_down(world: World, said: str, kept: str | None) -> None:
    """Redacted and cut, as whatever a server sends."""
    error = AssetNotFoundError("answered 404")
    error.request_id = said

    await _settle(world, {_ONE: error})

    assert [each.request_id for each in world.failures.rows.values()] == [kept]


async def test_a_failures_table_that_fails_loses_nothing(world: World) -> None:
    """The message isn't acknowledged, and nothing of it was sent."""
    world.wire.fail("failures.record", "before", StorageFailedError("503"))

    with pytest.raises(StorageFailedError):
        await _settle(world, {_ONE: AssetNotFoundError("404"), _TWO: SourceThrottledError("429")})

    assert world.queues.sent == []


@pytest.mark.parametrize(
    "error",
    [
        TruncatedBodyError("half"),
        SourceRefusedError("403"),
        StorageFailedError("500"),
        NoProgressError("3 blocks"),
        ZeroDivisionError("a defect"),
        TimeoutError(),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_a_retryable_failure_escapes(world: World, error: Exception) -> None:
    """The runtime retries, counts and poisons: nothing is sent."""
    with pytest.raises(type(error)) as raised:
        await _settle(world, {_ONE: error})

    assert raised.value is error
    assert world.queues.sent == []


async def test_a_request_of_which_all_is_retryable_escapes_whole(world: World) -> None:
    """The first error stands for all of them."""
    first = TruncatedBodyError("half")

    with pytest.raises(TruncatedBodyError) as raised:
        await _settle(world, {_ONE: first, _TWO: StorageFailedError("500")})

    assert raised.value is first
    assert (len(world.failures.rows), world.queues.sent) == (2, [])


@pytest.mark.parametrize("lane", [Queue.COPY, Queue.COPY_LIVE, Queue.COPY_LATER])
async def test_a_permanent_failure_is_poison_at_once(world: World, lane: Queue) -> None:
    """In the lane's own poison queue: a message for each asset, with its reason, that can be sent back as it is."""
    asked = await _settle(world, {_ONE: AssetNotFoundError("404"), _TWO: ChecksumMismatchError("other")}, lane=lane)

    one = Reason(error="AssetNotFoundError", message="404", at=NOON)
    two = Reason(error="ChecksumMismatchError", message="other", at=NOON)
    assert world.sent(lane.poison) == [
        asked.of([_ONE]).model_copy(update={"reason": one}),
        asked.of([_TWO]).model_copy(update={"reason": two}),
    ]
    assert world.sent_to_lanes() == []


@pytest.mark.parametrize("lane", [Queue.COPY, Queue.COPY_LIVE])
async def test_a_deferred_failure_is_sent_again_with_a_delay(world: World, lane: Queue) -> None:
    """It costs no attempt: the message is another one, and says how often it was put off, and since when."""
    asked = await _settle(world, {_ONE: SourceUnavailableError("503"), _TWO: SourceThrottledError("429")}, lane=lane)

    later = asked.model_copy(update={"deferrals": 1, "deferred_since": NOON})
    assert world.sent_to_lanes() == [(lane, later, timedelta(seconds=15))]


@pytest.mark.parametrize(
    ("deferrals", "seconds", "queue"),
    [(1, 30, "copy"), (2, 60, "copy"), (3, 120, "copy-later"), (7, 1920, "copy-later"), (8, 3600, "copy-later")],
)
async def test_the_delay_doubles(world: World, deferrals: int, seconds: int, queue: str) -> None:
    """Up to an hour; what waits for over a minute leaves the lane, so that a slow host isn't taken for a full queue."""
    since = NOON - timedelta(hours=2)
    asked = request(_ONE, deferrals=deferrals, deferred_since=since)

    await _settle(world, {_ONE: SourceUnavailableError("503")}, asked=asked)

    later = asked.model_copy(update={"deferrals": deferrals + 1})
    assert world.sent_to_lanes() == [(queue, later, timedelta(seconds=seconds))]


@pytest.mark.parametrize(
    ("asked_for", "expected"),
    [
        (timedelta(seconds=1), timedelta(seconds=15)),
        (timedelta(seconds=40), timedelta(seconds=40)),
        (timedelta(minutes=10), timedelta(minutes=10)),
        (timedelta(hours=5), _LONGEST),
    ],
)
async def test_what_a_host_asks_for_is_kept(world: World, asked_for: timedelta, expected: timedelta) -> None:
    """The longest Retry-After of the request's assets, an hour at most."""
    errors = {_ONE: SourceThrottledError("429", retry_after=asked_for), _TWO: SourceUnavailableError("503")}

    await _settle(world, errors)

    assert [delay for _, _, delay in world.sent_to_lanes()] == [expected]


@pytest.mark.parametrize("since", [_DAY, 2 * _DAY])
async def test_after_a_day_of_deferrals_it_is_an_ordinary_failure(world: World, since: timedelta) -> None:
    """A host that never comes back doesn't keep a message going for ever."""
    asked = request(_ONE, deferrals=30, deferred_since=NOON - since)

    with pytest.raises(SourceUnavailableError):
        await _settle(world, {_ONE: SourceUnavailableError("503")}, asked=asked)

    assert [each.fate for each in world.failures.rows.values()] == ["retry"]
    assert world.queues.sent == []


async def test_until_then_it_is_deferred(world: World) -> None:
    """A second before the day is over, and whatever was put off keeps its first time."""
    since = NOON - _DAY + timedelta(seconds=1)
    asked = request(_ONE, deferrals=30, deferred_since=since)

    await _settle(world, {_ONE: SourceUnavailableError("503")}, asked=asked)

    ((_, later, _),) = world.sent_to_lanes()
    assert (later.deferrals, later.deferred_since) == (31, since)


@pytest.mark.parametrize("lane", [Queue.COPY, Queue.COPY_LATER])
async def test_an_unfinished_asset_is_sent_again_at_once(world: World, lane: Queue) -> None:
    """Each by itself, with its own progress, and with what the request knew."""
    errors = {_ONE: UnfinishedError("later", staged_blocks=3), _TWO: UnfinishedError("later", staged_blocks=0)}
    asked = request(_ONE, _TWO, deferrals=2, deferred_since=NOON)

    await _settle(world, errors, asked=asked, lane=lane)

    assert world.sent_to_lanes() == [
        (lane, asked.of([_ONE]).model_copy(update={"staged_blocks": 3}), NOW),
        (lane, asked.of([_TWO]).model_copy(update={"staged_blocks": 0}), NOW),
    ]


async def test_a_deferral_keeps_the_progress(world: World) -> None:
    """A copy that was throttled in between still has to get further than before."""
    asked = request(_ONE, staged_blocks=7)

    await _settle(world, {_ONE: SourceThrottledError("429")}, asked=asked)

    assert [each.staged_blocks for _, each, _ in world.sent_to_lanes()] == [7]


async def test_several_fates_are_taken_apart(world: World) -> None:
    """One message for each, all of them sent before the request may go; nothing escapes."""
    errors = {
        _ONE: AssetNotFoundError("404"),
        _TWO: SourceThrottledError("429", retry_after=timedelta(minutes=2)),
        _THREE: UnfinishedError("later", staged_blocks=5),
        _FOUR: TruncatedBodyError("half"),
    }

    asked = await _settle(world, errors, asked=request(*errors, asset(key="done", name="s2/done")))

    assert keys(world.sent("copy-poison")) == [["one"]]
    assert world.sent_to_lanes() == [
        (
            "copy-later",
            asked.of([_TWO]).model_copy(update={"deferrals": 1, "deferred_since": NOON}),
            timedelta(minutes=2),
        ),
        ("copy", asked.of([_THREE]).model_copy(update={"staged_blocks": 5}), NOW),
        ("copy", asked.of([_FOUR]), NOW),
    ]


@pytest.mark.parametrize("queue", ["copy", "copy-later", "copy-poison"])
async def test_what_can_not_be_sent_is_not_acknowledged(world: World, queue: str) -> None:
    """A duplicate of what was sent already is legal, a gap isn't."""
    world.queues.broken.add(queue)
    errors = {
        _ONE: AssetNotFoundError("404"),
        _TWO: SourceThrottledError("429", retry_after=_LONGEST),
        _THREE: TruncatedBodyError("half"),
    }

    with pytest.raises(StorageFailedError):
        await _settle(world, errors)


async def test_no_secret_rests(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An error that quotes a signed URL: neither message, failure nor log keeps the signature."""
    url = "https://data.example.org/one.tif?sv=2024&sig=c2VjcmV0&X-Amz-Signature=c2VjcmV0"

    await _settle(world, {_ONE: PermanentError(f"can't read {url}"), _TWO: SourceUnavailableError(url)})

    kept = [*(each.body for each in world.queues.sent), *(each.message for each in world.failures.rows.values())]
    logged = [str(vars(each)) for each in caplog.records]
    assert len(kept) == 4
    assert [each for each in kept + logged if "c2VjcmV0" in each] == []


async def test_a_reason_is_cut_so_that_its_message_fits(world: World) -> None:
    """The longest request with the longest reason, four bytes a character: poison at once all the same."""
    error = PermanentError("\N{FIRE}" * 100_000)
    asked = _longest_request()

    await _settle(world, {asked.assets[0]: error}, asked=asked)

    (poison,) = world.queues.bodies("copy-poison")
    assert MAX_REQUEST_BYTES < len(poison.encode()) <= MAX_MESSAGE_BYTES
    assert len(next(iter(world.failures.rows.values())).message) == 4096


def _longest_request() -> CopyRequest:
    """One that was put off and begun before, and had no byte left when it was made."""
    names = {"item": "\N{FIRE}" * 2048, "key": "\N{FIRE}" * 2048, "name": "s2/a"}
    short = request(asset(**names, href="https://data.example.org/"), cause="c" * 64)
    room = MAX_REQUEST_BYTES - len(short.encode().encode())
    made = request(asset(**names, href="https://data.example.org/" + "\N{EURO SIGN}" * (room // 3)), cause="c" * 64)
    return made.model_copy(update={"deferred_since": NOON, "deferrals": 1000, "staged_blocks": 50_000})


async def test_an_error_that_says_nothing_is_named(world: World) -> None:
    """A poison message always has a reason that somebody can read."""
    await _settle(world, {_ONE: AssetNotFoundError()})

    assert [each.reason for each in world.sent("copy-poison")] == [
        Reason(error="AssetNotFoundError", message="AssetNotFoundError()", at=NOON)
    ]


async def test_who_waits_for_a_turn_is_put_off_as_long_as_it_takes(world: World) -> None:
    """Days after its first deferral, too: by the slow lane, with discovery withheld, and no longer delay."""
    since = NOON - 2 * _DAY
    asked = request(_ONE, deferrals=7, deferred_since=since)
    wait = timedelta(seconds=61)

    await _settle(world, {_ONE: HostBusyError("busy", retry_after=wait)}, asked=asked)

    later = asked.model_copy(update={"deferred_since": since + wait})
    assert world.sent_to_lanes() == [(Queue.COPY_LATER, later, wait)]
    assert world.holds.entries["s2"].hold.deferred_until == NOON + wait
