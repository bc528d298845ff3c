"""Each alarm over what the app logged: silent in peace and in lesser troubles, ringing for its fault.

Every capture is made here, by running the app; nobody has written a line of it.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from shared.model.errors import (
    AssetNotFoundError,
    HostBusyError,
    SluiceError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
)
from shared.model.items import Page
from shared.model.messages import Queue
from shared.model.windows import Window
from tests.alarms.rules import alarms, ringing
from tests.alarms.site import DATASET, Capture, Site
from tests.alarms.steps import Row
from tests.fakes.catalogs import paged
from tests.fakes.sources import Version
from tests.unit.discovery.world import items
from tools.events.registry import described

_MINUTE = timedelta(minutes=1)
_HOUR = 60 * _MINUTE
_HREFS = tuple(f"https://data.example.org/{number:03}/data.tif" for number in range(12))
_HOURLY = {"schedule": "0 * * * *", "freshness": "PT3H"}
_WHOLE = Version(body=b"II*\0" + bytes(20), validator='etag:"1"')

type Scenario = Callable[[], Awaitable[Capture]]


def _site(**parts: object) -> Site:
    site = Site(paged(items(len(_HREFS)), size=4), **parts)
    for href in _HREFS:
        site.sources.serve(href, _WHOLE)
    return site


async def _peace() -> Capture:
    async with _site(**_HOURLY).opened() as site:
        await site.run(6 * _HOUR)
        return site.captured()


async def _file_that_is_gone() -> Capture:
    async with _site(**_HOURLY).opened() as site:
        site.sources.serve(_HREFS[0], Version(error=AssetNotFoundError("data.example.org answered 404")))
        await site.run(_HOUR)
        return site.captured()


async def _message_of_a_page_is_lost(*, within: timedelta, **parts: object) -> Capture:
    async with _site(**parts).opened() as site:
        site.stopped.add("discover_page")
        await site.starting.start(DATASET, window=Window(), trigger="request")
        (page,) = await site.mailbox.receive(Queue.DISCOVER, hidden_for=_MINUTE)
        await site.mailbox.delete(page)
        site.stopped.clear()
        await site.run(within)
        return site.captured()


async def _paused(time: timedelta) -> Capture:
    async with _site(**_HOURLY).opened() as site:
        await site.run(30 * _MINUTE)
        await site.control.pause(DATASET, by="ann")
        await site.run(time)
        return site.captured()


async def _catalog_that_lists_less_than_it_has() -> Capture:
    pages = paged(items(len(_HREFS)), size=4)
    site = Site(
        {token: Page(items=each.items, next_token=each.next_token, matched=13) for token, each in pages.items()}
    )
    for href in _HREFS:
        site.sources.serve(href, _WHOLE)
    async with site.opened():
        await site.starting.start(DATASET, window=Window(), trigger="request")
        await site.run(_HOUR)
        return site.captured()


async def _nobody_listens(time: timedelta) -> Capture:
    async with _site().opened() as site:
        site.stopped.add("copy_asset")
        await site.starting.start(DATASET, window=Window(), trigger="request")
        await site.run(time)
        return site.captured()


async def _host_asks_for_patience(time: timedelta, *, error: SluiceError) -> Capture:
    async with _site(**_HOURLY).opened() as site:
        for href in _HREFS:
            site.sources.serve(href, Version(error=error))
        await site.run(time)
        return site.captured()


async def _catalog_asks_for_patience(time: timedelta) -> Capture:
    async with _site(**_HOURLY).opened() as site:
        site.catalog.errors = [SourceUnavailableError("stac.example.org answered 503") for _ in range(1000)]
        await site.run(time)
        return site.captured()


async def _bodies_end_early(*, files: int) -> Capture:
    async with _site().opened() as site:
        short = Version(error=TruncatedBodyError("the body ended early"))
        for href in _HREFS[:files]:
            site.sources.serve(href, short, short, _WHOLE)
        await site.starting.start(DATASET, window=Window(), trigger="request")
        await site.run(_HOUR)
        return site.captured()


async def _stopped(*functions: str, within: timedelta) -> Capture:
    async with _site(**_HOURLY).opened() as site:
        await site.run(_HOUR)
        site.stopped |= set(functions)
        await site.run(within)
        return site.captured()


_ALL = ("discover_on_schedule", "write_gauges", "discover_page", "copy_asset")
_THROTTLED = SourceThrottledError("data.example.org answered 429", retry_after=10 * _MINUTE)

#: A fault, and all that rings for it.
_FAULTS: dict[str, tuple[Scenario, dict[str, list[str]]]] = {
    "poison": (_file_that_is_gone, {"poison": ["copy"]}),
    "run-stalled": (lambda: _message_of_a_page_is_lost(within=2 * _HOUR), {"run-stalled": [DATASET]}),
    "dataset-stale": (lambda: _paused(4 * _HOUR), {"dataset-stale": [DATASET]}),
    "run-incomplete": (_catalog_that_lists_less_than_it_has, {"run-incomplete": [DATASET]}),
    "message-too-old": (lambda: _nobody_listens(3 * _HOUR), {"message-too-old": ["copy"]}),
    "host-deferring": (
        lambda: _host_asks_for_patience(2.5 * _HOUR, error=_THROTTLED),
        {"host-deferring": [DATASET]},
    ),
    "function-errors": (lambda: _bodies_end_early(files=8), {"function-errors": ["copy_asset"]}),
    "app-silent": (lambda: _stopped(*_ALL, within=35 * _MINUTE), {"app-silent": ["app-silent"]}),
}

#: Troubles that are none yet, or none of that alarm's, by the alarm that could take them for one.
_LESSER: dict[str, tuple[str, Scenario]] = {
    "a run begun anew": ("run-stalled", lambda: _message_of_a_page_is_lost(within=2 * _HOUR, **_HOURLY)),
    "silent for an hour": ("run-stalled", lambda: _message_of_a_page_is_lost(within=_HOUR)),
    "paused for two hours": ("dataset-stale", lambda: _paused(2 * _HOUR)),
    "nobody listens for a while": ("message-too-old", lambda: _nobody_listens(115 * _MINUTE)),
    "put off for an hour": ("message-too-old", lambda: _host_asks_for_patience(5 * _HOUR, error=_THROTTLED)),
    "patience for a while": ("host-deferring", lambda: _host_asks_for_patience(115 * _MINUTE, error=_THROTTLED)),
    "our own limits": (
        "host-deferring",
        lambda: _host_asks_for_patience(3 * _HOUR, error=HostBusyError("4 at once", retry_after=_MINUTE)),
    ),
    "four failures": ("function-errors", lambda: _bodies_end_early(files=2)),
    "stopped for a moment": ("app-silent", lambda: _stopped(*_ALL, within=20 * _MINUTE)),
}


async def test_in_peace_nothing_rings() -> None:
    """Six hours with a run each, all of which come to a good end: every alarm is silent all the while."""
    capture = await _peace()

    assert [each.name for each in alarms() if each.ever_rings(capture)] == []
    assert len([each for each in capture.tables["AppTraces"] if "run_complete" in each["Message"]]) == 6


@pytest.mark.parametrize("name", _FAULTS)
async def test_a_fault_rings(name: str) -> None:
    """The alarm that is there for it, for what is in trouble, and no other."""
    scenario, expected = _FAULTS[name]

    capture = await scenario()

    assert ringing(capture) == expected


@pytest.mark.parametrize("name", _LESSER)
async def test_lesser_trouble_does_not_ring(name: str) -> None:
    """An alarm isn't taken in by what looks like its fault."""
    alarm, scenario = _LESSER[name]

    capture = await scenario()

    assert [each.name for each in alarms() if each.name == alarm and each.ever_rings(capture)] == []


async def test_an_app_that_goes_on_without_gauges_is_silent() -> None:
    """Lines of other kinds don't say how things stand."""
    capture = await _stopped("write_gauges", within=29 * _MINUTE)

    assert ringing(capture) == {"app-silent": ["app-silent"]}
    assert any("asset_kept" in each["Message"] or "run_began" in each["Message"] for each in _late(capture))


async def test_a_catalog_that_asks_for_patience_rings_too() -> None:
    """For hours no page can be read, and so nothing is copied."""
    capture = await _catalog_asks_for_patience(3 * _HOUR)

    assert ringing(capture) == {"host-deferring": [DATASET]}


@pytest.mark.parametrize("name", _FAULTS)
async def test_every_line_is_as_documented(name: str) -> None:
    """What was logged has just the fields that docs/events.md lists, whose names queries go by."""
    scenario, _ = _FAULTS[name]

    lines = [str(each["Message"]) for each in (await scenario()).tables["AppTraces"]]

    events = [json.loads(each[each.index('{"action":') :]) for each in lines if '{"action":' in each]
    logged = {each.pop("action"): sorted(each) for each in events}
    assert logged == {action: sorted(described()[action].fields) for action in logged}
    assert len(logged) >= 4


def _late(capture: Capture) -> list[Row]:
    return capture.within(30 * _MINUTE, until=capture.ended)["AppTraces"]


def test_every_alarm_has_its_fault() -> None:
    """One that nobody has heard ring is none."""
    assert {each.name for each in alarms()} == set(_FAULTS)
