"""A page that runs: what it asks for, in which order, and how it is counted."""

from datetime import timedelta

from shared.model.counts import Counts, PartCounts
from shared.model.items import Page, Refusal
from shared.model.messages import CopyRequest, PageRequest
from shared.model.rows import Run, RunState
from shared.model.windows import Window
from tests.fakes.catalogs import paged
from tests.fakes.faults import Call, Faults
from tests.unit.discovery.world import START, World, asset, item, items

_MINUTE = timedelta(minutes=1)


async def test_a_page_becomes_requests_and_the_next_page() -> None:
    """Each selected asset is asked for by the run, then the next page, its fields begun anew."""
    world = World(paged(items(3), size=2))
    first = await world.begin()

    await world.deliver(first.model_copy(update={"deferrals": 3, "deferred_since": START}))

    assert world.requests() == [
        CopyRequest(dataset="demo", cause="run-1", asked_at=START, assets=(asset(name),)) for name in ("000", "001")
    ]
    assert world.pages() == [PageRequest(dataset="demo", run="run-1", page=1, token="page-1")]
    assert world.delays() == [timedelta(0)]
    assert world.runs.parts == {("demo", "run-1", (1, 0, 0)): PartCounts(available=2, items_sent=2, sent=2, done=True)}


async def test_a_page_is_progress() -> None:
    """The run's row says when its last page was worked, and nothing else of it changes."""
    world = World(paged(items(2), size=1))
    first = await world.begin()
    before = world.run
    world.clock.pass_by(_MINUTE)

    await world.deliver(first)

    assert world.run == before.model_copy(update={"progress_at": START + _MINUTE})


async def test_progress_never_goes_back() -> None:
    """A process whose clock is slow leaves the time that stands there."""
    world = World(paged(items(2), size=1))
    first = await world.begin()
    world.clock.pass_by(-_MINUTE)

    await world.deliver(first)

    assert world.run.progress_at == START


async def test_the_order_of_a_page() -> None:
    """Kept, asked for, counted, the next page, done: each begins when the one before was accepted."""
    world = World(paged(items(4), size=2))
    first = await world.begin()
    faults = Faults()

    await world.deliver(first, faults=faults)

    assert [each for each in map(_told, faults.calls) if each] == [
        *("page kept", "send copy", "send copy", "counted", "send discover", "done")
    ]


async def test_a_run_ends_with_its_last_page() -> None:
    """After the last page the run is complete, and nothing more is sent."""
    world = World(paged(items(1), size=1))
    first = await world.begin()
    world.clock.pass_by(_MINUTE)

    await world.deliver(first)

    later = START + _MINUTE
    assert world.run == Run(
        dataset="demo",
        run="run-1",
        state=RunState.COMPLETE,
        trigger="request",
        began_at=START,
        progress_at=later,
        ended_at=later,
    )
    assert world.pages() == []


async def test_all_pages_of_a_catalog() -> None:
    """Page after page, each asset is asked for once, and the counts add up."""
    world = World(paged(items(7), size=2))
    await world.deliver(await world.begin())

    await world.drain()

    assert world.keys() == [asset(f"{number:03}").identity for number in range(7)]
    assert world.run.state is RunState.COMPLETE
    assert await world.total() == Counts(available=7, items_sent=7, sent=7)


async def test_an_empty_page_with_a_token_is_followed() -> None:
    """A page without items is no end."""
    pages = {
        None: Page(items=(), next_token="more"),
        "more": Page(items=(), next_token="and more"),
        "and more": Page(items=(item("a"),), next_token=None),
    }
    world = World(pages)
    await world.deliver(await world.begin())

    await world.drain()

    assert world.keys() == [asset("a").identity]
    assert world.run.state is RunState.COMPLETE


async def test_an_empty_catalog_is_a_complete_run() -> None:
    """A run that finds nothing ends, with counts of zero."""
    world = World(paged([], size=1))

    await world.deliver(await world.begin())

    assert world.run.state is RunState.COMPLETE
    assert world.runs.parts == {("demo", "run-1", (1, 0, 0)): PartCounts(done=True)}
    assert world.queues.sent == []


async def test_every_page_is_asked_for_in_the_runs_window() -> None:
    """The catalog gets the run's window and each page's token; the last one's twice."""
    window = Window(since=START, until=START + _MINUTE)
    world = World(paged(items(2), size=1))
    await world.deliver(await world.begin(window=window))

    await world.drain()

    assert world.catalog.asked == [(None, window), ("page-1", window), ("page-1", window)]


async def test_what_is_there_as_described_is_counted_and_not_sent() -> None:
    """Of an item that an earlier run brought in part, only the rest is asked for."""
    world = World({None: Page(items=(item("a"), item("b", "x", "y", size=1)), next_token=None)})
    await world.bring(asset("a"), asset("b", "x", size=1), cause="run-0")

    await world.deliver(await world.begin())

    assert world.keys() == [asset("b", "y").identity]
    assert await world.total() == Counts(available=2, items_sent=1, items_already=1, sent=1, already=2, sent_bytes=1)


async def test_a_page_of_which_all_is_there_sends_nothing() -> None:
    """A run over a dataset that is whole costs no message but its pages."""
    world = World(paged(items(4), size=2))
    await world.bring(*(asset(f"{number:03}") for number in range(4)), cause="run-0")
    await world.deliver(await world.begin())

    await world.drain()

    assert world.requests() == []
    assert await world.total() == Counts(available=4, items_already=4, already=4)


async def test_another_description_is_asked_for() -> None:
    """A row that stands for an older description doesn't count as there; one for a newer description does."""
    before, after = START - _MINUTE, START + _MINUTE
    world = World({None: Page(items=(item("old", updated=START), item("new", updated=START)), next_token=None)})
    for name, described_at in (("old", before), ("new", after)):
        await world.bring(asset(name, updated=described_at), cause="run-0", described_at=described_at)

    await world.deliver(await world.begin())

    assert world.keys() == [asset("old").identity]
    assert await world.total() == Counts(available=2, items_sent=1, items_already=1, sent=1, already=1)


async def test_what_is_newer_than_the_run_stands() -> None:
    """A description without a time is as old as its run: what an event has described since then isn't asked for."""
    world = World(paged([item("a", size=1)], size=1))
    await world.bring(asset("a", size=2), cause="event-1", described_at=START + _MINUTE)
    world.clock.pass_by(2 * _MINUTE)

    await world.deliver(await world.begin())

    assert world.requests() == []
    assert await world.total() == Counts(available=1, items_already=1, already=1)


async def test_what_is_always_replaced_is_asked_for_in_each_run() -> None:
    """Whole as described or not; but for what this very run has brought, and what is newer."""
    world = World(paged([item(name) for name in "abc"], size=3), policy={"on_existing": "replace"})
    await world.bring(asset("a"), cause="run-0")
    await world.bring(asset("b"), cause="run-1")
    await world.bring(asset("c", size=2), cause="event-1", described_at=START + _MINUTE)

    await world.deliver(await world.begin())

    assert world.keys() == [asset("a").identity]
    assert await world.total() == Counts(available=3, items_sent=2, items_already=1, sent=2, already=1)


async def test_what_the_catalog_cant_tell_is_asked_for_in_each_full_run() -> None:
    """Where the source decides what is replaced: the catalog's description is the same as ever."""
    world = World(paged([item(name) for name in "ab"], size=2), policy={"on_existing": "if_source_changed"})
    await world.bring(asset("a"), cause="run-0")
    await world.bring(asset("b"), cause="run-1")

    await world.deliver(await world.begin())

    assert world.keys() == [asset("a").identity]
    assert await world.total() == Counts(available=2, items_sent=2, sent=2)


async def test_what_the_catalog_tells_is_enough_for_an_incremental_run() -> None:
    """It asks its catalog what has changed, and for nothing else."""
    world = World(paged([item("a")], size=1), policy={"on_existing": "if_source_changed"})
    await world.bring(asset("a"), cause="run-0")

    await world.deliver(await world.begin(kind="incremental", window=Window(since=START, until=START), by="updated"))

    assert world.keys() == []
    assert await world.total() == Counts(available=1, items_already=1, already=1)


async def test_every_item_is_counted_once() -> None:
    """Available are those sent, already there, filtered and refused; a refusal stands in the failures table."""
    bad = Refusal(item="line 3", key="line 3", error="MalformedCatalogError", message="no href, sig=secret")
    listed = (item("sent"), item("there"), item("filtered", "thumbnail"), item("refused", href="ftp://example.org/a"))
    world = World({None: Page(items=listed, next_token=None, refusals=(bad,))}, select={"exclude": ("thumbnail",)})
    await world.bring(asset("there"), cause="run-0")

    await world.deliver(await world.begin())

    assert await world.total() == Counts(
        available=5, items_sent=1, items_already=1, sent=1, already=1, filtered=1, refused=2
    )
    assert {place: (each.error, each.message) for place, each in world.failures.rows.items()} == {
        ("demo", "line 3", "line 3"): ("MalformedCatalogError", "no href, sig=REDACTED"),
        ("demo", "s2/refused", "data"): (
            "UrlRefusedError",
            "the href is no https:// or http:// address (scheme 'ftp')",
        ),
    }


async def test_a_redelivered_page_reads_what_was_kept() -> None:
    """A redelivery makes the same requests though the catalog says something else by now, and doesn't ask it."""
    world = World(paged(items(3), size=2))
    first = await world.begin()
    await world.kill(first, at=_is_done)
    before = world.requests()
    world.catalog.pages = paged([item("another")], size=1)

    await world.deliver(first)

    assert world.requests() == [*before, *before]
    assert len(world.catalog.asked) == 1


async def test_a_redelivered_page_counts_the_same() -> None:
    """What the run itself has brought meanwhile still counts as sent, and isn't asked for again."""
    world = World(paged(items(4), size=3))
    first = await world.begin()
    await world.kill(first, at=_is_done)
    await world.bring(asset("001"), cause="run-1")

    await world.deliver(first)

    assert world.keys()[3:] == [asset("000").identity, asset("002").identity]
    assert world.runs.parts["demo", "run-1", (1, 0, 0)] == PartCounts(available=3, items_sent=3, sent=3, done=True)


def _told(call: Call) -> str:
    """A call in a word or two."""
    match call.method:
        case "keep":
            return "page kept"
        case "count" if "counts" in call.kwargs:
            return "done" if _is_done(call) else "counted"
        case "send":
            return f"send {call.args[0]}"
        case _:
            return ""


def _is_done(call: Call) -> bool:
    return call.method == "count" and "counts" in call.kwargs and call.kwargs["counts"].done
