import getpass
from typing import Any

import pytest

from shared.discovery import Control
from shared.model.costs import EgressLine
from shared.model.errors import DatasetPausedError, RunEndedError, UnknownDatasetError, UnknownRunError, WindowError
from shared.model.items import Refusal
from shared.model.messages import PageRequest
from shared.model.plans import LargeAsset, PlanReport
from shared.model.rows import RunState
from shared.model.windows import Window
from shared.status import Status
from sluice.command import Operator
from sluice.output import Exit
from sluice.plan_view import view
from sluice.runs import cancel, discover, ended, pause, plan, resume
from sluice.session import UsageError
from tests.fakes import MemoryActivities, MemoryLanes
from tests.fakes.catalogs import paged
from tests.fakes.mailbox import MemoryMailbox
from tests.unit.discovery.world import World, item, items
from tests.unit.sluice.operators import documents, operator, shown

_SINCE = "2024-06-01T00:00:00Z"


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ann is at the terminal."""
    monkeypatch.setenv("LOGNAME", "ann")


def _on(world: World, *, is_json: bool = False) -> Operator:
    """An operator of the dataset ``demo``."""
    status = Status(
        datasets=world.datasets,
        runs=world.runs,
        plans=world.plans,
        watermarks=world.watermarks,
        holds=world.holds,
        queues=world.queues,
        mailbox=MemoryMailbox(clock=world.clock),
        activities=MemoryActivities(),
        lanes=MemoryLanes(),
        saturation=1.5,
        capacity=24,
        clock=world.clock,
    )
    control = Control(datasets=world.datasets, runs=world.runs, holds=world.holds, clock=world.clock)
    return operator(
        is_json=is_json, status=status, starting=world.starting(), planning=world.planning(), control=control
    )


def _pages(count: int = 2) -> World:
    return World(paged(items(count), size=1))


async def test_a_run_begins(capsys: pytest.CaptureFixture[str]) -> None:
    """Of everything; its first page is asked for, and where to look is said."""
    people, programs = _pages(), _pages()

    on = _on(people)
    await discover(on, "demo")
    await discover(_on(programs, is_json=True), "demo")

    assert people.pages() == [PageRequest(dataset="demo", run="new-1")]
    assert " ".join(shown(on)) == ("run new-1 of demo has begun; the app works it: sluice status demo --watch")
    assert documents(capsys) == [{"dataset": "demo", "run": "new-1"}]
    assert (people.run.trigger, people.run.window) == ("request", Window())


async def test_a_run_of_a_window() -> None:
    """From since to until, as the address for runs takes them."""
    world = _pages()

    await discover(_on(world), "demo", since=_SINCE, until="2024-06-02T00:00:00Z")

    assert world.run.window.interval == "2024-06-01T00:00:00Z/2024-06-02T00:00:00Z"


@pytest.mark.parametrize("given", [{"since": "yesterday"}, {"until": ""}], ids=["since", "until"])
async def test_a_window_that_is_none_is_refused(given: dict[str, Any]) -> None:
    """The error names the option."""
    with pytest.raises(WindowError, match=next(iter(given))):
        await discover(_on(_pages()), "demo", **given)


async def test_everything_is_no_window() -> None:
    """``--full`` says what is so without it, and goes with no window."""
    world = _pages()

    await discover(_on(world), "demo", full=True)

    assert world.run.window == Window()
    with pytest.raises(UsageError, match="--full is everything: leave out --since and --until, or --full"):
        await discover(_on(_pages()), "demo", full=True, since=_SINCE)


async def test_a_plan_begins_and_is_shown() -> None:
    """Nothing is asked for; the newest plan is shown unless one is named."""
    world = _pages()
    on = _on(world)

    await discover(on, "demo", only_plan=True)
    await world.drain()
    by_name, newest = await plan(on, "demo", "new-1"), await plan(on, "demo")

    assert (by_name, newest, world.requests()) == (Exit.GOOD, Exit.GOOD, [])
    assert shown(on)[0] == "plan new-1 of demo has begun; the app works it: sluice plan demo --wait"
    assert "plan new-1 of demo, of everything: complete" in shown(on)


async def test_a_plan_that_isnt_the_newest_is_an_error() -> None:
    """So is one of a dataset that has none."""
    world = _pages()

    with pytest.raises(UsageError, match="no plan of demo; sluice discover demo --plan begins one"):
        await plan(_on(world), "demo")
    with pytest.raises(UnknownRunError, match="other"):
        await plan(_on(world), "demo", "other")


async def test_a_plan_is_waited_for() -> None:
    """Until it isn't running any more; how far it has come is shown meanwhile."""
    world = _pages(3)
    on = _on(world)
    begun = await world.planning().begin("demo", window=Window())
    waits: list[float] = []

    async def look() -> PlanReport:
        return await world.planning().report("demo", begun.run)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            await world.drain()

    report = await ended(look, output=on.output, sleep=sleep)

    assert (report.state, waits) == (RunState.COMPLETE, [2.0, 2.0])


async def test_a_plan_waits_by_an_option() -> None:
    """One that has ended is shown at once."""
    world = _pages()
    await world.planning().begin("demo", window=Window())
    await world.drain()

    assert await plan(_on(world), "demo", wait=True) is Exit.GOOD


@pytest.mark.parametrize(
    ("listed", "parts"),
    [
        (items(1), {"allow": {"hosts": ["elsewhere.org", "stac.example.org"]}}),
        ([item("bad", href="ftp://data.example.org/a")], {}),
        (items(3), {"caps": {"max_assets": 1}}),
    ],
    ids=["host", "refused", "caps"],
)
async def test_a_plan_with_trouble_is_a_problem(listed: list[Any], parts: dict[str, Any]) -> None:
    """Something would be refused, or the caps would be reached."""
    world = World(paged(listed, size=10), **parts)
    await world.planning().begin("demo", window=Window())
    await world.drain()
    on = _on(world)

    code = await plan(on, "demo")

    assert code is Exit.PROBLEMS
    assert [each for each in shown(on) if each.startswith("! ")] != []


async def test_a_plan_is_drawn_within_80_columns() -> None:
    """Window, reason, counts, what would be refused, bill and notes."""
    world = _pages()
    begun = await world.planning().begin("demo", window=Window(since=world.clock()))
    await world.drain()
    report = await world.planning().report("demo", begun.run)
    refusal = Refusal(item="scene-1", key="B04", error="BadNameError", message="the name " + "climbs " * 20)
    egress = EgressLine(
        cloud="aws", bytes=5, dollars=1.5, paid_by="the source's owner", source="here", date="2024-06-01"
    )
    update = {
        "reason": "the catalog has answered 503 since noon",
        "bill": report.bill.model_copy(update={"egress": (egress,)}),
        "state": RunState.FAILED,
        "refusals": (refusal,),
        "largest": (LargeAsset(item="scene-1", key="B04", bytes=5),),
    }
    on = _on(world)

    on.output.show(report, view=view(report.model_copy(update=update)))

    lines = shown(on)
    assert lines[0] == "plan new-1 of demo, of 2024-06-01T12:00:00Z/..: failed"
    assert lines[1] == "  the catalog has answered 503 since noon"
    assert any(each.startswith("! scene-1 B04: BadNameError: the name climbs") for each in lines)
    assert any(each.startswith("a month") for each in lines)
    assert any(each.split()[-1:] == ["1.50"] and each.startswith("egress of aws, paid by") for each in lines)


async def test_a_dataset_is_paused_and_goes_on() -> None:
    """By whoever is at the terminal; a run doesn't begin meanwhile."""
    world = _pages()
    on = _on(world)

    await pause(on, "demo")
    with pytest.raises(DatasetPausedError, match="by ann"):
        await discover(on, "demo")
    await resume(on, "demo")
    await discover(on, "demo")

    assert shown(on)[0].startswith("demo is paused since 2024-06-01 12:00:00+00:00 by ann; sluice resume demo")
    assert "demo goes on" in shown(on)


async def test_whoever_has_no_name_pauses_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has no entry in its list of users."""

    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nobody)
    world = _pages()

    await pause(_on(world), "demo")

    assert (await world.holds.of("demo")).hold.paused_by == "sluice"


async def test_the_newest_run_is_cancelled() -> None:
    """By whoever is at the terminal; once more, and where there is none, is an error."""
    world = _pages()
    on = _on(world)
    with pytest.raises(UsageError, match="no run of demo; sluice discover demo begins one"):
        await cancel(on, "demo")
    await discover(on, "demo")

    await cancel(on, "demo")

    assert (world.run.state, world.run.reason) == (RunState.CANCELLED, "cancelled by ann")
    assert "run new-1 of demo is cancelled; what it has sent is copied" in shown(on)
    with pytest.raises(RunEndedError):
        await cancel(on, "demo", "new-1")


async def test_an_unknown_dataset_is_told() -> None:
    """Whatever is asked of it."""
    on = _on(_pages())

    for act in (discover, plan, pause, resume, cancel):
        with pytest.raises(UnknownDatasetError, match="'gone'"):
            await act(on, "gone")
