"""A plan counts what a run would do, and does nothing."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.model.caps import Caps
from shared.model.costs import EgressLine
from shared.model.counts import Counts
from shared.model.datasets import OnExisting
from shared.model.errors import (
    MalformedCatalogError,
    RunConflictError,
    SourceChangedError,
    SourceUnavailableError,
    StorageFailedError,
    UnknownDatasetError,
    UnknownRunError,
    WindowError,
)
from shared.model.items import Page, Refusal
from shared.model.messages import PageRequest, Queue
from shared.model.plans import CapStatus, LargeAsset, PlanReport, Replacements
from shared.model.rows import Hold, Run, RunKind, RunState
from shared.model.windows import Window
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults, KilledError
from tests.unit.discovery.world import START, World, asset, item, items

_ALL = Window()
_MD5 = f"md5:{'0' * 32}"


async def _plan(world: World, *, window: Window = _ALL) -> PlanReport:
    """Begin a plan, and go on until it ends."""
    plan = await world.planning().begin("demo", window=window)
    await world.drain()
    return await world.planning().report("demo", plan.run)


def _page(*listed: Any, **values: Any) -> dict[str | None, Page]:
    return {None: Page(items=listed, next_token=None, **values)}


@pytest.mark.parametrize("mode", list(OnExisting))
@pytest.mark.parametrize("capacity", [2, 24])
@pytest.mark.parametrize("size", [3, 30])
async def test_a_run_does_what_its_plan_said(mode: OnExisting, capacity: int, size: int) -> None:
    """Its counts, its bytes and its requests: of items that are there, new, changed, filtered and refused."""
    listed = [
        *items(12, size=10),
        item("b", "x", "y", "z", size=5),
        item("n", "skipped"),
        item("u"),
        item("bad", href="ftp://data.example.org/a"),
        *items(2, size=10),
    ]
    parts: dict[str, Any] = {"policy": {"on_existing": mode.value}, "select": {"exclude": ["skipped"]}}
    world = World(paged(listed, size=size), capacity=capacity, saturation=math.inf, **parts)
    await world.bring(*(asset(f"{number:03}", size=10) for number in range(5)), cause="run-0")
    await world.bring(asset("005", size=9), asset("b", "x", size=4), asset("u"), cause="run-0")

    plan = await _plan(world)
    assert world.requests() == []
    world.clock.pass_by(timedelta(hours=1))
    await world.deliver(await world.begin(run="run-1", began_at=START, progress_at=START))
    await world.drain()

    total = await world.total()
    assert plan.state is world.run.state is RunState.COMPLETE
    assert plan.counts == total
    assert plan.new + plan.changed + plan.again == total.sent
    assert (await world.totals.total("demo", plan.plan, pass_number=1)).requests == len(world.requests())


async def test_a_plan_says_all_of_it() -> None:
    """New, changed and what is asked for again, what is largest and of unknown size, and what it would replace."""
    world = World(
        _page(item("a", size=10), item("b", size=30), item("c"), item("d", size=20, checksum=_MD5), item("e", size=7))
    )
    await world.bring(asset("b", size=29), cause="run-0", length=29)
    await world.bring(asset("d", size=19), cause="run-0", length=20, digests=(_MD5,))
    await world.bring(asset("e", size=7), cause="run-0")

    plan = await _plan(world)

    assert (plan.dataset, plan.plan, plan.state, plan.window) == ("demo", "new-1", RunState.COMPLETE, _ALL)
    assert (plan.began_at, plan.progress_at, plan.ended_at, plan.reason) == (START, START, START, None)
    assert plan.counts == Counts(available=5, sent=4, already=1, items_sent=4, items_already=1, sent_bytes=60)
    assert (plan.new, plan.changed, plan.again, plan.unknown_size) == (2, 2, 0, 1)
    assert plan.replacements == Replacements(
        on_existing=OnExisting.SKIP_VERIFIED, replaced_at_most=1, bytes_at_most=29, refused_at_most=0
    )
    assert plan.largest == tuple(
        LargeAsset(item=f"s2/{name}", key="data", bytes=size) for name, size in (("b", 30), ("d", 20), ("a", 10))
    )
    assert (plan.refused_assets, plan.refused_hosts, plan.refusals, plan.cap) == (0, (), (), None)
    assert plan.notes


@pytest.mark.parametrize(
    ("mode", "replaced", "held"),
    [
        (OnExisting.ERROR, 0, 4),
        (OnExisting.SKIP_VERIFIED, 3, 0),
        (OnExisting.IF_SOURCE_CHANGED, 5, 0),
        (OnExisting.REPLACE, 5, 0),
        (OnExisting.VERSION, 3, 0),
        (OnExisting.IMMUTABLE, 0, 3),
    ],
)
async def test_what_becomes_of_blobs_that_stand(mode: OnExisting, replaced: int, held: int) -> None:
    """As the policy says: a checksum that agrees keeps a blob, and a length that doesn't makes it no less another."""
    listed = (
        item("same", size=10),
        item("changed", size=11),
        item("proven", size=10, checksum=_MD5),
        item("longer", size=11, checksum=_MD5),
        item("other", size=10, checksum=f"md5:{'1' * 32}"),
        item("moved", size=11),
        item("new", size=10),
    )
    world = World(_page(*listed), policy={"on_existing": mode.value})
    for name in ("same", "changed", "proven", "longer", "other"):
        await world.bring(asset(name, size=10), cause="run-0", length=10, digests=(_MD5,))
    await world.bring(asset("moved", size=10), cause="run-0", blob="elsewhere")

    found = (await _plan(world)).replacements

    assert (found.replaced_at_most, found.refused_at_most) == (replaced, held)
    assert found.bytes_at_most == 10 * replaced


async def test_hosts_that_would_be_refused_are_told() -> None:
    """By host, with the reason and how many; their bytes leave no cloud and are stored nowhere."""
    world = World(
        _page(
            item("a", size=10),
            item("b", "x", "y", href="https://elsewhere.org/b.tif", size=100),
            item("c", href="http://data.example.org/c.tif", size=100),
            item("d", href="az://theirs/container/d.tif", size=100),
        ),
        destination={"container": "assets", "name": "{item}/{key}"},
        source={"kind": "azure", "accounts": ["mine"]},
        allow={"hosts": ["*.example.org", "mine.blob.core.windows.net"]},
    )

    plan = await _plan(world)

    refused = [(each.host, each.assets, each.because) for each in plan.refused_hosts]
    assert refused == [
        ("elsewhere.org", 2, "the host 'elsewhere.org' isn't in allow.hosts"),
        ("data.example.org", 1, "data.example.org: 'http' instead of https, and the host isn't in allow.http_hosts"),
        ("theirs", 1, "the account 'theirs' isn't in the source's accounts"),
    ]
    assert (plan.refused_assets, plan.counts.sent, plan.counts.sent_bytes) == (4, 5, 410)
    assert [each.bytes for each in plan.largest] == [10]
    assert plan.bill.egress == ()
    assert plan.bill.a_month.units == 10 / 10**9


async def test_what_the_catalog_lists_badly_is_told_and_recorded_nowhere() -> None:
    """Refusals stand in the plan; the failures table is about what runs and events have tried."""
    refusal = Refusal(item="line 3", key="line 3", error="MalformedCatalogError", message="no\x00href")
    world = World(_page(item("a"), refusals=(refusal,)))

    plan = await _plan(world)

    assert plan.refusals == (Refusal(item="line 3", key="line 3", error="MalformedCatalogError", message="no?href"),)
    assert plan.counts.refused == 1
    assert world.failures.rows == {}


async def test_a_plan_keeps_no_documents() -> None:
    """What would be published is counted into the bill, and nothing of it is kept or asked for."""
    world = World(_page(*items(3), item("there")), publish={})
    await world.bring(asset("there"), cause="run-0")

    plan = await _plan(world)

    assert world.blobs.blobs == {}
    assert {each.queue for each in world.queues.sent} == {Queue.DISCOVER}
    lines = {each.what: each.units for each in plan.bill.once}
    assert lines["blob writes"] == 3 + 1 + 2 * 3 + 1
    assert lines["executions"] == 3 + 1 + 3


async def test_a_bill_is_worked_out() -> None:
    """Blobs in blocks, requests and pages at the prices of the file; what leaves a cloud is in no sum."""
    world = World(
        _page(item("a", href="https://bucket.s3.us-west-2.amazonaws.com/a.tif", size=10**9), item("b", size=1)),
        allow={"hosts": ["*.amazonaws.com", "*.example.org"]},
        source={
            "kind": "s3",
            "region": "us-west-2",
            "access_key_id_setting": "SOURCE_ID",
            "secret_access_key_setting": "SOURCE_KEY",
            "requester_pays": True,
        },
    )

    bill = (await _plan(world)).bill

    lines = {each.what: (each.units, each.dollars) for each in bill.once}
    assert lines["blob writes"] == (121 + 1 + 1, 0.0006)
    assert lines["blob reads"] == (3, 0)
    assert bill.dollars_once == pytest.approx(sum(dollars for _, dollars in lines.values()))
    assert bill.dollars_a_month == bill.a_month.dollars == 0.018
    (out,) = bill.egress
    assert (out.cloud, out.bytes, out.dollars, out.paid_by) == (
        "Amazon Web Services",
        10**9,
        0.09,
        "you: the source's requester pays",
    )
    assert isinstance(out, EgressLine)
    assert all(each.source and each.date for each in (*bill.once, bill.a_month, out))
    assert bill.assumptions


@pytest.mark.parametrize(("most", "would_cut"), [(2, True), (3, False)])
async def test_caps_are_told_and_not_obeyed(most: int, *, would_cut: bool) -> None:
    """A plan counts everything, and says whether one run may bring that."""
    world = World(paged(items(3, size=1), size=1), caps={"max_assets": most}, policy={"bundle_assets": 1})

    plan = await _plan(world)

    assert plan.cap == CapStatus(caps=Caps(max_assets=most), would_cut=would_cut)
    assert plan.counts.sent == 3
    assert [each.spent for each in world.pages() if each.spent] == []


async def test_nothing_holds_a_plan_back() -> None:
    """Full queues and a pause have nothing against what only the catalog is asked for."""
    world = World(paged(items(3), size=1), saturation=0)
    world.holds.hold(Hold(dataset="demo", paused_since=START, paused_by="request"))

    plan = await _plan(world)

    assert (plan.state, plan.counts.sent) == (RunState.COMPLETE, 3)


async def test_neither_is_in_the_others_way() -> None:
    """A plan begins while a run makes progress, and a run while a plan does."""
    world = World(paged(items(3), size=1), saturation=math.inf)
    await world.starting().start("demo", window=_ALL, trigger="request")
    plan = await world.planning().begin("demo", window=_ALL)

    await world.drain()

    report = await world.planning().report("demo", plan.run)
    assert (world.run.run, world.run.state, report.state) == ("new-1", RunState.COMPLETE, RunState.COMPLETE)
    assert (await world.total()).sent == report.counts.sent == 3


async def test_a_plan_moves_no_watermark() -> None:
    """However complete it is: nothing was brought."""
    world = World(paged(items(3), size=1), incremental={}, schedule="0 * * * *")

    assert (await _plan(world)).state is RunState.COMPLETE
    assert await world.watermarks.of("demo") is None
    assert world.runs.newest_runs == {}


async def test_a_plan_is_of_a_window() -> None:
    """As a run that is asked for is."""
    world = World(paged(items(1), size=1))
    window = Window.parse("2024-01-01T00:00:00Z/..")

    plan = await _plan(world, window=window)

    assert plan.window == window
    assert [each for _, each in world.catalog.asked] == [window, window]


async def test_a_second_plan_takes_the_first_ones_place() -> None:
    """The first one's pages end quietly, and nothing tells of it any more."""
    world = World(paged(items(3), size=1))
    first = await world.planning().begin("demo", window=_ALL)

    second = await _plan(world)

    assert (second.plan, second.counts.sent) == ("new-2", 3)
    with pytest.raises(UnknownRunError, match=r"'new-1' isn't the newest plan of demo: it is new-2"):
        await world.planning().report("demo", first.run)


async def test_two_plans_in_one_moment() -> None:
    """One of them is told to ask again."""
    world = World(paged(items(1), size=1))
    run = Run(dataset="demo", run="other", kind=RunKind.PLAN, trigger="request", began_at=START, progress_at=START)

    async def comes_between() -> None:
        if faults.calls[-1].method == "save":
            await world.plans.save(run, replaces=None)

    faults = Faults(pause=comes_between)
    with pytest.raises(RunConflictError, match="another plan of demo began in this moment; ask again"):
        await world.planning(faults).begin("demo", window=_ALL)


async def test_what_cant_be_planned() -> None:
    """A dataset or plan that there isn't, and a window of a catalog without times."""
    world = World({}, catalog={"kind": "manifest", "url": "https://data.example.org/a.csv"})
    planning = world.planning()

    with pytest.raises(UnknownDatasetError):
        await planning.begin("nowhere", window=_ALL)
    with pytest.raises(UnknownDatasetError):
        await planning.report("nowhere", "new-1")
    with pytest.raises(UnknownRunError, match="'new-1' isn't the newest plan of demo: there is none"):
        await planning.report("demo", "new-1")
    with pytest.raises(WindowError, match="manifest has no times"):
        await planning.begin("demo", window=Window.parse("2024-01-01T00:00:00Z/.."))
    assert world.queues.sent == []


async def test_a_plan_that_waits_says_why() -> None:
    """A catalog that is down puts a plan off as it does a run."""
    world = World(paged(items(1), size=1))
    plan = await world.planning().begin("demo", window=_ALL)
    world.catalog.errors = [SourceUnavailableError("503")]

    await world.deliver(world.pages()[0])

    report = await world.planning().report("demo", plan.run)
    assert (report.state, report.reason) == (RunState.RUNNING, "SourceUnavailableError: 503")
    await world.deliver(world.pages()[1])
    assert (await world.planning().report("demo", plan.run)).state is RunState.COMPLETE


async def test_a_plan_that_fails_leaves_no_poison() -> None:
    """Nothing is lost with it: the plan itself says why."""
    world = World({})
    plan = await world.planning().begin("demo", window=_ALL)
    world.catalog.errors = [MalformedCatalogError("no page")]

    await world.deliver(world.pages()[0])

    report = await world.planning().report("demo", plan.run)
    assert (report.state, report.reason) == (RunState.FAILED, "MalformedCatalogError: no page")
    assert world.poison() == []


@pytest.mark.parametrize(("delivery", "state"), [(4, RunState.RUNNING), (5, RunState.FAILED)])
async def test_the_last_delivery_of_a_plan_ends_it(delivery: int, state: RunState) -> None:
    """Before it, what fails is tried again; the last one isn't left to the runtime, which would make it poison."""
    world = World(paged(items(1), size=1))
    await world.planning().begin("demo", window=_ALL)
    (request,) = world.pages()
    faults = Faults(at=lambda call: call.method == "write", error=lambda: StorageFailedError("500"))
    discovery = world.discovery(faults)

    if state is RunState.RUNNING:
        with pytest.raises(StorageFailedError):
            await discovery.deliver(request.encode().encode(), delivery=delivery)
    else:
        await discovery.deliver(request.encode().encode(), delivery=delivery)

    assert world.plans.newest_runs["demo"].run.state is state


async def test_a_catalog_that_changes_is_read_again() -> None:
    """A plan has passes as a run has, and tells of the newest."""
    world = World(paged(items(4), size=2))
    plan = await world.planning().begin("demo", window=_ALL)
    await world.deliver(world.pages()[0])
    world.catalog.errors = [SourceChangedError("another manifest")]

    await world.deliver(world.pages()[1])
    for request in world.pages()[2:]:
        await world.deliver(request)
    await world.deliver(world.pages()[-1])

    report = await world.planning().report("demo", plan.run)
    assert [(each.pass_number, each.page, each.is_plan) for each in world.pages()] == [
        *((1, 0, True), (1, 1, True), (2, 0, True), (2, 1, True))
    ]
    assert (report.state, report.counts.sent, report.new) == (RunState.COMPLETE, 4, 4)


async def test_counts_that_dont_add_up_are_told() -> None:
    """A plan of a catalog that lists less than it states is incomplete, as its run would be."""
    world = World(_page(item("a"), matched=2))

    plan = await _plan(world)

    assert plan.state is RunState.INCOMPLETE
    assert plan.reason == "the window from page 0 has 1 items, but the catalog states 2"


async def test_a_plan_that_is_killed_anywhere_comes_to_the_same() -> None:
    """Delivered again, each page writes the same numbers over what stands there."""
    pages = paged([*items(5, size=3), item("b", "x", "y")], size=3)
    expected = World(pages, capacity=2)
    faults, whole = Faults(), await _planned(expected, Faults())
    await _planned(World(pages, capacity=2), faults)
    for at in range(len(faults.calls)):
        for has_effect in (False, True):
            assert await _planned(World(pages, capacity=2), Faults(at=at, has_effect=has_effect)) == whole


async def _planned(world: World, faults: Faults) -> Mapping[str, Any]:
    waiting = [PageRequest(dataset="demo", run="new-1", is_plan=True)]
    await world.planning().begin("demo", window=_ALL)
    while waiting:
        known = len(world.pages())
        try:
            await world.deliver(waiting[0], faults=faults)
            waiting.pop(0)
        except (KilledError, BaseExceptionGroup):
            pass
        waiting += world.pages()[known:]
    return (await world.planning().report("demo", "new-1")).model_dump()
