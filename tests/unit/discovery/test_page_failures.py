"""A page that fails: deferred, retried by the runtime, or the end of its run."""

from datetime import timedelta

import pytest
from pytest_mock import MockerFixture

from shared.model.datasets import Datasets
from shared.model.errors import (
    HostBusyError,
    MalformedCatalogError,
    SourceThrottledError,
    SourceUnavailableError,
    StorageFailedError,
    UnexpectedStatusError,
)
from shared.model.items import Page
from shared.model.messages import MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES, PageRequest, Queue, Reason
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.unit.discovery.world import START, World, asset, item, items
from tests.unit.model.builders import dataset

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


async def test_a_catalog_in_trouble_is_asked_later() -> None:
    """A page that a host can't give now is sent again with a delay, and counts how often and since when."""
    world = World(paged(items(2), size=1))
    world.catalog.errors = [SourceUnavailableError("503")]
    page = await world.begin()

    await world.deliver(page)

    assert world.pages() == [page.model_copy(update={"deferrals": 1, "deferred_since": START})]
    assert world.delays() == [timedelta(seconds=15)]
    assert (world.requests(), world.runs.parts) == ([], {})


async def test_its_delays_double() -> None:
    """Fifteen seconds, doubled each time, an hour at most."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [SourceUnavailableError("503") for _ in range(11)]
    await world.deliver(await world.begin())
    for _ in range(10):
        await world.deliver(world.pages()[-1])

    seconds = [each.total_seconds() for each in world.delays()]
    assert seconds == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert [each.deferrals for each in world.pages()] == list(range(1, 12))


async def test_a_host_says_when() -> None:
    """A delay that the host asks for is kept to."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [SourceThrottledError("429", retry_after=timedelta(seconds=100))]

    await world.deliver(await world.begin())

    assert world.delays() == [timedelta(seconds=100)]


async def test_a_deferred_run_says_so() -> None:
    """The run is alive, and waits since its first deferral, for what the last one found."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [SourceUnavailableError("502"), SourceUnavailableError("503 token=abc")]
    await world.deliver(await world.begin())
    before = world.run
    world.clock.pass_by(_MINUTE)

    await world.deliver(world.pages()[-1])

    because = "SourceUnavailableError: 503 token=REDACTED"
    assert world.run == before.model_copy(update={"progress_at": START + _MINUTE, "withheld_because": because})
    assert world.run.withheld_since == START


async def test_how_long_a_page_was_put_off_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Since its first deferral, so that an alarm can tell a host that is busy from one that is for hours."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [SourceUnavailableError("503"), SourceUnavailableError("503")]
    await world.deliver(await world.begin())
    world.clock.pass_by(_MINUTE)

    await world.deliver(world.pages()[-1])

    said = [vars(each) for each in caplog.records if each.__dict__.get("action") == "page_deferred"]
    assert [each["deferred_seconds"] for each in said] == [timedelta(), _MINUTE]


async def test_a_deferred_page_goes_on() -> None:
    """Once the host is well the page runs, and the next one has no deferrals behind it."""
    world = World(paged(items(2), size=1))
    world.catalog.errors = [SourceUnavailableError("503")]
    await world.deliver(await world.begin())

    await world.drain()

    assert world.keys() == [asset("000").identity, asset("001").identity]
    assert world.pages()[-1] == PageRequest(dataset="demo", run="run-1", page=1, token="page-1")
    assert (world.run.state, world.run.withheld_since) == (RunState.COMPLETE, None)


async def test_patience_ends() -> None:
    """A day after its first deferral the trouble is the runtime's to count."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [SourceUnavailableError("503") for _ in range(2)]
    page = (await world.begin()).model_copy(update={"deferrals": 30, "deferred_since": START})
    world.clock.pass_by(_DAY - timedelta(microseconds=1))
    await world.deliver(page)
    world.clock.pass_by(timedelta(microseconds=1))

    with pytest.raises(SourceUnavailableError):
        await world.deliver(page)

    assert len(world.pages()) == 1
    assert world.run.state is RunState.RUNNING


@pytest.mark.parametrize("error", [UnexpectedStatusError("418"), RuntimeError("unforeseen")])
async def test_what_is_worth_a_retry_escapes(error: Exception) -> None:
    """Anything else is raised for the runtime to retry and count; the run goes on and nothing is sent."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [error]

    with pytest.raises(type(error)):
        await world.deliver(await world.begin())

    assert world.run.state is RunState.RUNNING
    assert world.queues.sent == []


async def test_a_queue_in_trouble_is_worth_a_retry() -> None:
    """Where a copy request isn't accepted, neither the next page nor the count is written, and the error is its own."""
    world = World(paged(items(40), size=20))
    page = await world.begin()
    world.saturation = float("inf")
    world.queues.broken.add(Queue.COPY)

    with pytest.raises(StorageFailedError, match="it is broken"):
        await world.deliver(page)
    broken = world.pages(), dict(world.runs.parts)
    world.queues.broken.clear()
    await world.deliver(page)

    assert broken == ([], {})
    assert len(world.keys()) == 20
    assert len(world.pages()) == 1


async def test_what_can_never_work_ends_the_run() -> None:
    """The page goes to poison with its reason, the run failed with the same reason, and nothing is raised."""
    world = World(paged(items(2), size=1))
    world.catalog.errors = [MalformedCatalogError("no features, sig=secret")]
    page = await world.begin()
    world.clock.pass_by(_MINUTE)

    await world.deliver(page)

    now = START + _MINUTE
    reason = Reason(error="MalformedCatalogError", message="no features, sig=REDACTED", at=now)
    assert world.poison() == [page.model_copy(update={"reason": reason})]
    assert [each.queue for each in world.queues.sent] == [Queue.DISCOVER.poison]
    assert (world.run.state, world.run.ended_at) == (RunState.FAILED, now)
    assert world.run.reason == "MalformedCatalogError: no features, sig=REDACTED"


async def test_a_long_reason_fits_into_the_message() -> None:
    """Beside the longest token stands what fits of a reason; the run's row has more of it."""
    world = World({})
    page = await world.begin()
    room = MAX_REQUEST_BYTES - len(page.model_copy(update={"page": 99_999, "token": ""}).encode())
    world.catalog.errors = [MalformedCatalogError("🌍" * 10_000)]

    await world.deliver(page.model_copy(update={"page": 99_999, "token": "x" * room}))

    (poison,) = world.queues.bodies(Queue.DISCOVER.poison)
    assert 47_000 < len(poison.encode()) <= MAX_MESSAGE_BYTES
    assert world.run.reason is not None
    assert len(world.run.reason) > 4000


async def test_a_dataset_that_was_taken_out_ends_its_run() -> None:
    """A page of a dataset that is defined no more goes to poison, and its run failed."""
    world = World(paged(items(1), size=1))
    page = await world.begin()
    world.datasets = Datasets(datasets={"other": dataset()})

    await world.deliver(page)

    assert [each.reason.error for each in world.poison() if each.reason] == ["UnknownDatasetError"]
    assert world.run.state is RunState.FAILED


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", "ü{".encode(), b'{"v": 2, "dataset": "demo"}'])
async def test_what_is_no_page_is_put_aside(body: bytes) -> None:
    """A message that isn't ours goes to poison as it is, what can't be text escaped; nothing is raised."""
    world = World(paged(items(1), size=1))

    await world.discovery().deliver(body)

    assert world.queues.bodies(Queue.DISCOVER.poison) == [body.decode("utf-8", "backslashreplace")]
    assert len(world.queues.sent) == 1


@pytest.mark.parametrize("before", [1, 2, 3, 5])
async def test_the_same_page_again_ends_the_run(before: int) -> None:
    """A page whose next page is itself ends the run before any of it is asked for."""
    pages = paged(items(before + 1), size=1)
    pages[f"page-{before}"] = Page(items=(item("again"),), next_token=f"page-{before}")
    world = World(pages)
    await world.deliver(await world.begin())

    await world.drain()

    assert world.keys() == [asset(f"{number:03}").identity for number in range(before)]
    assert world.run.state is RunState.FAILED
    assert world.run.reason == f"EndlessCatalogError: after page {before} the catalog leads back to a page before"
    assert [(each.page, each.token) for each in world.poison()] == [(before, f"page-{before}")]


@pytest.mark.parametrize("before", [0, 1, 3, 6])
@pytest.mark.parametrize("length", [2, 3, 5, 8])
async def test_a_catalog_that_leads_in_a_circle_ends_the_run(before: int, length: int) -> None:
    """A circle of pages ends the run after a few times round, wherever it begins and whatever its length."""
    tokens: list[str | None] = [None, *(f"page-{number}" for number in range(1, before + length + 1))]
    following = [*tokens[1:], tokens[before + 1]]
    pages = {token: Page(items=(), next_token=then) for token, then in zip(tokens, following, strict=True)}
    world = World(pages)
    await world.deliver(await world.begin())

    await world.drain()

    assert world.run.state is RunState.FAILED
    assert (world.run.reason or "").startswith("EndlessCatalogError: ")
    assert before + length < len(world.catalog.asked) <= 3 * (before + length) + 3


async def test_a_long_catalog_is_no_circle() -> None:
    """A hundred pages of tokens of their own come to their end."""
    world = World(paged(items(100), size=1))
    await world.deliver(await world.begin())

    await world.drain()

    assert world.run.state is RunState.COMPLETE
    assert len(world.keys()) == 100


async def test_a_page_that_is_kept_no_more_is_no_circle() -> None:
    """Kept pages go away after a month: a run that lasts longer goes on without the comparison."""
    world = World(paged(items(5), size=1))
    page = (await world.begin()).model_copy(update={"page": 3, "token": "page-3"})

    await world.deliver(page)

    assert world.pages() == [page.model_copy(update={"page": 4, "token": "page-4"})]


async def test_a_next_link_that_fits_into_no_message_ends_the_run() -> None:
    """A token that can't be sent ends the run; the assets of its page were asked for."""
    world = World({None: Page(items=(item("a"),), next_token="x" * MAX_REQUEST_BYTES)})

    await world.deliver(await world.begin())

    assert world.keys() == [asset("a").identity]
    assert world.run.reason == "MalformedCatalogError: the catalog's next link doesn't fit into a message of 40 KiB"
    assert len(world.poison()) == 1


async def test_a_reason_stays_behind() -> None:
    """What a page once went to poison for isn't carried on by the pages after it."""
    world = World(paged(items(2), size=1))
    reason = Reason(error="StorageFailedError", message="503", at=START)

    await world.deliver((await world.begin()).model_copy(update={"reason": reason}))

    assert [each.reason for each in world.pages()] == [None]


async def test_a_catalog_that_hangs(mocker: MockerFixture) -> None:
    """A page that doesn't come in time is asked for later: it must not hold its invocation until the host ends it."""
    mocker.patch("shared.discovery.listing._PAGE_SECONDS", 0)
    world = World(paged(items(1), size=1))
    world.catalog.hangs = True
    page = await world.begin()

    await world.deliver(page)

    assert world.pages() == [page.model_copy(update={"deferrals": 1, "deferred_since": START})]
    assert world.run.withheld_because == "SourceUnavailableError: the catalog gave no whole page within 0 s"


async def test_a_catalog_whose_turn_it_isnt_is_asked_later() -> None:
    """To wait for a turn is no trouble of the host's: it isn't counted, however long it takes."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [HostBusyError("busy", retry_after=timedelta(seconds=90))]
    page = (await world.begin()).model_copy(update={"deferrals": 2, "deferred_since": START - 2 * _DAY})

    await world.deliver(page)

    later = page.model_copy(update={"deferred_since": START - 2 * _DAY + timedelta(seconds=90)})
    assert world.pages() == [later]
    assert world.delays() == [timedelta(seconds=90)]
